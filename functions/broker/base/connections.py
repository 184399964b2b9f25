"""Connections by urllib3 that serve one call after another, so that no call reads another call's answer."""

import logging
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPResponse
from io import BufferedReader
from socket import SHUT_RDWR, socket
from typing import Any
from weakref import finalize

from msgspec import Struct, field
from urllib3 import BaseHTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import SKIP_HEADER

from broker.base.progress import Clock

CONNECT_SECONDS = 2.0  # for each address of a host
IDLE_SECONDS = 20.0  # that a connection is kept for the next call
MAX_HEAD = 64 * 1024  # bytes of an answer's lines: status, headers, and the sizes of chunks

Origin = tuple[str, str, int]  # scheme, host, port
MakeContext = Callable[[], ssl.SSLContext]

# urllib3 warns of odd answers, and would quote in the function's log what a peer sent.
logging.getLogger("urllib3").setLevel(logging.ERROR)


class OutOfReach(Exception):
    """No usable answer: refused, reset, too slow, too large, or a URL that is never asked. Holds fixed words only."""


class _Reader(BufferedReader):
    """Reads the bytes of one answer from its socket."""

    sock: socket
    head = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        # A peer could fill the memory with headers: http.client takes a hundred lines of 64 KiB, and any number of
        # interim answers and of chunks.
        line = super().readline(size)
        self.head += len(line)
        if self.head > MAX_HEAD:
            raise OutOfReach("answer too large")
        return line

    def close(self) -> None:
        # A peer could send a second answer behind the first one. If both were read at once, the second is in this
        # buffer alone, which the next call never sees; what follows on the socket would be read as that call's answer.
        # So the connection ends here.
        if not self.closed:
            with suppress(OSError):  # Nothing waits, which is what a good peer sends.
                self.sock.settimeout(0)
                if self.peek(1):
                    _shut(self.sock)
        super().close()


class _Response(HTTPResponse):
    """An answer after which the connection is closed, unless the answer states its end exactly once."""

    def __init__(self, sock: socket, *arguments: Any, **keywords: Any) -> None:
        super().__init__(sock, *arguments, **keywords)
        self.fp = reader = _Reader(self.fp.detach())
        reader.sock = sock

    def begin(self) -> None:
        super().begin()
        # An answer with two lengths, or with none, may end elsewhere for an intermediary (RFC 9112 section 6.3), as may
        # one by HTTP/1.0, which knows no chunks (section 6.1). The next call would read the rest as its own answer.
        ends = [name for name in self.headers if name.lower() in ("content-length", "transfer-encoding")]
        self.will_close = self.will_close or self.version != 11 or len(ends) != 1
        # urllib3 parses the length again. Two parsers that disagree leave a rest on the connection, too; so it is shown
        # the length that http.client reads by.
        del self.headers["content-length"]
        if self.length is not None:
            self.headers["content-length"] = str(self.length)


class Connection(HTTPConnection):
    """A connection to one origin.

    It is used without urllib3's pools, which tell too late which connection a call is on: whoever gives up a call must
    be able to shut its connection before there is an answer.
    """

    response_class = _Response
    ends_at = used_at = 0.0  # epoch seconds: when the present call must end, and when the one before did
    _opened: socket | None = None  # `sock` is None while the last answer of a connection is read
    _closing: "finalize[..., Any] | None" = None

    def __init__(self, origin: Origin, clock: Clock, **settings: Any) -> None:
        super().__init__(origin[1], origin[2], **settings)
        self.origin = origin
        self._clock = clock

    def open(self) -> None:
        """Connect, unless it is connected. Raises OutOfReach, and what urllib3 and sockets raise."""
        self.timeout = CONNECT_SECONDS
        if self.is_closed:
            self.connect()

    def ask(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> BaseHTTPResponse:
        """The answer, its body unread. Raises OutOfReach, and what urllib3, http.client and sockets raise."""
        self.open()
        self.timeout = self.left()
        # A server may refuse a request before it has read all of it, and hang up. Its answer can still be read.
        with suppress(BrokenPipeError, ConnectionResetError):
            headers = {"user-agent": SKIP_HEADER, **headers}
            self.request(method, target, body or None, headers, preload_content=False)
        return self.getresponse()

    def hang_up(self) -> None:
        """End the call that another thread has on this connection."""
        if self._opened is not None:
            _shut(self._opened)

    def connect(self) -> None:
        super().connect()
        self._opened = self.sock
        if self._closing is not None:
            self._closing.detach()
        # Not by `__del__`: a collection of garbage may end the socket before its connection, and Python warns of it.
        self._closing = finalize(self, self.sock.close)
        # A name service may answer after the caller has given up. A mint that is sent then is a token for nobody.
        self.left()

    def left(self) -> float:
        """Seconds that the present call has left. Raises OutOfReach when none are."""
        left = self.ends_at - self._clock()
        if left <= 0:
            raise OutOfReach("timeout")
        return left

    @property
    def is_connected(self) -> bool:
        """Whether the next call may use it.

        Servers close idle connections. A frozen Lambda environment does not see it happen, so this is asked before
        each reuse. urllib3's own check takes the session tickets of TLS 1.3, which come unasked (RFC 8446 section
        4.6.1), for the end of the connection.
        """
        if self.sock is None or not 0 <= self._clock() - self.used_at < IDLE_SECONDS:
            return False
        try:
            self.sock.settimeout(0)
            self.sock.recv(1)
        except OSError as error:
            return isinstance(error, (BlockingIOError, ssl.SSLWantReadError))
        return False  # The peer has closed it, or sent what no call asked for.


class _TlsConnection(Connection, HTTPSConnection):
    pass


class Connections(Struct):
    """The idle connections, by origin."""

    clock: Clock
    make_context: MakeContext
    lock: threading.Lock = field(default_factory=threading.Lock)
    context: ssl.SSLContext | None = None
    idle: dict[Origin, list[Connection]] = field(default_factory=dict)

    def take(self, origin: Origin, seconds: float) -> Connection:
        """The connection that was used last, or a new one, for a call that lasts at most `seconds` from now."""
        with self.lock:
            idle = self.idle.setdefault(origin, [])
            connection = idle.pop() if idle else self._make(origin)
        if not connection.is_connected:
            connection.close()
        connection.ends_at = self.clock() + seconds
        return connection

    def keep(self, connection: Connection) -> None:
        """Keep a connection for the next call of its origin."""
        connection.used_at = self.clock()
        with self.lock:
            self.idle[connection.origin].append(connection)

    def _make(self, origin: Origin) -> Connection:
        if origin[0] == "http":
            return Connection(origin, self.clock)
        # One context for all, since reading the certificates takes as long as a handshake.
        self.context = self.context or self.make_context()
        return _TlsConnection(origin, self.clock, ssl_context=self.context)


def _shut(sock: socket) -> None:
    with suppress(OSError):
        # Not `SSLSocket.shutdown`: it takes TLS off first, and the thread of the call could then send a secret in plain
        # text.
        socket.shutdown(sock, SHUT_RDWR)
