"""Calls of AWS by boto3, which signs, finds the endpoint and reads the answer; the bytes travel by the broker's Http.

So there is one transport: one limit on a call as a whole, connections opened ahead, no proxy, and one TLS context.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from broker.base import encoding
from broker.base.net import Call, Http, OutOfReach
from broker.base.progress import Clock, Deadline
from broker.base.values import Value

# botocore's own second try would wait for up to six seconds before it, whatever is left of the call; `call` has its
# own. The mode `auto` of defaults would ask the instance metadata service, which Lambda does not have.
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 1}, defaults_mode="legacy")
MAX_NAME = 63  # letters of an error's name

# At DEBUG botocore writes each request and each answer, the secret too, and Lambda's log level is the root logger's.
logging.getLogger("botocore").setLevel(logging.ERROR)


class Reply(Value, frozen=True):
    """What came of a call. `error` is the exception's short name, such as ResourceNotFoundException, and None where the
    call was done. `status` is 0 where nothing was sent.
    """

    hidden = ("members",)

    status: int
    members: dict[str, Any]
    error: str | None = None


class _Limits(threading.local):
    """Those of the one request that a thread sends, and the status of its answer: botocore hands on neither."""

    ends_at = 0.0  # epoch seconds
    size = 0  # bytes of the answer
    may_be_empty = False  # where the operation's answer has no members at all
    status = 0


def make_session(access: Mapping[str, str | None]) -> boto3.Session:
    """A session with these keywords of boto3.Session: Region and credentials, and no others.

    botocore's search for credentials reads files and asks the instance metadata service.
    """
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
        self._limits = _Limits()

    def find_origin(self, service: str) -> str:
        """Where the calls of a service go. Raises OutOfReach where botocore finds no endpoint."""
        try:
            endpoint: str = self._find_client(service).meta.endpoint_url
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
            client = self._find_client(service)
        except BotoCoreError as error:
            return Reply(0, {}, type(error).__name__)
        send = partial(getattr(client, method), **request)
        # From here on, since the first client of a start takes longer to make than the call may last.
        limits = self._limits
        limits.ends_at, limits.size = self._clock() + deadline.left(seconds), limit
        limits.may_be_empty = not _find_members(client, method)
        while True:
            tries -= 1
            try:
                reply = self._try(send)
            except OutOfReach:
                if not tries or self._clock() >= limits.ends_at:
                    raise
            else:
                if reply.status < 500 or not tries or self._clock() >= limits.ends_at:
                    return reply

    def _try(self, send: Callable[[], dict[str, Any]]) -> Reply:
        self._limits.status = 0
        try:
            return Reply(200, send())
        except ClientError as error:
            name = str(error.response.get("Error", {}).get("Code", ""))
        except BotoCoreError as error:
            name = type(error).__name__
        except (ValueError, TypeError, AttributeError, KeyError):
            if not self._limits.status:
                raise  # a defect
            # An answer of another form than the service's, which botocore reads without a doubt.
            name = ""
        # The name stands in audit records, so it must not be any text that a server likes to write there.
        is_name = name.isascii() and name.isalpha() and len(name) <= MAX_NAME
        return Reply(self._limits.status, {}, name if is_name else "unknown")

    def _find_client(self, service: str) -> Any:
        with self._lock:  # A session is not made for several threads.
            if service not in self._clients:
                client = self._session.client(service, endpoint_url=self._endpoint, config=_CONFIG)
                client.meta.events.register("before-send", self._send)
                self._clients[service] = client
            return self._clients[service]

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """Sends a signed request by the broker's Http.

        botocore takes what a handler of `before-send` returns for the answer, and then does not use its own transport,
        which has no limit on a call as a whole.
        https://botocore.amazonaws.com/v1/documentation/api/latest/topics/events.html
        """
        headers = {
            name.lower(): text if isinstance(text, str) else text.decode() for name, text in request.headers.items()
        }
        seconds = self._limits.ends_at - self._clock()
        answer = self._http(Call(request.method, request.url, seconds, self._limits.size, headers, request.body))
        self._limits.status, body = answer.status, answer.body
        try:
            encoding.read_object(body)
        except ValueError:
            # botocore takes a body that is no JSON object for an answer without members. A table that talks nonsense
            # would then hold no row, and a JWT that is good once would be good again. An answer that has no members
            # may have no body either.
            if answer.status < 300 and not (self._limits.may_be_empty and body == b""):
                raise
            body = b"{}"
        return AWSResponse(request.url, answer.status, answer.headers, SimpleNamespace(stream=lambda: [body]))


def _find_members(client: Any, method: str) -> Any:
    """The members that the answer of an operation may have."""
    operation = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
    return operation.output_shape.members
