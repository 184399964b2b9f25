"""Calls of AWS by boto3, which signs, finds the endpoint and reads the answer; the bytes travel by the broker's Http.

So there is one transport: one limit on a call as a whole, connections opened ahead, no proxy, and one TLS context.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import partial
from typing import Any

import boto3
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from broker.base import encoding
from broker.base.net import Call, Http, OutOfReach
from broker.base.progress import Clock, Deadline
from broker.base.values import Value

# botocore's own second try would wait for up to six seconds before it, whatever is left of the call; `call` has its
# own. The mode `auto` of defaults would ask the instance metadata service, which Lambda does not have.
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 1}, defaults_mode="legacy")

# At DEBUG botocore writes each request and each answer, the secret too, and Lambda's log level is the root logger's.
logging.getLogger("botocore").setLevel(logging.ERROR)


class _Attempt(Struct):
    """One request under way: when it ends, epoch seconds; how many bytes its answer may have; and its status."""

    ends_at: float
    limit: int
    status: int = 0


_ATTEMPT: ContextVar[_Attempt] = ContextVar("attempt")


class Reply(Value, frozen=True):
    """What came of a call. `error` is the exception's short name, such as ResourceNotFoundException; None where it was
    done. `status` is 0 where nothing was sent.
    """

    hidden = ("members",)

    status: int
    members: dict[str, Any]
    error: str | None = None


def make_session(access: Mapping[str, str | None]) -> boto3.Session:
    """With these credentials alone: botocore's search for others reads files and asks the instance metadata service."""
    core = botocore.session.Session()
    # A variable could turn client-side monitoring on, which sends the session token by UDP to any host.
    core.set_config_variable("csm_enabled", False)
    return boto3.Session(botocore_session=core, **access)


class Aws:
    """The clients of one session, each made when it is first needed."""

    def __init__(self, http: Http, clock: Clock, session: boto3.Session, endpoint: str | None) -> None:
        """`endpoint`: of the local stack; None means what AWS's own variables and data say."""
        self._http = http
        self._clock = clock
        self._session: Any = session
        self._endpoint = endpoint
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def origin(self, service: str) -> str:
        """Where the calls of a service go. Raises OutOfReach where botocore finds no endpoint."""
        try:
            endpoint: str = self._client(service).meta.endpoint_url
        except (BotoCoreError, ValueError) as error:
            raise OutOfReach("no endpoint") from error
        return endpoint

    def call(
        self, operation: str, request: dict[str, Any], deadline: Deadline, *, seconds: float, limit: int, tries: int = 1
    ) -> Reply:
        """The answer, whatever it is, within `seconds` and the deadline, of at most `limit` bytes.

        `operation`: service and method, such as `dynamodb.get_item`. It is sent up to `tries` times while the service
        fails by itself; not where it throttles, since a call at once would be one too many again.
        Raises OutOfReach, and TemporarilyUnavailable where the deadline has passed already.
        """
        service, _, method = operation.partition(".")
        try:
            send = getattr(self._client(service), method)
        except BotoCoreError as error:
            return Reply(0, {}, type(error).__name__)
        ends_at = self._clock() + deadline.left(seconds)
        while True:
            tries -= 1
            try:
                reply = _ask(partial(send, **request), _Attempt(ends_at, limit))
            except OutOfReach:
                if not tries or self._clock() >= ends_at:
                    raise
            else:
                if reply.status < 500 or not tries or self._clock() >= ends_at:
                    return reply

    def _client(self, service: str) -> Any:
        with self._lock:  # a session is not made for several threads
            if service not in self._clients:
                client = self._session.client(service, endpoint_url=self._endpoint, config=_CONFIG)
                client.meta.events.register("before-send", self._send)
                self._clients[service] = client
            return self._clients[service]

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """What botocore takes for the answer of its own transport, which it then does not use."""
        attempt = _ATTEMPT.get()
        headers = {
            name.lower(): text if isinstance(text, str) else text.decode() for name, text in request.headers.items()
        }
        seconds = attempt.ends_at - self._clock()
        answer = self._http(Call(request.method, request.url, seconds, attempt.limit, headers, request.body))
        attempt.status, body = answer.status, answer.body
        try:
            encoding.read_object(body)
        except ValueError:
            # botocore takes it for an answer without members: a table that talks nonsense would hold no row.
            if answer.status < 300:
                raise
            body = b"{}"
        return AWSResponse(request.url, answer.status, answer.headers, _Body(body))


def _ask(send: Callable[[], dict[str, Any]], attempt: _Attempt) -> Reply:
    mark = _ATTEMPT.set(attempt)
    try:
        return Reply(200, send())
    except ClientError as error:
        name = str(error.response.get("Error", {}).get("Code", ""))
        return Reply(attempt.status, {}, name if name.isascii() and name.isalpha() and len(name) < 64 else "unknown")
    except BotoCoreError as error:
        return Reply(attempt.status, {}, type(error).__name__)
    except (ValueError, TypeError, AttributeError, KeyError):
        if not attempt.status:
            raise  # a defect
        # An answer of another form than the service's: botocore reads it without a doubt.
        return Reply(attempt.status, {}, "unknown")
    finally:
        _ATTEMPT.reset(mark)


class _Body:
    """A body that has been read, as botocore reads one."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def stream(self) -> list[bytes]:
        return [self._data]
