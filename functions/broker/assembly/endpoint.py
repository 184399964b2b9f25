"""api2's `/assemblies/<id>`. https://transloadit.com/docs/api/assemblies-post/"""

import re
from collections.abc import Callable
from typing import Any

from broker.base import encoding
from broker.base.api2 import read_answer, read_code, read_retry_after
from broker.base.errors import TemporarilyUnavailable, UpstreamRefused
from broker.base.net import Answer, Call, Http, OutOfReach, write_form
from broker.base.progress import Clock, Progress, jitter
from broker.base.values import Value
from broker.token.bearer import BearerToken

SECONDS = 10.0  # of a call, both tries together
TRIES = 2
MIN_PAUSE, MAX_PAUSE = 0.05, 0.25  # seconds between the two tries
MAX_BYTES = 4 * 1024 * 1024  # a status lists every file

COMPLETED = "ASSEMBLY_COMPLETED"
BUSY = frozenset({"ASSEMBLY_UPLOADING", "ASSEMBLY_EXECUTING", "ASSEMBLY_REPLAYING"})
# `ok` alone is no success: an Assembly that was cancelled has it, too.
# https://transloadit.com/docs/topics/assembly-notifications/
STOPPED = frozenset({"ASSEMBLY_CANCELED", "REQUEST_ABORTED"})
_TOKEN_CODES = frozenset({"BEARER_TOKEN_INVALID", "BEARER_TOKEN_EXPIRED", "SERVER_401"})
_NOT_FOUND = frozenset({"ASSEMBLY_NOT_FOUND", "ASSEMBLY_STATUS_NOT_FOUND", "SERVER_404"})
_URL = re.compile(r"https?://[\x21-\x7E]{1,1024}")


class TokenRefused(Exception):
    """api2 refuses the bearer token."""


class AlreadyThere(Exception):
    """There is an Assembly of this id."""


class Status(Value, frozen=True):
    """What api2 says of an Assembly. `code`: of its state, or of its error. Of `params` what was sent, as far as it is
    an object.
    """

    hidden = ("assembly_id", "url", "params", "notify_url")

    assembly_id: str
    url: str
    code: str
    has_failed: bool  # by an error, or stopped by somebody
    workspace: str | None
    template_id: str | None
    params: dict[str, Any]
    notify_url: str | None


class AssemblyEndpoint(Value, frozen=True):
    """Calls `/assemblies/<id>` of one api2. A call that fails by itself is sent once more: an id is made once."""

    http: Http
    clock: Clock
    sleep: Callable[[float], None]
    origin: str  # of api2, compiled into the policy

    def create(self, assembly_id: str, params: str, token: BearerToken, progress: Progress) -> Status:
        """Make the Assembly. `params`: JSON.

        Raises AlreadyThere, TokenRefused, UpstreamRefused, TemporarilyUnavailable.
        """
        body, kind = write_form({"params": params})
        headers = {"authorization": f"Bearer {token.secret}", "content-type": kind, "accept": "application/json"}
        answer = self._ask("POST", assembly_id, headers, body, progress)
        document, code = self._read(answer, progress)
        if code in _TOKEN_CODES:
            raise TokenRefused
        if code == "DO_NOT_REUSE_ASSEMBLY_IDS":
            raise AlreadyThere
        # A refusal may name the id that was asked for. What has no URL is no Assembly, so no later try finds one.
        if code is not None and "assembly_ssl_url" not in document:
            raise UpstreamRefused("Transloadit refused the Assembly", f"Transloadit refused the Assembly with {code}.")
        return _read_status(document, assembly_id)

    def find(self, assembly_id: str, progress: Progress) -> Status | None:
        """The status of an Assembly, None where there is none. Raises TemporarilyUnavailable."""
        # No token: the id is the right to read.
        answer = self._ask("GET", assembly_id, {"accept": "application/json"}, b"", progress)
        document, code = self._read(answer, progress)
        # The 404 of a proxy in between has no code. Taken for api2's word it would make a second Assembly.
        if code in _NOT_FOUND:
            return None
        return _read_status(document, assembly_id)

    def _ask(self, method: str, assembly_id: str, headers: dict[str, str], body: bytes, progress: Progress) -> Answer:
        ends_at = self.clock() + progress.deadline.left(SECONDS)
        pause = MIN_PAUSE + (MAX_PAUSE - MIN_PAUSE) * jitter()
        url = f"{self.origin}/assemblies/{assembly_id}"
        for tries_left in reversed(range(TRIES)):
            answer: Answer | OutOfReach
            try:
                answer = self.http(Call(method, url, ends_at - self.clock(), MAX_BYTES, headers, body))
                if answer.status < 500:
                    return answer
            except OutOfReach as error:
                answer = error
            if tries_left == 0 or ends_at - self.clock() <= pause:
                break
            self.sleep(pause)
        if isinstance(answer, OutOfReach):
            raise TemporarilyUnavailable("Transloadit out of reach") from answer
        return answer

    def _read(self, answer: Answer, progress: Progress) -> tuple[dict[str, Any], str | None]:
        """The object in the answer and its error's code. Raises TemporarilyUnavailable where api2 has no answer now."""
        # A status quotes names and metadata of files, and a text that was cut in the middle of a character ends with
        # half of it. Whoever uploads such a file must not keep its Assembly from being known.
        document, code = read_answer(answer, progress.notes, with_halves=True)
        if answer.status == 429 or (code is not None and code.endswith("RATE_LIMIT_REACHED")):
            wait = read_retry_after(answer, document, self.clock())
            raise TemporarilyUnavailable("Transloadit throttles", retry_after=wait)
        if answer.status >= 500:
            raise TemporarilyUnavailable("Transloadit fails")
        return document, code


def _read_status(document: dict[str, Any], assembly_id: str) -> Status:
    """The status in an answer. Raises TemporarilyUnavailable where it is none of this Assembly.

    The Assembly may run all the same. A later try finds it by its id, and a refusal would be taken for its outcome.
    """
    error = read_code(document, "error")
    code = error or read_code(document, "ok")
    found = document.get("assembly_ssl_url")
    url = found if isinstance(found, str) and _URL.fullmatch(found) else None
    # An error of another form must not hide behind an `ok` beside it.
    if error is None and document.get("error") is not None:
        code = None
    if document.get("assembly_id") != assembly_id or code is None or url is None:
        raise TemporarilyUnavailable("Transloadit answers with no status of the Assembly")
    workspace, template_id, notify_url = (
        value if isinstance(value := document.get(name), str) else None
        for name in ("account_slug", "template_id", "notify_url")
    )
    return Status(
        assembly_id=assembly_id,
        url=url,
        code=code,
        has_failed=error is not None or code in STOPPED,
        workspace=workspace,
        template_id=template_id,
        params=_read_params(document.get("params")),
        notify_url=notify_url,
    )


def _read_params(params: object) -> dict[str, Any]:
    try:
        return encoding.read_object(params.encode()) if isinstance(params, str) else {}
    except ValueError:
        return {}
