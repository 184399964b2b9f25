"""Outcomes on the wire: RFC 6749 sections 5.1 and 5.2."""

import json
import re

import pytest
from broker import __version__
from broker.answering import Outcome
from broker.base import errors
from broker.base.errors import BrokerError
from broker.request.http import HttpRequest
from broker.request.proof import Proof, ProofForm
from broker.request.request import TokenRequest
from broker.response import answer_preflight, describe_server, refuse, report_health, respond
from broker.token.bearer import BearerToken
from msgspec.structs import replace

NO_STORE = {"content-type": "application/json", "cache-control": "no-store", "pragma": "no-cache"}

HTTP = HttpRequest("request-1", "POST", "ANY /token", "https://tokens.example.com", {}, "", False)
GET = replace(HTTP, method="GET", route="GET /health", body="")
SIGNED = replace(HTTP, headers={"authorization": "Bearer a.b.c"})


def family(base: type[BrokerError] = BrokerError) -> list[type[BrokerError]]:
    return [base, *(each for child in base.__subclasses__() for each in family(child))]


def test_a_token_is_answered_with_what_is_really_left_rounded_down() -> None:
    token = BearerToken("secret", frozenset({"b:read", "a:read"}), 0.0, 1_000.0)
    answer = respond(Outcome(None, token), HTTP, 400.1)
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
        (errors.SharedSecretRefused("x"), 401, "invalid_client"),
        (errors.CallerRefused("x"), 401, "invalid_token"),
        (errors.ClientAssertionRefused("x"), 401, "invalid_client"),
        (errors.AssertionRefused("x"), 400, "invalid_grant"),
        (errors.SubjectTokenRefused("x"), 400, "invalid_request"),
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
    answer = refuse(error, HTTP)
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
def test_an_answer_of_a_failure_that_may_pass_says_in_header_and_body_when_to_try_again(
    seconds: float, told: int
) -> None:
    answer = refuse(errors.TemporarilyUnavailable("x", seconds), HTTP)
    assert (answer["headers"]["retry-after"], json.loads(answer["body"])["retry_after"]) == (str(told), told)


def test_an_answer_of_405_names_the_allowed_method() -> None:
    assert refuse(errors.MethodNotAllowed("x"), HTTP)["headers"]["allow"] == "POST"


@pytest.mark.parametrize(
    ("error", "http", "challenge"),
    [
        (errors.NoProof("x"), HTTP, 'Bearer realm="token-broker"'),
        (errors.SharedSecretRefused("x"), HTTP, None),
        (errors.SharedSecretRefused("x"), SIGNED, 'Bearer realm="token-broker"'),
        (errors.NoProof("x"), SIGNED, 'Bearer realm="token-broker"'),
        (errors.CallerRefused("x"), SIGNED, 'Bearer realm="token-broker", error="invalid_token"'),
        (errors.ClientAssertionRefused("x"), SIGNED, 'Bearer realm="token-broker"'),
        (errors.ClientAssertionRefused("x"), HTTP, None),
        (errors.AssertionRefused("x"), SIGNED, None),
        (errors.AccessDenied("x"), SIGNED, None),
    ],
)
def test_a_401_challenges_a_caller_that_sent_a_header_or_no_proof_and_names_a_refused_token_only(
    error: BrokerError, http: HttpRequest, challenge: str | None
) -> None:
    assert refuse(error, http)["headers"].get("www-authenticate") == challenge


@pytest.mark.parametrize("form", ProofForm)
def test_the_type_of_what_was_issued_is_named_in_the_token_exchange_form_only(form: ProofForm) -> None:
    token = BearerToken("secret", frozenset({"a:read"}), 0.0, 1_000.0)
    request = TokenRequest(Proof(form, "a.b.c"), None, "api2", "default")
    issued = json.loads(respond(Outcome(request, token), HTTP, 0)["body"]).get("issued_token_type")
    is_exchange = form is ProofForm.SUBJECT_TOKEN
    assert issued == ("urn:ietf:params:oauth:token-type:access_token" if is_exchange else None)


def test_the_metadata_is_that_of_rfc_8414_and_says_nothing_of_the_policy() -> None:
    answer = describe_server(replace(HTTP, is_origin_configured=True), {"RS256", "ES256"}, ["a:read", "b:write"])
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"]) == {
        "issuer": "https://tokens.example.com",
        "authorization_endpoint": "https://tokens.example.com/authorize",
        "token_endpoint": "https://tokens.example.com/token",
        "service_documentation": "https://transloadit.com/docs/api/token-post/",
        "scopes_supported": ["a:read", "b:write"],
        "response_types_supported": [],
        "grant_types_supported": [
            "client_credentials",
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
        ],
        "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["ES256", "RS256"],
    }


def test_the_metadata_offers_private_key_jwt_only_where_the_origin_is_configured() -> None:
    body = json.loads(describe_server(HTTP, {"RS256"}, [])["body"])
    assert body["token_endpoint_auth_methods_supported"] == ["none"]
    assert "token_endpoint_auth_signing_alg_values_supported" not in body


def test_a_preflight_is_204_without_a_body() -> None:
    assert (answer_preflight()["statusCode"], answer_preflight()["body"]) == (204, "")


def test_a_refused_client_assertion_says_what_its_aud_must_be() -> None:
    assert "aud must be the issuer in this broker's metadata" in errors.ClientAssertionRefused.description


def test_health_tells_which_version_and_which_policy_run() -> None:
    answer = report_health(GET, "f" * 64)
    assert (answer["statusCode"], json.loads(answer["body"])) == (
        200,
        {"status": "ok", "version": __version__, "policy": "f" * 64},
    )


def test_the_answer_to_head_has_the_same_headers_and_no_body() -> None:
    answer = report_health(GET, "f" * 64)
    assert report_health(replace(GET, method="HEAD"), "f" * 64) == answer | {"body": ""}
