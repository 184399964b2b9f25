"""HTTP to others, with limits: https only, no redirects, capped in size and in time as a whole."""

import ssl
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from http.client import HTTPException
from typing import Protocol
from urllib.parse import urlsplit

from urllib3 import BaseHTTPResponse, exceptions
from urllib3.filepost import encode_multipart_formdata

from broker.base.connections import Connection, Connections, MakeContext, Origin
from broker.base.connections import OutOfReach as OutOfReach  # callers import it from here
from broker.base.progress import Clock
from broker.base.values import Value

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_PORTS = {"https": 443, "http": 80}


class Call(Value, frozen=True):
    """One request.

    `seconds` are for the whole of it, from the name's look-up to the last byte of the answer. `limit` is the number of
    bytes that the answer's body may have.
    """

    hidden = ("headers", "body")

    method: str
    url: str
    seconds: float
    limit: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


def write_form(fields: Mapping[str, str]) -> tuple[bytes, str]:
    """The fields as a multipart form (RFC 7578), and its content type."""
    return encode_multipart_formdata(fields)


class Answer(Value, frozen=True):
    """The answer to a call: header names in lower case, the body as it was sent, compressed or not."""

    hidden = ("headers", "body")

    status: int
    headers: Mapping[str, str]
    body: bytes


class Http(Protocol):
    """Sends calls. `BoundedHttp` is the one of the function; tests have others."""

    def __call__(self, call: Call, /) -> Answer:
        """The answer, whatever its status, redirects included. Raises OutOfReach."""


class BoundedHttp:
    """`Http` on urllib3. A call ends within its seconds whatever name service, peer and network do."""

    def __init__(
        self, clock: Clock, *, allow_loopback: bool = False, make_context: MakeContext = ssl.create_default_context
    ) -> None:
        """`allow_loopback`: admits http to this machine; only a policy compiled for the local stack sets it."""
        self._allow_loopback = allow_loopback
        self._connections = Connections(clock, make_context)

    def __call__(self, call: Call, /) -> Answer:
        origin, target = self._check(call.url)

        def ask(connection: Connection) -> Answer:
            with connection.ask(call.method, target, call.headers, call.body) as response:
                answer = _read(response, call.limit)
            # A frozen environment stops the wait of `_run`, too. The wall clock alone knows that the time is over.
            connection.left()
            return answer

        return self._run(ask, origin, call.seconds)

    def connect(self, url: str, seconds: float) -> None:
        """Open a connection for the next call of this origin. Raises OutOfReach."""
        origin, _ = self._check(url)
        self._run(Connection.open, origin, seconds)

    def _run[T](self, work: Callable[[Connection], T], origin: Origin, seconds: float) -> T:
        """What `work` returns of a connection to this origin. Raises OutOfReach.

        A peer that sends a byte a second, a slow name service, or a host of many addresses outlasts urllib3's limits,
        each of which is for one address and one read, `Timeout(total=)` included. So the work has a thread of its own,
        which is no longer waited for when the time is over.
        """
        connection = self._connections.take(origin, seconds)
        outcome = Future[T]()

        def run() -> None:
            try:
                outcome.set_result(work(connection))
            except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
                connection.close()
                outcome.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        try:
            value = outcome.result(seconds)
        except Exception as error:
            if not outcome.done():
                connection.hang_up()  # so that the thread ends, too
            raise _name_failure(error) from error
        # Only after one whole answer. A failed connection may still hold an answer, which the next call would read.
        self._connections.keep(connection)
        return value

    def _check(self, url: str) -> tuple[Origin, str]:
        """The origin of a URL that may be called, and the target of the request. Raises OutOfReach for all others.

        A key set or a token by http could be replaced on its way.
        """
        try:
            parts = urlsplit(url)
            origin = (parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0))
        except ValueError as error:
            raise OutOfReach("not https") from error
        is_local = self._allow_loopback and parts.scheme == "http" and parts.hostname in LOOPBACK
        if not (parts.scheme == "https" and parts.hostname) and not is_local:
            raise OutOfReach("not https")
        return origin, f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"


def _read(response: BaseHTTPResponse, limit: int) -> Answer:
    """The answer with a body of at most `limit` bytes, counted as they were sent: nothing is unpacked."""
    # urllib3 returns an interim answer (RFC 9110 section 15.2) as if it were the answer. The next call would then read
    # this call's answer.
    if response.status < 200:
        raise OutOfReach("connection")
    body = response.read(limit + 1, decode_content=False)
    if len(body) > limit:
        raise OutOfReach("answer too large")
    # urllib3 does not mind a peer that closes before the end where a part was read: half a key set, half a token.
    if response.length_remaining:
        raise OutOfReach("connection")
    return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, body)


def _name_failure(error: Exception) -> Exception:
    """A failure as OutOfReach in fixed words, since the libraries' words quote the peer; a defect of ours as it is."""
    match error:
        case OutOfReach():
            return OutOfReach(*error.args)
        case exceptions.NewConnectionError():  # which is a kind of timeout to urllib3
            return OutOfReach("connection")
        case TimeoutError() | exceptions.TimeoutError():
            return OutOfReach("timeout")
        case ssl.SSLError() | exceptions.SSLError():
            return OutOfReach("tls")
        case exceptions.HTTPError() | HTTPException() | OSError() | ValueError():
            return OutOfReach("connection")
    return error
