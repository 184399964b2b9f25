"""A connection between two calls: it is kept, opened ahead, checked and closed, over real sockets."""

import gc
import queue
import socket
import ssl
import sys
import time
from contextlib import suppress

import pytest
import trustme
from broker.base.connections import Connection
from broker.base.net import BoundedHttp, Call, OutOfReach

from tests.kit.clock import Clock
from tests.kit.peers import OK, Peer, by_tls, drips, nobody, peer, read_head

EMPTY = OK + b"content-length: 0\r\n\r\n"


def serves_on(connections: list[socket.socket]) -> Peer:
    """Answers ten requests on each of its connections, and notes them."""

    def behave(connection: socket.socket) -> None:
        connections.append(connection)
        connection.sendall(EMPTY)
        for _ in range(9):
            read_head(connection)
            connection.sendall(EMPTY)

    return behave


def test_a_connection_is_kept_for_the_next_call_and_not_for_one_after_a_long_silence() -> None:
    """A frozen environment does not notice that its peer hung up."""
    clock = Clock()
    connections: list[socket.socket] = []
    with peer(serves_on(connections), at_once=3) as origin:
        web = BoundedHttp(clock, allow_loopback=True)
        for seconds in (0, 5, 19):
            clock.advance(seconds)
            web(Call("GET", f"{origin}/", 5, 10))
        assert len(connections) == 1
        clock.advance(20)
        web(Call("GET", f"{origin}/", 5, 10))
        assert len(connections) == 2
        clock.advance(-5)
        web(Call("GET", f"{origin}/", 5, 10))
        assert len(connections) == 3


def test_each_connection_s_silence_is_its_own() -> None:
    """Calls to another origin do not keep this one's alive."""
    clock = Clock()
    connections: list[socket.socket] = []
    with peer(serves_on(connections), at_once=2) as silent, peer(serves_on([])) as busy:
        web = BoundedHttp(clock, allow_loopback=True)
        web(Call("GET", f"{silent}/", 5, 10))
        for _ in range(3):
            clock.advance(15)
            web(Call("GET", f"{busy}/", 5, 10))
        web(Call("GET", f"{silent}/", 5, 10))
    assert len(connections) == 2


def test_a_connection_whose_peer_hung_up_meanwhile_is_replaced() -> None:
    closed: queue.Queue[bool] = queue.Queue()

    def answers_once(connection: socket.socket) -> None:
        connection.sendall(EMPTY)
        connection.close()
        closed.put(True)

    with peer(answers_once) as origin:
        web = BoundedHttp(time.time, allow_loopback=True)
        for _ in range(3):
            assert web(Call("GET", f"{origin}/", 5, 10)).status == 200
            closed.get(timeout=60)


def test_a_connection_opened_ahead_serves_the_next_call() -> None:
    connections: list[socket.socket] = []

    def counts(connection: socket.socket) -> None:
        connections.append(connection)
        connection.sendall(EMPTY)

    with peer(counts, at_once=2) as origin:
        web = BoundedHttp(time.time, allow_loopback=True)
        web.connect(origin, 5)
        web(Call("GET", f"{origin}/", 5, 10))
        assert len(connections) == 1


def test_a_connection_opened_ahead_whose_peer_hung_up_meanwhile_is_replaced() -> None:
    connections: queue.Queue[socket.socket] = queue.Queue()

    def accepted(connection: socket.socket) -> socket.socket:
        connections.put(connection)
        return connection

    with peer(lambda connection: connection.sendall(EMPTY), at_once=2, accepted=accepted) as origin:
        web = BoundedHttp(time.time, allow_loopback=True)
        web.connect(origin, 5)
        connections.get(timeout=60).shutdown(socket.SHUT_RDWR)
        assert web(Call("GET", f"{origin}/", 5, 10)).status == 200


def test_a_connection_opened_ahead_is_not_used_after_a_long_silence() -> None:
    clock = Clock()
    connections: list[socket.socket] = []
    with peer(serves_on(connections), at_once=2) as origin:
        web = BoundedHttp(clock, allow_loopback=True)
        web.connect(origin, 5)
        clock.advance(20)
        web(Call("GET", f"{origin}/", 5, 10))
        web.connect(origin, 5)
        web(Call("GET", f"{origin}/", 5, 10))
    assert len(connections) == 1  # on which a request came


def test_a_connection_that_cannot_be_opened_ahead_is_out_of_reach() -> None:
    with nobody() as origin, pytest.raises(OutOfReach, match="connection"):
        BoundedHttp(time.time, allow_loopback=True).connect(origin, 5)


def test_a_connection_opened_ahead_by_tls_serves_though_session_tickets_wait_in_it(tls: ssl.SSLContext) -> None:
    """TLS 1.3 sends session tickets unasked: something to read that is no goodbye (RFC 8446 section 4.6.1)."""
    connections: queue.Queue[socket.socket] = queue.Queue()

    def accepted(connection: socket.socket) -> socket.socket:
        wrapped = tls.wrap_socket(connection, server_side=True)
        connections.put(wrapped)
        return wrapped

    with peer(lambda connection: connection.sendall(EMPTY), at_once=2, accepted=accepted) as origin:
        web = BoundedHttp(time.time)
        web.connect(by_tls(origin), 5)
        connections.get(timeout=60)  # its tickets are sent
        assert web(Call("GET", f"{by_tls(origin)}/", 5, 10)).status == 200
    assert connections.empty()


def test_a_tls_connection_is_given_up_with_its_tls_on(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """`SSLSocket.shutdown` takes TLS off first: bytes that the thread sends at that moment would go out in clear."""
    taken_off: list[object] = []
    monkeypatch.setattr(ssl.SSLSocket, "shutdown", lambda connection, how: taken_off.append(how))
    drip = drips(OK, b"x: y\r\n")
    with (
        peer(drip, accepted=lambda each: tls.wrap_socket(each, server_side=True)) as origin,
        pytest.raises(OutOfReach, match="timeout"),
    ):
        BoundedHttp(time.time)(Call("GET", f"{by_tls(origin)}/", 0.4, 10))
    assert taken_off == []


def test_a_connection_that_its_peer_says_it_closes_is_not_used_again_though_it_is_still_open() -> None:
    connections: list[socket.socket] = []

    def says_so(connection: socket.socket) -> None:
        connections.append(connection)
        connection.sendall(OK + b"connection: close\r\ncontent-length: 0\r\n\r\n")
        read_head(connection)

    with peer(says_so, at_once=2) as origin:
        web = BoundedHttp(time.time, allow_loopback=True)
        for _ in range(2):
            web(Call("GET", f"{origin}/", 5, 10))
    assert len(connections) == 2


@pytest.mark.parametrize("head", [OK, OK + b"connection: close\r\n\r\n"], ids=["its head", "its last body"])
def test_a_call_that_is_given_up_is_shut_at_once_however_long_its_peer_would_drip(head: bytes) -> None:
    ended: queue.Queue[None] = queue.Queue()

    def drips_on(connection: socket.socket) -> None:
        connection.sendall(head)
        with suppress(OSError):
            while True:
                connection.sendall(b"x")
                time.sleep(0.02)
        ended.put(None)

    with peer(drips_on) as origin, pytest.raises(OutOfReach, match="timeout"):
        BoundedHttp(time.time, allow_loopback=True)(Call("GET", f"{origin}/", 0.2, 1000))
    ended.get(timeout=60)


def test_the_words_of_a_peer_are_not_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """urllib3 warns of headers that it cannot parse, in their own words."""
    odd = OK + b"content-length: 0\r\ntransfer-encoding: chunked\r\nno header\r\n\r\n0\r\n\r\n"
    with peer(lambda connection: connection.sendall(odd)) as origin:
        BoundedHttp(time.time, allow_loopback=True)(Call("GET", f"{origin}/", 5, 10))
    assert caplog.records == []


@pytest.mark.parametrize(("is_trusted", "name"), [(False, "127.0.0.1"), (True, "example.com")])
def test_a_certificate_of_another_authority_or_for_another_host_is_refused(
    authority: trustme.CA, is_trusted: bool, name: str
) -> None:
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    (authority if is_trusted else trustme.CA()).issue_cert(name).configure_cert(server)
    with peer(
        lambda connection: None, 2, lambda connection: server.wrap_socket(connection, server_side=True)
    ) as origin:
        web = BoundedHttp(time.time)
        with pytest.raises(OutOfReach, match="tls"):
            web.connect(by_tls(origin), 5)
        with pytest.raises(OutOfReach, match="tls"):
            web(Call("GET", f"{by_tls(origin)}/", 5, 10))


def test_an_idle_connection_is_closed_however_its_owner_becomes_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    gc.collect()  # what earlier tests left is theirs
    monkeypatch.setattr(sys, "unraisablehook", lambda found: warnings.append(str(found.exc_value)))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        owner = [Connection(("http", *listening.getsockname()), time.time)]
        owner[0].ends_at = time.time() + 60
        owner[0].open()
        in_use = owner[0].sock
        gc.collect()  # now the collector has the socket, which is in use, before its connection
        ring: list[object] = [owner]
        ring.append(ring)
        del in_use, owner, ring
        gc.collect()
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.recv(1) == b""
    assert warnings == []
