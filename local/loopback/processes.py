"""Ports, and children that end with us."""

import asyncio
import ctypes
import secrets
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_PR_SET_PDEATHSIG = 1


# Below those that the system gives to connections (from 32768 on Linux), so that none takes a port meanwhile.
_PORTS = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on just now."""
    found: list[int] = []
    while len(found) < count:
        port = _PORTS[secrets.randbelow(len(_PORTS))]
        if port not in found and is_free(port):
            found.append(port)
    return found


def hidden_address() -> str:
    """An address of loopback that no page guesses, for ports whose servers check nobody (Linux has them all)."""
    return f"127.{secrets.randbelow(255)}.{secrets.randbelow(255)}.{1 + secrets.randbelow(254)}"


def is_free(port: int) -> bool:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def interrupts_held() -> Iterator[None]:
    """A Ctrl-C meanwhile comes at the end, so that a process that was just started is not lost sight of."""
    held: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if held:
        raise KeyboardInterrupt


async def end(process: asyncio.subprocess.Process) -> None:
    """End a child, if it has not ended by itself, and wait for it."""
    if process.returncode is None:
        process.kill()
    await process.wait()


def end_with_parent() -> None:
    """In a child before it starts: ask Linux to end it when its parent is gone, however that happened."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
