"""api2's `/assemblies/<id>`: what its answers mean."""

from typing import Any

import pytest
from broker.assembly.endpoint import AlreadyThere, AssemblyEndpoint, Status, TokenRefused
from broker.base.audit import Notes
from broker.base.errors import TemporarilyUnavailable, UpstreamRefused
from broker.base.net import OutOfReach
from broker.base.progress import Deadline, Progress
from broker.token.bearer import BearerToken

from tests.kit.clock import Clock
from tests.kit.policies import UPSTREAM
from tests.kit.web import Reply, Web, late, reply

ID = "0" * 32
URL = f"{UPSTREAM}/assemblies/{ID}"
TOKEN = BearerToken("the-token", frozenset({"assemblies:write"}), 0, 0)
STATUS = {"ok": "ASSEMBLY_EXECUTING", "assembly_id": ID, "assembly_ssl_url": f"https://a.transloadit.com/{ID}"}


class Setup:
    def __init__(self, *answers: Reply) -> None:
        self.clock, self.web = Clock(), Web()
        self.slept: list[float] = []
        self.web.then(URL, *answers)
        self.endpoint = AssemblyEndpoint(self.web, self.clock, self.slept.append, UPSTREAM)
        self.progress = Progress(Deadline(self.clock, 60), Notes())

    def create(self) -> Status:
        return self.endpoint.create(ID, "{}", TOKEN, self.progress)

    def find(self) -> Status | None:
        return self.endpoint.find(ID, self.progress)


def test_an_assembly_is_made_with_the_token_and_its_params_as_a_form() -> None:
    setup = Setup(reply(STATUS))
    status = setup.create()
    assert (status.code, status.has_failed, status.url) == ("ASSEMBLY_EXECUTING", False, STATUS["assembly_ssl_url"])
    (call,) = setup.web.calls
    assert (call.method, call.headers["authorization"]) == ("POST", "Bearer the-token")
    assert call.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="params"\r\n' in call.body


def test_a_status_is_read_without_a_token() -> None:
    setup = Setup(reply(STATUS | {"account_slug": "acme", "template_id": "t", "params": '{"a": 1}', "notify_url": "n"}))
    status = setup.find()
    assert status is not None
    assert (status.workspace, status.template_id, status.params, status.notify_url) == ("acme", "t", {"a": 1}, "n")
    assert "authorization" not in setup.web.calls[0].headers


@pytest.mark.parametrize("member", ["account_slug", "template_id", "params", "notify_url", "uploads"])
def test_half_a_surrogate_pair_is_no_harm_to_a_status(member: str) -> None:
    status = Setup(reply(STATUS | {member: "half \ud83d"})).find()
    assert status is not None
    assert (status.code, status.params) == ("ASSEMBLY_EXECUTING", {})


@pytest.mark.parametrize("member", ["ok", "error", "assembly_id", "assembly_ssl_url"])
def test_half_a_surrogate_pair_stands_in_nothing_that_leaves_a_status(member: str) -> None:
    with pytest.raises(TemporarilyUnavailable):
        Setup(reply(STATUS | {member: "half \ud83d"})).find()


@pytest.mark.parametrize("params", [None, 7, "", "[]", "{", '{"a": 1, "a": 2}'])
def test_params_that_are_no_object_count_as_none(params: Any) -> None:
    status = Setup(reply(STATUS | {"params": params})).find()
    assert status is not None
    assert status.params == {}


@pytest.mark.parametrize(
    ("answer", "has_failed"),
    [
        ({"ok": "ASSEMBLY_COMPLETED"}, False),
        ({"ok": "ASSEMBLY_CANCELED"}, True),
        ({"ok": "REQUEST_ABORTED"}, True),
        ({"ok": None, "error": "INVALID_FILE_META_DATA"}, True),
        ({"ok": "ASSEMBLY_COMPLETED", "error": "INVALID_FILE_META_DATA"}, True),
        ({"ok": "ASSEMBLY_REPLAYING"}, False),
        ({"ok": "SOMETHING_NEW"}, False),
    ],
)
def test_an_assembly_has_failed_by_an_error_or_where_it_was_stopped(answer: dict[str, Any], has_failed: bool) -> None:
    status = Setup(reply(STATUS | answer)).find()
    assert status is not None
    assert status.has_failed is has_failed


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply({"error": "BEARER_TOKEN_INVALID"}, 401), TokenRefused),
        (reply({"error": "BEARER_TOKEN_EXPIRED"}, 401), TokenRefused),
        (reply({"error": "DO_NOT_REUSE_ASSEMBLY_IDS"}, 400), AlreadyThere),
        (reply({"error": "TEMPLATE_NOT_FOUND"}, 400), UpstreamRefused),
        (reply({"error": "TEMPLATE_NOT_FOUND", "assembly_id": ID}, 400), UpstreamRefused),
        (reply({"error": "INSUFFICIENT_AUTH_SCOPE"}, 403), UpstreamRefused),
        (reply(b"<html>", 200), TemporarilyUnavailable),
        (reply(STATUS | {"assembly_id": "1" * 32}), TemporarilyUnavailable),
        (reply(STATUS | {"assembly_ssl_url": "javascript:x"}), TemporarilyUnavailable),
        (reply(STATUS | {"ok": "not a code"}), TemporarilyUnavailable),
        (reply({"error": "RATE_LIMIT_REACHED"}, 413), TemporarilyUnavailable),
        (reply(b"", 429), TemporarilyUnavailable),
    ],
)
def test_other_answers_to_a_creation_are_their_errors_after_one_call(answer: Reply, error: type[Exception]) -> None:
    setup = Setup(answer)
    with pytest.raises(error):
        setup.create()
    assert len(setup.web.calls) == 1


def test_a_refusal_names_api2_s_code() -> None:
    setup = Setup(reply({"error": "TEMPLATE_NOT_FOUND"}, 400))
    with pytest.raises(UpstreamRefused) as caught:
        setup.create()
    assert "TEMPLATE_NOT_FOUND" in caught.value.description
    assert setup.progress.notes.upstream_error == "TEMPLATE_NOT_FOUND"


@pytest.mark.parametrize("status", [400, 404])
def test_an_assembly_that_is_not_there_is_none(status: int) -> None:
    assert Setup(reply({"error": "ASSEMBLY_NOT_FOUND"}, status)).find() is None


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}"])
def test_a_404_that_has_no_code_of_api2_does_not_say_that_there_is_no_assembly(body: bytes) -> None:
    with pytest.raises(TemporarilyUnavailable):
        Setup(reply(body, 404)).find()


def test_a_throttle_says_how_long_to_wait() -> None:
    with pytest.raises(TemporarilyUnavailable) as caught:
        Setup(reply({"error": "RATE_LIMIT_REACHED", "info": {"retryIn": 7}}, 413)).create()
    assert caught.value.retry_after == 7


@pytest.mark.parametrize("fault", [reply(b"", 500), reply({"error": "X"}, 503), OutOfReach("timeout")])
def test_a_call_that_fails_by_itself_is_sent_once_more(fault: Reply) -> None:
    setup = Setup(fault, reply(STATUS))
    assert setup.create().code == "ASSEMBLY_EXECUTING"
    assert len(setup.slept) == 1
    setup = Setup(fault, fault, reply(STATUS))
    with pytest.raises(TemporarilyUnavailable):
        setup.create()
    assert len(setup.web.calls) == 2


def test_there_is_no_second_try_where_the_first_took_all_the_time() -> None:
    setup = Setup()
    setup.web.then(URL, late(setup.clock, 10, OutOfReach("timeout")), reply(STATUS))
    with pytest.raises(TemporarilyUnavailable):
        setup.create()
    assert len(setup.web.calls) == 1


@pytest.mark.parametrize("error", ["no code", 7, {}, "", [], False])
def test_an_error_that_is_no_code_is_nonsense_whatever_ok_says(error: Any) -> None:
    with pytest.raises(TemporarilyUnavailable, match="no status"):
        Setup(reply(STATUS | {"ok": "ASSEMBLY_COMPLETED", "error": error})).find()
