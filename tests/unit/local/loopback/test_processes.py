"""Free ports: what one process has chosen, no other one chooses before it listens there."""

import random
import subprocess
import sys

import pytest

from infra.sam import ROOT
from local.loopback import processes

CHOOSES = """
import sys
from local.loopback.processes import free_ports
print(*free_ports(40), flush=True)
sys.stdin.read()
"""


def test_two_processes_never_choose_the_same_port_though_nothing_listens_there_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command, pipe = [sys.executable, "-c", CHOOSES], subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout is not None
        theirs = list(map(int, other.stdout.readline().split()))
        assert len(theirs) == 40
        monkeypatch.setattr(processes, "_PORTS", [*theirs, *random.sample(processes._PORTS, 60)])
        assert {*processes.free_ports(20)}.isdisjoint(theirs)
