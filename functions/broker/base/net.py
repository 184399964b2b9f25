"""HTTP to others, with limits: https only, no redirects, capped in size and in time as a whole."""

import ssl
import threading
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import urlsplit

from urllib3 import BaseHTTPResponse, exceptions

from broker.base.connections import Connection, Connections, Origin
from broker.base.connections import OutOfReach as OutOfReach  # which callers take from here
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


class Answer(Value, frozen=True):
    """The answer to a call: header names in lower case, the body as it was sent, compressed or not."""

    hidden = ("headers", "body")

    status: int
    headers: Mapping[str, str]
    body: bytes


class Http(Protocol):
    def __call__(self, call: Call, /) -> Answer:
        """The answer, whatever its status, redirects included. Raises OutOfReach."""


class BoundedHttp:
    """`Http` on urllib3. A call ends within its seconds whatever name service, peer and network do."""

    def __init__(self, clock: Clock, *, allow_loopback: bool = False) -> None:
        """`allow_loopback`: admits http to this machine; only a policy compiled for the local stack sets it."""
        self._allow_loopback = allow_loopback
        self._connections = Connections(clock)

    def __call__(self, call: Call, /) -> Answer:
        origin, target = self._check(call.url)
        connection = self._connections.take(origin, call.seconds)

        def ask() -> Answer:
            with connection.ask(call.method, target, call.headers, call.body) as response:
                answer = _read(response, call.limit)
            connection.left()  # The end of a call that was given up looks like the end of an answer.
            return answer

        answer = _within(call.seconds, connection, ask)
        self._connections.keep(connection)
        return answer

    def connect(self, url: str, seconds: float) -> None:
        """Open a connection for the next call of this origin. Raises OutOfReach."""
        origin, _ = self._check(url)
        connection = self._connections.take(origin, seconds)
        _within(seconds, connection, connection.open)
        self._connections.keep(connection)

    def _check(self, url: str) -> tuple[Origin, str]:
        """The origin of a URL that may be asked, and what is asked for there."""
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
    # An interim answer (RFC 9110 section 15.2) is not the answer: that would be read by the next call.
    if response.status < 200:
        raise OutOfReach("connection")
    body = response.read(limit + 1, decode_content=False)
    if len(body) > limit:
        raise OutOfReach("answer too large")
    if response.length_remaining:  # the peer closed before the end
        raise OutOfReach("connection")
    return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, body)


def _within[T](seconds: float, connection: Connection, work: Callable[[], T]) -> T:
    """What `work` on a connection returns. Raises OutOfReach, and closes the connection, for all that fails.

    urllib3's time limits are for one address and one read, `Timeout(total=)` too; a peer that drips, or a slow name
    service, outlasts them. So the work has a thread of its own.
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
    connection.hang_up()  # so that the thread ends, too
    raise OutOfReach("timeout")


def _reason(error: Exception) -> Exception:
    """What a failure is in fixed words; a defect of ours stays what it is."""
    match error:
        case OutOfReach():
            return OutOfReach(*error.args)
        case exceptions.NewConnectionError():  # which is a kind of timeout to urllib3
            return OutOfReach("connection")
        case TimeoutError() | exceptions.TimeoutError():
            return OutOfReach("timeout")
        case ssl.SSLError() | exceptions.SSLError():
            return OutOfReach("tls")
        case exceptions.HTTPError() | OSError() | ValueError():
            return OutOfReach("connection")
    return error
