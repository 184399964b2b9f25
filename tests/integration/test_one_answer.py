"""One call, one answer: nothing else that a peer sends ever becomes the answer to another call.

Against `Http`, so that they hold for each client that takes its place.
"""

import queue
import socket
import time
from collections.abc import Callable

import pytest
from broker.base.audit import Notes
from broker.base.errors import BrokerError
from broker.base.net import BoundedHttp, Call, Http, OutOfReach
from broker.base.progress import Deadline, Progress
from broker.token.credentials import Credential
from broker.token.transloadit import TokenEndpoint

from tests.kit.peers import OK, Peer, peer, read_head

INTERIM = [b"101 Switching Protocols", b"102 Processing", b"103 Early Hints", b"199 Unknown"]


@pytest.fixture
def web() -> Http:
    return BoundedHttp(time.time, allow_loopback=True)


def get(web: Http, url: str) -> bytes:
    return web(Call("GET", url, 5, 1000)).body


def answer(body: bytes) -> bytes:
    return OK + b"content-length: %d\r\n\r\n" % len(body) + body


def numbers(speak: Callable[[socket.socket, bytes], None], connections: list[int]) -> Peer:
    """Numbers its connections, and speaks so on each, having read a request."""

    def behave(connection: socket.socket) -> None:
        connections.append(len(connections))
        speak(connection, b"%d" % connections[-1])

    return behave


@pytest.mark.parametrize("status", INTERIM)
def test_an_interim_answer_is_none_and_the_late_answer_after_it_reaches_nobody(web: Http, status: bytes) -> None:
    """The late answer comes when the next call may be waiting, and could be taken for that call's own."""
    connections: list[int] = []

    def speak(connection: socket.socket, number: bytes) -> None:
        connection.sendall(b"HTTP/1.1 %s\r\n\r\n" % status)
        read_head(connection)
        connection.sendall(answer(b"late " + number))

    with peer(numbers(speak, connections), at_once=3) as origin:
        for _ in range(3):
            with pytest.raises(OutOfReach, match="connection"):
                get(web, f"{origin}/")
    assert connections == [0, 1, 2]


def test_a_second_answer_that_comes_late_reaches_nobody(web: Http) -> None:
    connections: list[int] = []
    returned, sent = queue.Queue[None](), queue.Queue[None]()

    def speak(connection: socket.socket, number: bytes) -> None:
        connection.sendall(answer(b"first " + number))
        returned.get(timeout=60)
        connection.sendall(answer(b"second " + number))
        sent.put(None)
        read_head(connection)

    with peer(numbers(speak, connections), at_once=3) as origin:
        for number in range(3):
            assert get(web, f"{origin}/") == b"first %d" % number
            returned.put(None)
            sent.get(timeout=60)


def test_a_second_answer_of_which_a_part_came_with_the_first_reaches_nobody(web: Http) -> None:
    """Bytes that the client has read already no longer show at the socket."""
    connections: list[int] = []

    def speak(connection: socket.socket, number: bytes) -> None:
        connection.sendall(answer(b"first " + number) + OK)
        read_head(connection)
        connection.sendall(OK + answer(b"second " + number))

    with peer(numbers(speak, connections), at_once=3) as origin:
        for number in range(3):
            assert get(web, f"{origin}/") == b"first %d" % number


@pytest.mark.parametrize("head", [OK, OK + b"connection: keep-alive\r\n", b"HTTP/1.0 200 OK\r\n"])
def test_a_connection_whose_end_ends_the_answer_is_not_kept(web: Http, head: bytes) -> None:
    connections: list[int] = []

    with peer(numbers(lambda connection, number: connection.sendall(head + b"\r\n" + number), connections)) as origin:
        assert [get(web, f"{origin}/") for _ in range(3)] == [b"0", b"1", b"2"]


@pytest.mark.parametrize(
    "lengths",
    [b"content-length: 1\r\ncontent-length: 5\r\n", b"content-length: 5\r\ntransfer-encoding: chunked\r\n"],
    ids=["two lengths", "a length and chunks"],
)
def test_a_connection_whose_answer_has_two_lengths_is_not_kept(web: Http, lengths: bytes) -> None:
    """Two readers could take two ends for it (RFC 9112 section 6.3)."""
    connections: list[int] = []

    def speak(connection: socket.socket, number: bytes) -> None:
        body = b"1\r\n%s\r\n0\r\n\r\n" % number if b"chunked" in lengths else number
        connection.sendall(OK + lengths + b"\r\n" + body)
        read_head(connection)

    with peer(numbers(speak, connections), at_once=3) as origin:
        assert [get(web, f"{origin}/") for _ in range(3)] == [b"0", b"1", b"2"]


@pytest.mark.parametrize("framed", [b"content-length: 1\r\n", b"transfer-encoding: chunked\r\n"])
def test_a_connection_that_answers_by_http_1_0_is_not_kept(web: Http, framed: bytes) -> None:
    """That version knows no chunks, so that an intermediary may see another end of them (RFC 9112 section 6.1)."""
    connections: list[int] = []

    def speak(connection: socket.socket, number: bytes) -> None:
        body = b"1\r\n%s\r\n0\r\n\r\n" % number if b"chunked" in framed else number
        connection.sendall(b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\nkeep-alive: 9\r\n" + framed + b"\r\n" + body)
        read_head(connection)

    with peer(numbers(speak, connections), at_once=3) as origin:
        assert [get(web, f"{origin}/") for _ in range(3)] == [b"0", b"1", b"2"]


def test_an_answer_of_100_continue_is_passed_over(web: Http) -> None:
    """100 Continue is the one interim answer that every client passes over (RFC 9110 section 15.2.1)."""

    def speak(connection: socket.socket, number: bytes) -> None:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" + answer(number))

    with peer(numbers(speak, [])) as origin:
        assert get(web, f"{origin}/") == b"0"


def test_three_callers_mint_at_an_api2_that_hints_early_and_none_gets_another_s_token(web: Http) -> None:
    def speak(connection: socket.socket) -> None:
        body = b'{"access_token": "of-an-earlier-call", "token_type": "bearer", "expires_in": 9, "scope": "read"}'
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        read_head(connection)
        connection.sendall(answer(body))

    with peer(speak, at_once=3) as origin:
        endpoint = TokenEndpoint(web, time.time, lambda seconds: None, origin)
        for caller in ("alice", "bob", "carol"):
            credential = Credential(caller, "arn", "v1", "the-auth-key", "the-auth-secret")
            with pytest.raises(BrokerError):
                endpoint.mint(credential, "read", "api2", Progress(Deadline(time.time, 15), Notes()))


def test_headers_without_end_are_refused_before_they_fill_the_memory(web: Http) -> None:
    head = OK + b"".join(b"x-%d: %s\r\n" % (number, b"y" * 60_000) for number in range(50))
    with (
        peer(lambda connection: connection.sendall(head + b"content-length: 0\r\n\r\n")) as origin,
        pytest.raises(OutOfReach, match="answer too large"),
    ):
        get(web, f"{origin}/")
