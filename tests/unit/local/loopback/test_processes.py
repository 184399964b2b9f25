"""Free ports: what one process has chosen, no other one chooses before it listens there."""

import subprocess
import sys

import pytest

from infra.sam import ROOT
from local.loopback import processes

CHOOSES = """
import sys
from local.loopback import processes
processes._PORTS = list(map(int, sys.argv[1:]))
print(*processes.free_ports(len(sys.argv) - 2), flush=True)
sys.stdin.read()
"""


def test_two_processes_never_choose_the_same_port_though_nothing_listens_there_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ports = [port for port in range(10_000, 10_100) if processes.is_free(port)][:33]
    command, pipe = [sys.executable, "-c", CHOOSES, *map(str, ports)], subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout is not None
        theirs = list(map(int, other.stdout.readline().split()))
        monkeypatch.setattr(processes, "_PORTS", ports)
        assert processes.free_ports(1) == [*{*ports} - {*theirs}]
