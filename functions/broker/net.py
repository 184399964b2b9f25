"""HTTP to others, with limits: https only, no redirects, capped in size and in time as a whole."""

import ssl
import threading
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from io import BufferedReader
from socket import SHUT_RDWR, socket
from typing import Any, Protocol, cast
from urllib.parse import SplitResult, urlsplit

from broker.deadline import Clock
from broker.values import Value

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
CONNECT_SECONDS = 2.0
IDLE_SECONDS = 20.0  # that a connection is kept for the next call
MAX_HEAD = 64 * 1024  # bytes of an answer's lines: status, headers, and the sizes of chunks


class OutOfReach(Exception):
    """No answer that can be used: refused, reset, too slow, too large, or not to be asked at all. Fixed words only."""


class Call(Value, frozen=True):
    """One request.

    `seconds` are for all of it, from the look-up of the host's name to the last byte of the answer. `limit` is how many
    bytes the answer's body may have.
    """

    hidden = ("headers", "body")

    method: str
    url: str
    seconds: float
    limit: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


class Answer(Value, frozen=True):
    """An answer: the names of its headers in lower case, its body as it was sent, compressed or not."""

    hidden = ("headers", "body")

    status: int
    headers: Mapping[str, str]
    body: bytes


class Http(Protocol):
    def __call__(self, call: Call, /) -> Answer:
        """The answer, whatever its status, redirects included. Raises OutOfReach."""


class BoundedHttp:
    """`Http` on the standard library. A call ends within its seconds whatever name service, peer and network do."""

    def __init__(self, clock: Clock, *, allow_loopback: bool = False) -> None:
        """`allow_loopback`: admits http to this machine; only a policy compiled for the local stack sets it."""
        self._clock = clock
        self._allow_loopback = allow_loopback
        self._idle = _Idle(clock)
        self._context: ssl.SSLContext | None = None
        self._tls_lock = threading.Lock()

    def __call__(self, call: Call, /) -> Answer:
        origin, parts = self._checked(call.url)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        ends_at = self._clock() + call.seconds
        connection = self._idle.take(origin) or self._new(origin)

        def ask() -> Answer:
            self._open(connection, ends_at)
            connection.request(call.method, target, call.body or None, dict(call.headers))
            answer, is_whole = self._read(connection, call.limit, ends_at)
            if is_whole:
                self._idle.keep(origin, connection)
            else:
                connection.close()
            return answer

        return _within(call.seconds, connection, ask)

    def connect(self, url: str, seconds: float) -> None:
        """Open a connection for the next call of this origin. Raises OutOfReach."""
        origin, _ = self._checked(url)
        connection = self._new(origin)

        def open_and_keep() -> None:
            self._open(connection, self._clock() + seconds)
            self._idle.keep(origin, connection)

        _within(seconds, connection, open_and_keep)

    def _checked(self, url: str) -> tuple["Origin", SplitResult]:
        try:
            parts = urlsplit(url)
            origin = (parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0))
        except ValueError as error:
            raise OutOfReach("not https") from error
        is_local = self._allow_loopback and parts.scheme == "http" and parts.hostname in LOOPBACK
        if not (parts.scheme == "https" and parts.hostname) and not is_local:
            raise OutOfReach("not https")
        return origin, parts

    def _new(self, origin: "Origin") -> HTTPConnection:
        scheme, host, port = origin
        https = scheme == "https"
        connection = HTTPSConnection(host, port, context=self._tls()) if https else HTTPConnection(host, port)
        connection.response_class = _Response
        return connection

    def _tls(self) -> ssl.SSLContext:
        """One for all, since reading the certificates takes as long as a handshake."""
        with self._tls_lock:
            self._context = self._context or ssl.create_default_context()
            return self._context

    def _open(self, connection: HTTPConnection, ends_at: float) -> None:
        if connection.sock is None:
            connection.timeout = min(CONNECT_SECONDS, self._left(ends_at))
            connection.connect()
        connection.sock.settimeout(self._left(ends_at))

    def _left(self, ends_at: float) -> float:
        """Seconds left, so that nothing is sent for a caller who has given up."""
        left = ends_at - self._clock()
        if left <= 0:
            raise OutOfReach("timeout")
        return left

    def _read(self, connection: HTTPConnection, limit: int, ends_at: float) -> tuple[Answer, bool]:
        """The answer, and whether nothing else can follow it on this connection."""
        sock = connection.sock
        data = b""
        with cast(_Response, connection.getresponse()) as response:
            # An interim answer (RFC 9110 section 15.2) is not the answer: that would be read by the next call.
            if response.status < 200:
                raise OutOfReach("connection")
            while len(data) <= limit and not response.isclosed():
                sock.settimeout(self._left(ends_at))
                data += response.read1(limit + 1 - len(data))
            if len(data) > limit:
                raise OutOfReach("answer too large")
            if _is_cut_short(response):
                raise OutOfReach("connection")
            headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, data), _is_framed(response) and not response.reader.has_more


Origin = tuple[str, str, int]  # scheme, host, port
_Waiting = dict[Origin, list[tuple[float, HTTPConnection]]]  # since when
_PORTS = {"https": 443, "http": 80}


class _Idle:
    """Open connections that wait for the next call of their origin."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._connections: _Waiting = {}
        weakref.finalize(self, _close_all, self._connections)

    def take(self, origin: Origin) -> HTTPConnection | None:
        """One that is still good.

        A peer hangs up on who is silent, and an environment that was frozen meanwhile has not noticed.
        """
        with self._lock:
            waiting = self._connections.get(origin, [])
            while waiting:
                since, connection = waiting.pop()
                if 0 <= self._clock() - since < IDLE_SECONDS and not _hung_up(connection):
                    return connection
                connection.close()
        return None

    def keep(self, origin: Origin, connection: HTTPConnection) -> None:
        if connection.sock is not None:  # which the peer's answer may have said is at its end
            with self._lock:
                self._connections.setdefault(origin, []).append((self._clock(), connection))


def _close_all(connections: _Waiting) -> None:
    for waiting in connections.values():
        for _, connection in waiting:
            connection.close()


class _Reader(BufferedReader):
    """The bytes of one answer. Once closed, `has_more` says whether the peer had sent more than the answer."""

    def __init__(self, raw: Any, sock: socket) -> None:
        super().__init__(raw)
        self._sock = sock
        self._head = 0
        self.has_more = False

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        self._head += len(line)
        if self._head > MAX_HEAD:
            raise OutOfReach("answer too large")
        return line

    def close(self) -> None:
        if not self.closed:
            self.has_more = self._has_more()
        super().close()

    def _has_more(self) -> bool:
        """A second answer that was read with the first is in this buffer alone, and its rest may still come."""
        try:
            self._sock.settimeout(0)
            return bool(self.peek(1))
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True


class _Response(HTTPResponse):
    def __init__(self, sock: socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self.fp = self.reader = _Reader(self.fp.detach(), sock)


def _hung_up(connection: HTTPConnection) -> bool:
    """Whether a silent peer has said goodbye, or anything; not by `select`, since TLS 1.3 sends tickets by itself."""
    connection.sock.settimeout(0)
    try:
        connection.sock.recv(1)
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        pass
    return True


def _is_framed(response: HTTPResponse) -> bool:
    """Whether the answer told its end once, by a length or by chunks (RFC 9112 section 6.3).

    HTTP/1.0 knows no chunks, so that an intermediary may see another end (section 6.1).
    """
    names = [name.lower() for name, _ in response.getheaders()]
    return response.version == 11 and names.count("content-length") + names.count("transfer-encoding") == 1


def _is_cut_short(response: HTTPResponse) -> bool:
    return bool(response.length) and not response.chunked


def _within[T](seconds: float, connection: HTTPConnection, work: Callable[[], T]) -> T:
    """What `work` on a connection returns. Raises OutOfReach, and closes the connection, for all that fails.

    A socket limits one address and one read; a peer that drips, or a slow name service, outlasts that. So it runs in a
    thread of its own.
    """
    returned: list[T] = []
    raised: list[Exception] = []

    def run() -> None:
        try:
            returned.append(work())
        except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
            raised.append(error)
            connection.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if returned:
        return returned[0]
    if raised:
        raise _reason(raised[0]) from raised[0]
    if (sock := connection.sock) is not None:
        with suppress(OSError):  # so that the thread ends, too
            # Not by SSLSocket's own: that takes TLS off first, and what the thread then sends goes out in the clear.
            socket.shutdown(sock, SHUT_RDWR)
    raise OutOfReach("timeout")


def _reason(error: Exception) -> Exception:
    """What a failure is in fixed words; a defect of ours stays what it is."""
    if isinstance(error, OutOfReach):
        return OutOfReach(*error.args)
    if isinstance(error, TimeoutError):
        return OutOfReach("timeout")
    if isinstance(error, ssl.SSLError):
        return OutOfReach("tls")
    return OutOfReach("connection") if isinstance(error, (HTTPException, OSError, ValueError)) else error
