"""The processes of a running stack: found by their command lines, and paused."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from local.stack.control import running
from tests.kit.stacks import Client


def find_supervisor(stack: Client) -> int:
    found = running(stack.folder)
    assert found is not None
    return found


def find_child(stack: Client, words: str) -> int:
    """The supervisor's one child with these words in its command line."""
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True)
    rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
    supervisor = str(find_supervisor(stack))
    (found,) = (int(pid) for pid, parent, command in rows if parent == supervisor and words in command)
    return found


@contextmanager
def paused(process: int) -> Iterator[None]:
    """A process that does not answer as long as the context lasts. Nothing that it holds is lost."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)
