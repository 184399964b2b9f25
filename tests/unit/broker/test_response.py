"""Outcomes on the wire: RFC 6749 sections 5.1 and 5.2."""

import json
import re

import pytest
from broker import errors
from broker.errors import BrokerError
from broker.minting import BearerToken
from broker.response import granted, healthy, refused

NO_STORE = {"content-type": "application/json", "cache-control": "no-store", "pragma": "no-cache"}


def family(base: type[BrokerError] = BrokerError) -> list[type[BrokerError]]:
    return [base, *(each for child in base.__subclasses__() for each in family(child))]


def test_a_token_is_answered_with_what_is_really_left_rounded_down() -> None:
    token = BearerToken("secret", frozenset({"b:read", "a:read"}), 1_000.0, "hash")
    answer = granted(token, 400.1)
    assert (answer["statusCode"], answer["headers"], answer["isBase64Encoded"]) == (200, NO_STORE, False)
    assert json.loads(answer["body"]) == {
        "access_token": "secret",
        "token_type": "Bearer",
        "expires_in": 599,
        "scope": "a:read b:read",
    }


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.InvalidRequest("x"), 400, "invalid_request"),
        (errors.MethodNotAllowed("x"), 405, "invalid_request"),
        (errors.TooLarge("x"), 413, "invalid_request"),
        (errors.UnsupportedMediaType("x"), 415, "invalid_request"),
        (errors.UnsupportedGrantType("x"), 400, "unsupported_grant_type"),
        (errors.NoProof("x"), 401, "invalid_client"),
        (errors.CallerRefused("x"), 401, "invalid_token"),
        (errors.InvalidTarget("x"), 400, "invalid_target"),
        (errors.InvalidScope("x"), 400, "invalid_scope"),
        (errors.AccessDenied("x"), 403, "access_denied"),
        (errors.TemporarilyUnavailable("x"), 503, "temporarily_unavailable"),
        (errors.OverBudget("x"), 429, "temporarily_unavailable"),
        (errors.UpstreamRefused("x"), 502, "server_error"),
        (errors.BrokerFault("x"), 500, "server_error"),
    ],
)
def test_each_error_has_its_status_and_code_and_hides_its_reason(error: BrokerError, status: int, code: str) -> None:
    error.reason = "private"
    answer = refused(error, "request-1")
    body = json.loads(answer["body"])
    assert (answer["statusCode"], body["error"], body["request_id"]) == (status, code, "request-1")
    assert body["message"] == body["error_description"]
    assert "private" not in json.dumps(answer)
    assert answer["headers"].items() >= NO_STORE.items()


@pytest.mark.parametrize("kind", family())
def test_descriptions_are_printable_ascii_without_quote_and_backslash(kind: type[BrokerError]) -> None:
    """RFC 6749 section 5.2."""
    assert re.fullmatch(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+", kind.description)


@pytest.mark.parametrize(("seconds", "told"), [(0, 1), (0.2, 1), (1, 1), (29.1, 30)])
def test_who_may_try_again_is_told_when_twice(seconds: float, told: int) -> None:
    answer = refused(errors.TemporarilyUnavailable("x", seconds), "id")
    assert (answer["headers"]["retry-after"], json.loads(answer["body"])["retry_after"]) == (str(told), told)


def test_405_says_what_is_allowed() -> None:
    assert refused(errors.MethodNotAllowed("x"), "id")["headers"]["allow"] == "POST"


def test_401_challenges_and_names_a_refused_token_only() -> None:
    challenge = 'Bearer realm="token-broker"'
    assert refused(errors.NoProof("x"), "id")["headers"]["www-authenticate"] == challenge
    told = refused(errors.CallerRefused("x"), "id")["headers"]["www-authenticate"]
    assert told == f'{challenge}, error="invalid_token"'
    assert "www-authenticate" not in refused(errors.AccessDenied("x"), "id")["headers"]


def test_health_is_200() -> None:
    assert (healthy()["statusCode"], healthy()["body"]) == (200, '{"status": "ok"}')
