"""Free ports, and child processes that end when their parent does."""

import asyncio
import ctypes
import secrets
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_PR_SET_PDEATHSIG = 1


# Linux gives ports from 32768 to outgoing connections: one of those could be taken between our check and our bind.
_PORTS = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """`count` different ports of loopback on which nothing listens, and which no other process has chosen here."""
    found: list[int] = []
    while len(found) < count:
        port = _PORTS[secrets.randbelow(len(_PORTS))]
        if port not in found and is_free(port) and _reserve(port):
            found.append(port)
    return found


def _reserve(port: int) -> bool:
    """Choose a port until this process ends. Returns whether nobody else has.

    A stack listens seconds after it has chosen its ports. Of two that start at once, one could not.
    """
    if sys.platform != "linux":
        return True
    mark = socket.socket(socket.AF_UNIX)
    try:
        mark.bind(f"\0token-broker-port-{port}")  # a name without a file, which ends with its process
    except OSError:
        mark.close()
        return False
    mark.detach()
    return True


def hidden_address() -> str:
    """A random loopback address, for servers that we cannot guard: a page cannot guess where to send its requests.

    Linux answers on all of 127.0.0.0/8.
    """
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
def hold_interrupts() -> Iterator[None]:
    """Delay Ctrl-C until the block ends, so that a process started in it is always recorded and can be stopped."""
    held: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if held:
        raise KeyboardInterrupt


async def end(process: asyncio.subprocess.Process) -> None:
    """Kill a child process unless it has ended, and wait for it."""
    if process.returncode is None:
        process.kill()
    await process.wait()


def end_with_parent() -> None:
    """Run in a child before it starts: Linux then kills it when its parent ends, even if the parent is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
