"""api2's `POST /token`: the request, and the meaning of each answer."""

import base64
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

import pytest
from broker.base.audit import Notes
from broker.base.errors import BrokerError, TemporarilyUnavailable, UpstreamRefused
from broker.base.net import OutOfReach
from broker.base.progress import Deadline, Progress
from broker.token.credentials import Credential
from broker.token.transloadit import CredentialRefused, Minted, ScopeRefused, TokenEndpoint

from tests.kit.brokers import TOKEN_URL, minted
from tests.kit.clock import Clock
from tests.kit.policies import UPSTREAM
from tests.kit.web import Reply, Web, late, reply

CREDENTIAL = Credential("default", "arn", "v1", "the-key", "the-secret")
RESET = OutOfReach("connection")


class Desk:
    def __init__(self, *answers: Reply) -> None:
        self.clock = Clock()
        self.web = Web()
        self.web.then(TOKEN_URL, *answers)
        self.notes = Notes()
        self.slept: list[float] = []
        self.endpoint = TokenEndpoint(self.web, self.clock, self._sleep, UPSTREAM)

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds)

    def mint(self, scope: str | None = "assemblies:read", seconds: float = 15) -> Minted:
        return self.endpoint.mint(CREDENTIAL, scope, "api2", Progress(Deadline(self.clock, seconds), self.notes))

    @property
    def calls(self) -> int:
        return self.web.count(TOKEN_URL)


def error(code: str, status: int, **more: Any) -> Reply:
    return reply({"error": code, "message": "would quote the-secret"} | more, status)


# The request.


def test_the_key_and_the_secret_go_by_http_basic_and_the_form_is_api2_s() -> None:
    desk = Desk(minted())
    desk.mint("assemblies:read assemblies:write")
    (call,) = desk.web.calls
    assert (call.method, call.url) == ("POST", "https://api2.transloadit.com/token")
    assert call.headers["authorization"] == "Basic " + base64.b64encode(b"the-key:the-secret").decode()
    assert call.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(call.body.decode()) == {
        "grant_type": ["client_credentials"],
        "scope": ["assemblies:read assemblies:write"],
        "aud": ["api2"],
    }


def test_all_scopes_are_asked_for_by_naming_none() -> None:
    desk = Desk(minted())
    desk.mint(None)
    assert parse_qs(desk.web.calls[0].body.decode()).keys() == {"grant_type", "aud"}


def test_the_token_its_life_and_its_scopes_are_taken_from_the_answer() -> None:
    answer = Desk(minted("t", "a:read, b:write")).mint()
    assert answer == Minted("t", 21600, frozenset({"a:read", "b:write"}))
    assert "'t'" not in repr(answer)


def test_a_call_takes_five_seconds_as_a_whole() -> None:
    desk = Desk(minted())
    desk.mint()
    assert desk.web.calls[0].seconds == pytest.approx(5)


def test_a_call_ends_half_a_second_before_the_invocation() -> None:
    desk = Desk(minted())
    desk.mint(seconds=3)
    assert desk.web.calls[0].seconds == pytest.approx(2.5)


def test_a_call_near_the_deadline_is_not_sent() -> None:
    desk = Desk(minted())
    with pytest.raises(TemporarilyUnavailable, match="deadline"):
        desk.mint(seconds=0.4)
    assert desk.calls == 0


# One retry.


@pytest.mark.parametrize(
    "failure",
    [reply(b"", 500), reply(b"<html>", 502), error("SERVER_BUSY", 503), RESET, OutOfReach("timeout")],
    ids=["500", "502", "503", "reset", "timeout"],
)
def test_a_failure_that_may_pass_is_tried_once_more_with_jitter(failure: Reply) -> None:
    desk = Desk(failure, minted())
    assert desk.mint().token == "bearer-1"
    assert desk.calls == 2
    assert 0.05 <= desk.slept[0] <= 0.25


def test_the_pauses_before_second_tries_differ() -> None:
    pauses = set()
    for _ in range(5):
        desk = Desk(RESET, minted())
        desk.mint()
        pauses.update(desk.slept)
    assert len(pauses) > 1


@pytest.mark.parametrize("failure", [reply(b"", 500), RESET], ids=["500", "reset"])
def test_a_failure_that_may_pass_is_not_tried_a_third_time(failure: Reply) -> None:
    desk = Desk(failure, failure, minted())
    with pytest.raises(TemporarilyUnavailable, match="out of reach"):
        desk.mint()
    assert desk.calls == 2


def test_both_tries_share_the_five_seconds() -> None:
    desk = Desk()
    desk.web.then(TOKEN_URL, late(desk.clock, 3, RESET), minted())
    desk.mint()
    assert desk.web.calls[1].seconds == pytest.approx(2 - desk.slept[0])


def test_a_failure_after_the_time_is_up_is_not_tried_again() -> None:
    desk = Desk()
    desk.web.then(TOKEN_URL, late(desk.clock, 5, OutOfReach("timeout")), minted())
    with pytest.raises(TemporarilyUnavailable):
        desk.mint()
    assert (desk.calls, desk.slept) == (1, [])


# The meaning of the answers.


@pytest.mark.parametrize("code", ["TOKEN_INVALID_CREDENTIALS", "GET_ACCOUNT_UNKNOWN_AUTH_KEY", "SERVER_401"])
@pytest.mark.parametrize("status", [200, 400, 401, 403, 429, 500])
def test_a_refused_credential_is_known_by_its_code_whatever_the_status(code: str, status: int) -> None:
    desk = Desk(error(code, status))
    with pytest.raises(CredentialRefused):
        desk.mint()
    assert (desk.calls, desk.notes.upstream_error, desk.notes.upstream_status) == (1, code, status)


def in_90_seconds() -> str:
    return format_datetime(datetime.fromtimestamp(Clock()() + 90, UTC), usegmt=True)


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (error("RATE_LIMIT_REACHED", 429, info={"retryIn": 7.5}), 7.5),
        (error("RATE_LIMIT_REACHED", 413, info={"retryIn": 12}), 12),
        (reply({"error": "RATE_LIMIT_REACHED", "info": {"retryIn": 3}}, 429, retry_after="60"), 3),
        (reply(b"", 429, retry_after="42"), 42),
        (reply(b"", 429, retry_after=in_90_seconds()), 90),
        (reply({"error": "X", "info": {"retryIn": "soon"}}, 429, retry_after="9"), 9),
        (reply({"error": "X", "info": {"retryIn": True}}, 429, retry_after="9"), 9),
        (reply({"error": "X", "info": [1]}, 429), 1),
        (reply(b"", 429), 1),
        (reply(b"", 429, retry_after="never"), 1),
        (reply(b"", 429, retry_after="-5"), 1),
        (reply(b"", 429, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"), 1),
        (reply(b"", 429, retry_after="Wed, 99999999999999999999 Oct 2015 07:28:00 GMT"), 1),
        (reply({"error": "X", "info": {"retryIn": 1e12}}, 429), 3600),
        (reply(b"", 429, retry_after="99999999"), 3600),
    ],
)
def test_a_throttled_call_says_when_to_come_back_and_is_not_repeated(answer: Reply, seconds: float) -> None:
    desk = Desk(answer)
    with pytest.raises(TemporarilyUnavailable, match="throttles") as raised:
        desk.mint()
    assert raised.value.retry_after == pytest.approx(seconds)
    assert (desk.calls, desk.slept) == (1, [])


def test_a_refused_scope_is_told_apart_since_it_may_be_the_caller_s_own_word() -> None:
    desk = Desk(error("TOKEN_INVALID_SCOPE", 403))
    with pytest.raises(ScopeRefused):
        desk.mint()
    assert desk.calls == 1


@pytest.mark.parametrize(
    "answer",
    [
        reply(b"", 301, location="https://api2.transloadit.com/token"),
        reply(b"", 307, location="https://evil.example/"),
        error("TOKEN_SCOPE_NOT_ALLOWED", 400),
        reply(b"<html>", 404),
        reply({}, 413),
        reply({}, 201),
        error("ANYTHING", 200),
        minted(error="lower case is no code, and a token with an error is none"),
        reply({"error": 5}, 400),
    ],
)
def test_anything_else_but_200_is_a_refusal_and_final(answer: Reply) -> None:
    desk = Desk(answer)
    with pytest.raises(UpstreamRefused):
        desk.mint()
    assert desk.calls == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": 5},
        {"access_token": "two words"},
        {"access_token": "line\nbreak"},
        {"access_token": "caf\u00e9"},
        {"access_token": "x" * 8193},
        {"token_type": None},
        {"token_type": "mac"},
        {"token_type": ["Bearer"]},
        {"expires_in": None},
        {"expires_in": "21600"},
        {"expires_in": True},
        {"expires_in": 0},
        {"expires_in": -1},
        {"expires_in": 86401},
        {"scope": None},
        {"scope": ""},
        {"scope": " , "},
        {"scope": ["a:read"]},
    ],
    ids=str,
)
def test_nonsense_is_refused(changes: dict[str, Any]) -> None:
    desk = Desk(minted(**changes))
    with pytest.raises(UpstreamRefused, match="nonsense"):
        desk.mint()
    assert desk.calls == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"token"', b"{", b'{"access_token":"a","access_token":"b"}'])
def test_an_answer_that_is_no_json_object_is_nonsense(body: bytes) -> None:
    with pytest.raises(UpstreamRefused, match="nonsense"):
        Desk(reply(body)).mint()


@pytest.mark.parametrize("error", [{"code": 1}, ["x"], 5, None, "lower case"])
def test_an_error_of_another_form_than_a_code_is_not_recorded(error: Any) -> None:
    for status in (200, 400):
        desk = Desk(minted(error=error) if status == 200 else reply({"error": error}, status))
        with pytest.raises(UpstreamRefused, match="nonsense: status"):
            desk.mint()
        assert desk.notes.upstream_error is None
    assert Desk(reply({"error": error}, 503), minted()).mint().token == "bearer-1"


def test_bearer_may_be_written_in_any_case() -> None:
    assert Desk(minted(token_type="bearer")).mint().token == "bearer-1"


def test_the_text_of_an_answer_reaches_no_error() -> None:
    for answer in (error("TOKEN_X", 400), error("the-secret", 400), reply(b"the-secret", 400)):
        desk = Desk(answer)
        with pytest.raises(BrokerError) as raised:
            desk.mint()
        assert "the-secret" not in f"{raised.value!r}{raised.value.reason}{desk.notes}"


def test_every_call_is_counted() -> None:
    desk = Desk(RESET, minted())
    desk.mint()
    assert (desk.notes.mints, desk.notes.upstream_status) == (2, 200)


def test_a_date_in_the_old_time_zone_form_is_understood() -> None:
    at = datetime.fromtimestamp(Clock()(), UTC) + timedelta(seconds=30)
    desk = Desk(reply(b"", 429, retry_after=at.strftime("%a, %d %b %Y %H:%M:%S -0000")))
    with pytest.raises(TemporarilyUnavailable) as raised:
        desk.mint()
    assert raised.value.retry_after == pytest.approx(30, abs=1)
