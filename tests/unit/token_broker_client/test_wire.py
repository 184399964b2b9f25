"""The bounds of one request, and answers that are broken off."""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from token_broker_client import wire
from token_broker_client.errors import TokenError

from tests.kit.token_server import TokenServer

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n"


@contextmanager
def peer(serve: Callable[[socket.socket], object]) -> Iterator[str]:
    """A server that does this with its one connection, until that is closed."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.recv(65_536)
                serve(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join(20)


@pytest.mark.parametrize("head", [HEAD + b"x-slow: ", HEAD + b"\r\n"], ids=["in a header", "in the body"])
def test_a_peer_that_sends_a_byte_now_and_then_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, head: bytes) -> None:
    monkeypatch.setattr(wire, "SECONDS", 0.5)
    is_over = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(head)
        ends_at = time.monotonic() + 8
        while not is_over.wait(0.1) and time.monotonic() < ends_at:
            connection.sendall(b"a")

    with peer(drip) as url:
        began = time.monotonic()
        with pytest.raises(TokenError, match="did not answer in time") as raised:
            wire.send("GET", url, {}, None, "the peer")
        is_over.set()
    assert raised.value.is_temporary
    assert time.monotonic() - began < 6


def test_an_answer_that_is_broken_off_is_one_that_did_not_come() -> None:
    with (
        peer(lambda connection: connection.sendall(HEAD + b'\r\n{"access_token": "half')) as url,
        pytest.raises(TokenError, match="the connection broke") as raised,
    ):
        wire.send("GET", url, {}, None, "the peer")
    assert raised.value.is_temporary


def test_a_packed_answer_is_not_unpacked(broker: TokenServer) -> None:
    packed = gzip.compress(bytes(10_000_000))
    broker.then(packed, content_encoding="gzip")
    assert wire.send("GET", broker.origin, {}, None, "the peer").body == packed
