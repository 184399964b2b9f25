"""Peers on loopback that speak HTTP byte by byte, as badly as a test wants."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Peer = Callable[[socket.socket], None]
Wrap = Callable[[socket.socket], socket.socket]
OK = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def peer(behave: Peer, at_once: int = 1, accepted: Wrap = lambda connection: connection) -> Iterator[str]:
    """Serve by reading a request and then behaving so. Yields the origin, by http."""
    listening = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection, suppress(OSError), accepted(connection) as speaking:
                read_head(speaking)
                behave(speaking)

    for _ in range(at_once):
        threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        ended.set()
        with suppress(OSError):  # wakes the threads that wait in `accept`
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()


@contextmanager
def nobody() -> Iterator[str]:
    """An origin, by http, where nobody listens as long as the context lasts: the port is taken, so no one else can."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"


def read_head(connection: socket.socket) -> None:
    head = b""
    while not head.endswith(b"\r\n\r\n") and not head.startswith(b"\x16"):  # the first byte of TLS
        byte = connection.recv(1)
        if not byte:
            raise OSError
        head += byte


def drips(first: bytes, piece: bytes) -> Peer:
    def behave(connection: socket.socket) -> None:
        connection.sendall(first)
        for _ in range(100):
            connection.sendall(piece)
            time.sleep(0.05)

    return behave


def by_tls(origin: str) -> str:
    """An origin of a peer that speaks TLS."""
    return origin.replace("http:", "https:")
