"""HTTP with limits, over real sockets: whatever a peer does, a call ends in its time and within its size."""

import gzip
import os
import socket
import threading
import time

import pytest
from broker.base.net import BoundedHttp, Call, OutOfReach

from tests.kit.clock import Clock
from tests.kit.peers import OK, Peer, by_tls, drips, nobody, peer
from tests.kit.standstill import standstill
from tests.kit.waiting import wait_until


def sends(data: bytes) -> Peer:
    return lambda connection: connection.sendall(data)


def body(data: bytes, *headers: bytes) -> Peer:
    head = OK + b"".join(header + b"\r\n" for header in headers)
    return sends(head + b"content-length: %d\r\n\r\n" % len(data) + data)


def silent_after(first: bytes) -> Peer:
    def behave(connection: socket.socket) -> None:
        connection.sendall(first)
        connection.settimeout(10)
        connection.recv(1)

    return behave


def get(url: str, seconds: float = 5, limit: int = 1000) -> tuple[int, bytes]:
    answer = BoundedHttp(time.time, allow_loopback=True)(Call("GET", url, seconds, limit))
    return answer.status, answer.body


def why(url: str, seconds: float = 5, limit: int = 1000) -> str:
    with pytest.raises(OutOfReach) as raised:
        get(url, seconds, limit)
    return str(raised.value)


def test_an_answer_comes_with_status_lower_case_headers_and_body() -> None:
    with peer(body(b"text", b"Retry-After: 5")) as origin:
        answer = BoundedHttp(time.time, allow_loopback=True)(Call("GET", f"{origin}/", 5, 10))
    assert (answer.status, answer.headers["retry-after"], answer.body) == (200, "5", b"text")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\n\r\ntext",
        b"HTTP/1.0 200 OK\r\ncontent-length: 4\r\n\r\ntext",
        OK + b"connection: close\r\n\r\ntext",
        OK + b"connection: close\r\ncontent-length: 4\r\n\r\ntext",
        OK + b"transfer-encoding: chunked\r\n\r\n2\r\nte\r\n2\r\nxt\r\n0\r\n\r\n",
    ],
    ids=["1.0", "1.0 with length", "closing", "closing with length", "chunked"],
)
def test_a_body_is_read_however_its_end_is_marked(answer: bytes) -> None:
    with peer(sends(answer)) as origin:
        assert get(f"{origin}/") == (200, b"text")


def test_the_body_is_sent_after_the_headers() -> None:
    received: list[bytes] = []

    def reads_on(connection: socket.socket) -> None:
        received.append(connection.recv(65_536))
        connection.sendall(OK + b"content-length: 0\r\n\r\n")

    with peer(reads_on) as origin:
        url = f"{origin}/token"
        call = Call("POST", url, 5, 10, {"x-a": "b"}, b"the body")
        BoundedHttp(time.time, allow_loopback=True)(call)
    assert received == [b"the body"]


def test_a_call_sends_its_own_headers_and_those_that_http_needs() -> None:
    received: list[bytes] = []

    def reads(connection: socket.socket) -> None:
        connection.sendall(OK + b"content-length: 0\r\n\r\n")

    def notes(connection: socket.socket) -> socket.socket:
        received.append(connection.recv(65_536, socket.MSG_PEEK))
        return connection

    with peer(reads, accepted=notes) as origin:
        BoundedHttp(time.time, allow_loopback=True)(Call("GET", f"{origin}/a?b=c", 5, 10, {"x-a": "b"}))
    host = origin.removeprefix("http://").encode()
    lines = [b"GET /a?b=c HTTP/1.1", b"Host: " + host, b"Accept-Encoding: identity", b"x-a: b", b"", b""]
    assert received[0].split(b"\r\n") == lines


def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy, peer(body(b"text")) as origin:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        assert get(f"{origin}/") == (200, b"text")


def test_a_service_that_is_unavailable_is_asked_once() -> None:
    """urllib3 knows how to repeat a request; a mint that is repeated may be a second token."""
    calls: list[None] = []

    def refuses(connection: socket.socket) -> None:
        calls.append(None)
        connection.sendall(b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n")

    with peer(refuses, at_once=3) as origin:
        assert get(f"{origin}/") == (503, b"")
    assert len(calls) == 1


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with peer(body(b"other")) as other, peer(body(b"", b"location: " + other.encode())) as origin:
        assert get(f"{origin}/") == (200, b"")
    moved = b"HTTP/1.1 302 Found\r\nlocation: %s\r\ncontent-length: 0\r\n\r\n"
    with peer(body(b"other")) as other, peer(sends(moved % other.encode())) as origin:
        assert get(f"{origin}/") == (302, b"")


@pytest.mark.parametrize("size", [1001, 100_000])
def test_a_body_over_the_limit_is_refused(size: int) -> None:
    with peer(body(b"x" * size)) as origin:
        assert why(f"{origin}/") == "answer too large"


def test_a_body_of_exactly_the_limit_is_taken() -> None:
    with peer(body(b"x" * 1000)) as origin:
        assert get(f"{origin}/") == (200, b"x" * 1000)


def test_an_endless_chunked_body_is_cut_off() -> None:
    chunk = b"400\r\n" + b"x" * 1024 + b"\r\n"
    with peer(drips(OK + b"transfer-encoding: chunked\r\n\r\n", chunk)) as origin:
        assert why(f"{origin}/") == "answer too large"


def test_a_compressed_body_is_not_unpacked_so_that_it_stays_small() -> None:
    packed = gzip.compress(b"x" * 1_000_000)
    assert len(packed) < 2000
    with peer(body(packed, b"content-encoding: gzip")) as origin:
        assert get(f"{origin}/", limit=2000) == (200, packed)


SLOW: dict[str, Peer] = {
    "silent": silent_after(b""),
    "dripping its status line": drips(b"HTTP/1.1", b" "),
    "dripping its headers": drips(OK, b"x: y\r\n"),
    "dripping its body": drips(OK + b"content-length: 10000\r\n\r\n", b"x"),
    "dripping its last body": drips(OK + b"connection: close\r\n\r\n", b"x"),
    "dripping the size of a chunk": drips(OK + b"transfer-encoding: chunked\r\n\r\n", b"0"),
    "dripping chunks": drips(OK + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "dripping interim answers": drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "silent after its headers": silent_after(OK + b"content-length: 5\r\n\r\n"),
}


@pytest.mark.parametrize("behave", SLOW.values(), ids=SLOW.keys())
def test_a_slow_peer_is_given_up_in_time(behave: Peer) -> None:
    with peer(behave) as origin:
        started = time.monotonic()
        with standstill() as still:
            assert why(f"{origin}/", seconds=0.4) == "timeout"
        assert time.monotonic() - started < 1.5 + still.seconds


def test_a_peer_that_never_accepts_is_given_up_in_time() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        # Fill the queue, so that the next connection waits.
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listening.getsockname())
        origin = f"http://127.0.0.1:{listening.getsockname()[1]}"
        threads, started = threading.active_count(), time.monotonic()
        with standstill() as still:
            assert why(f"{origin}/", seconds=0.4) == "timeout"
            with pytest.raises(OutOfReach, match="timeout"):
                BoundedHttp(time.time, allow_loopback=True).connect(origin, 0.4)
        assert time.monotonic() - started < 1.5 + still.seconds
        wait_until(lambda: threading.active_count() <= threads)
        for one in waiting:
            one.close()


BROKEN: dict[str, Peer] = {
    "closed at once": lambda connection: None,
    "closed within its status line": sends(b"HTTP/1.1 2"),
    "closed within its body": sends(OK + b"content-length: 50\r\n\r\nhalf"),
    "no HTTP": sends(b"\x15\x03\x01\x00\x02\x02\x28"),
    "closed within a chunk": sends(OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhalf"),
    "closed before the last chunk": sends(OK + b"transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
    "endless trailers": sends(OK + b"transfer-encoding: chunked\r\n\r\n0\r\n" + b"x: y\r\n" * 20_000),
    "endless interim answers": sends(b"HTTP/1.1 100 Continue\r\n\r\n" * 5000),
    "a broken chunk": sends(OK + b"transfer-encoding: chunked\r\n\r\nzz\r\n"),
    "endless headers": sends(OK + b"x: y\r\n" * 5000 + b"\r\n"),
    "a header too long": sends(OK + b"x: " + b"y" * 100_000 + b"\r\n\r\n"),
}


@pytest.mark.parametrize("behave", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_answer_is_out_of_reach(behave: Peer) -> None:
    with peer(behave) as origin:
        assert why(f"{origin}/") in ("connection", "timeout", "answer too large")


def test_a_port_where_nobody_listens_is_out_of_reach() -> None:
    with nobody() as origin:
        assert why(f"{origin}/") == "connection"


def test_a_peer_without_tls_is_out_of_reach() -> None:
    with peer(sends(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as origin:
        assert why(f"{by_tls(origin)}/") in ("tls", "connection")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "http://127.0.0.1.example.com/",
        "http://127.0.0.2/",
        "http://[::ffff:127.0.0.1]/",
        "http://localhost.evil.example/",
        "http://127.0.0.1@evil.example/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "//127.0.0.1/",
        "",
    ],
)
@pytest.mark.parametrize("allow_loopback", [True, False])
def test_a_url_without_https_is_out_of_reach_except_for_a_local_stack_s_own_machine(
    url: str, allow_loopback: bool
) -> None:
    with pytest.raises(OutOfReach, match="not https"):
        BoundedHttp(time.time, allow_loopback=allow_loopback)(Call("GET", url, 1, 10))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_a_deployed_broker_asks_not_even_its_own_machine_by_http(host: str) -> None:
    with pytest.raises(OutOfReach, match="not https"):
        BoundedHttp(time.time)(Call("GET", f"http://{host}:1/", 1, 10))


def test_a_call_whose_time_is_over_sends_nothing() -> None:
    """A name service that answers late must not mint for a caller that has gone."""
    clock, received = Clock(), []

    def runs_on() -> float:
        clock.advance(3)
        return clock()

    with peer(lambda connection: received.append(connection)) as origin, pytest.raises(OutOfReach, match="timeout"):
        BoundedHttp(runs_on, allow_loopback=True)(Call("GET", f"{origin}/", 5, 10))
    assert received == []


def test_an_answer_that_comes_too_late_by_the_wall_clock_is_no_answer() -> None:
    """A frozen environment stops every wait; its wall clock goes on."""
    clock = Clock()

    def answers_late(connection: socket.socket) -> None:
        clock.advance(10)
        connection.sendall(OK + b"content-length: 0\r\n\r\n")

    with peer(answers_late) as origin, pytest.raises(OutOfReach, match="timeout"):
        BoundedHttp(clock, allow_loopback=True)(Call("GET", f"{origin}/", 5, 10))


def test_calls_that_are_given_up_leave_neither_threads_nor_sockets() -> None:
    threads, sockets = threading.active_count(), len(os.listdir("/proc/self/fd"))
    for behave in (silent_after(b""), *SLOW.values()):
        with peer(behave, at_once=4) as origin:
            for _ in range(20):
                assert why(f"{origin}/", seconds=0.01) == "timeout"
    wait_until(lambda: threading.active_count() <= threads)
    wait_until(lambda: len(os.listdir("/proc/self/fd")) <= sockets)
