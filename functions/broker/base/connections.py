"""Connections by urllib3 that serve one call after another, so that no call reads another call's answer."""

import logging
import ssl
import threading
import weakref
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPResponse
from io import BufferedReader
from socket import SHUT_RDWR, socket
from typing import Any, cast

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import SKIP_HEADER

from broker.base.progress import Clock

CONNECT_SECONDS = 2.0  # for each address of a host
IDLE_SECONDS = 20.0  # that a connection is kept for the next call
MAX_HEAD = 64 * 1024  # bytes of an answer's lines: status, headers, and the sizes of chunks

Origin = tuple[str, str, int]  # scheme, host, port

# urllib3 warns of odd answers, and would quote in the function's log what a peer sent.
logging.getLogger("urllib3").setLevel(logging.ERROR)


class OutOfReach(Exception):
    """No answer that can be used: refused, reset, too slow, too large, or not to be asked at all. Fixed words only."""


class _Reader(BufferedReader):
    """The bytes of one answer."""

    sock: socket
    head = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        self.head += len(line)
        if self.head > MAX_HEAD:
            raise OutOfReach("answer too large")
        return line

    def close(self) -> None:
        """Hang up if the peer sent more than the answer: what was read with it is in this buffer alone."""
        if not self.closed:
            with suppress(OSError):  # There is nothing more to read now.
                self.sock.settimeout(0)
                if self.peek(1):
                    _shut(self.sock)
        super().close()


class _Response(HTTPResponse):
    """An answer after which the connection is closed, unless its end was told once."""

    def __init__(self, sock: socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self.fp = reader = _Reader(self.fp.detach())
        reader.sock = sock

    def begin(self) -> None:
        """Read the head.

        An answer that tells its end twice, or not at all, may have another end for an intermediary (RFC 9112 section
        6.3), as may one by HTTP/1.0, which knows no chunks (section 6.1). What follows would be read by the next call.
        """
        super().begin()
        ends = [name for name in self.headers if name.lower() in ("content-length", "transfer-encoding")]
        self.will_close = self.will_close or self.version != 11 or len(ends) != 1
        del self.headers["content-length"]  # so that urllib3 reads no other length than http.client
        if self.length is not None:
            self.headers["content-length"] = str(self.length)


class Connection(HTTPConnection):
    """urllib3's connection, in a pool of its own: so it is known which one to shut when a call is given up."""

    response_class = _Response
    ends_at = used_at = 0.0  # when the call ends that it is taken for, and when the one before did
    _opened: socket | None = None  # `sock` is None while the last answer of a connection is read

    def __init__(self, origin: Origin, clock: Clock, **settings: Any) -> None:
        self.origin = scheme, host, port = origin
        super().__init__(host, port, **settings)
        self._clock = clock
        self._pool = (HTTPSConnectionPool if scheme == "https" else HTTPConnectionPool)(host, port, retries=False)
        self._pool.ConnectionCls = cast(Any, lambda **settings: self)

    def open(self) -> None:
        """Connect ahead of the next call. Raises OutOfReach, and what urllib3 raises."""
        self.timeout = CONNECT_SECONDS
        if self.is_closed:
            self.connect()

    def ask(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> BaseHTTPResponse:
        """The answer, its body unread. Raises OutOfReach, and what urllib3 raises."""
        timeout = Timeout(connect=CONNECT_SECONDS, total=self.left())
        headers = {"user-agent": SKIP_HEADER, **headers}
        return self._pool.urlopen(
            method, target, body or None, headers, redirect=False, timeout=timeout, preload_content=False
        )

    def hang_up(self) -> None:
        """End the call that another thread has on this connection."""
        if self._opened is not None:
            _shut(self._opened)

    def connect(self) -> None:
        super().connect()
        self._opened = self.sock
        self.left()

    def left(self) -> float:
        """Seconds left, so that nothing is sent for a caller who has given up. Raises OutOfReach."""
        left = self.ends_at - self._clock()
        if left <= 0:
            raise OutOfReach("timeout")
        return left

    @property
    def is_connected(self) -> bool:
        """Whether the next call may use it. Servers close idle connections, and a frozen environment does not see it.

        urllib3's own check takes TLS 1.3's session tickets, which come unasked, for a goodbye.
        """
        if self.sock is None or not 0 <= self._clock() - self.used_at < IDLE_SECONDS:
            return False
        try:
            self.sock.settimeout(0)
            self.sock.recv(1)
        except OSError as error:
            return isinstance(error, (BlockingIOError, ssl.SSLWantReadError))
        return False


class _TlsConnection(Connection, HTTPSConnection):
    pass


class Connections:
    """Connections that wait for the next call of their origin."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None
        self._waiting: dict[Origin, list[Connection]] = {}
        weakref.finalize(self, _close_all, self._waiting)

    def take(self, origin: Origin, seconds: float) -> Connection:
        """The one that was used last, or a new one, for a call that lasts at most `seconds` from now."""
        with self._lock:
            if waiting := self._waiting.setdefault(origin, []):
                connection = waiting.pop()
                if not connection.is_connected:  # The pool asks this of what it was handed back, not of a first one.
                    connection.close()
            elif origin[0] == "http":
                connection = Connection(origin, self._clock)
            else:
                # One context for all, since reading the certificates takes as long as a handshake.
                self._context = self._context or ssl.create_default_context()
                connection = _TlsConnection(origin, self._clock, ssl_context=self._context)
        connection.ends_at = self._clock() + seconds
        return connection

    def keep(self, connection: Connection) -> None:
        """Let it wait for its next call."""
        connection.used_at = self._clock()
        with self._lock:
            self._waiting[connection.origin].append(connection)


def _close_all(connections: dict[Origin, list[Connection]]) -> None:
    for waiting in connections.values():
        for connection in waiting:
            connection.close()


def _shut(sock: socket) -> None:
    with suppress(OSError):
        # Not `SSLSocket.shutdown`: it takes TLS off first, and the thread could then send in plain text.
        socket.shutdown(sock, SHUT_RDWR)
