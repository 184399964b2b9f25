"""api2: refusing the key or the scope, throttling, failing, slow, closed, redirecting, HTML, wider, narrower.

Each test shows status, body, audit record and the calls that were not made.
"""

from typing import Any

import pytest

from local.loopback.processes import free_ports
from tests.kit.outside import NEW_KEY, World

BUSY = {"status": 503, "body": {"error": "SERVER_BUSY", "message": "auth-secret-1"}}
UNREADABLE: list[dict[str, Any]] = [BUSY, {"error": "SERVER_500"}, {"reset": True}, {"half": True}, {"garbage": True}]


def token(scope: str, **changes: Any) -> dict[str, Any]:
    body = {"access_token": "other", "token_type": "Bearer", "expires_in": 21600, "scope": scope} | changes
    return {"body": body}


def error(code: str, status: int, **more: Any) -> dict[str, Any]:
    return {"status": status, "body": {"error": code, "message": "quotes auth-secret-1"} | more}


def says_nothing_of_the_inside(outside: World, answer: Any) -> bool:
    text = f"{answer.body}{answer.headers}{outside.record}"
    return "auth-secret-1" not in text


@pytest.mark.parametrize("code", ["TOKEN_INVALID_CREDENTIALS", "GET_ACCOUNT_UNKNOWN_AUTH_KEY", "SERVER_401"])
def test_a_refused_key_is_502_and_is_tried_once(outside: World, code: str) -> None:
    outside.api2.fault(times=5, **error(code, 401))
    answer = outside.post()
    assert answer.outcome == (502, "server_error")
    # The secret is read afresh once; it is the same, so it is not tried again.
    assert outside.calls == {"issuer": 2, "secrets": 2, "mint": 1}
    record = outside.record
    assert (record.outcome, record.upstream_error, record.alarms) == ("UpstreamRefused", code, {"CredentialRefused"})
    assert says_nothing_of_the_inside(outside, answer)
    # The refused version is left alone.
    assert outside.post().outcome == (502, "server_error")
    assert outside.mints == 0


def test_an_old_key_that_is_refused_after_a_rotation_is_replaced_at_once(outside: World) -> None:
    outside.post()
    outside.put_secret(key=NEW_KEY)
    outside.api2.fault(times=1, **error("GET_ACCOUNT_UNKNOWN_AUTH_KEY", 400))
    answer = outside.post(scope="assemblies:read")
    assert answer.status == 200
    assert outside.calls == {"secrets": 1, "mint": 2}
    assert outside.api2.opens(answer.body["access_token"])


def test_a_refused_scope_that_the_policy_grants_is_502(outside: World) -> None:
    # The policy grants a scope that the sandbox's key does not hold.
    answer = outside.post(outside.jwt(groups=["billing"]))
    assert answer.outcome == (502, "server_error")
    assert outside.calls == {"issuer": 2, "secrets": 1, "mint": 1}
    record = outside.record
    assert (record.upstream_status, record.upstream_error) == (403, "TOKEN_INVALID_SCOPE")
    assert record.rules == ("billing",)


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (error("RATE_LIMIT_REACHED", 429, info={"retryIn": 7}), 7),
        (error("RATE_LIMIT_REACHED", 413, info={"retryIn": 6.2}), 7),
        ({"status": 429, "headers": {"Retry-After": "42"}}, 42),
        ({"status": 429}, 1),
    ],
    ids=str,
)
def test_a_throttling_api2_is_503_and_says_when_to_try_again(
    outside: World, fault: dict[str, Any], seconds: int
) -> None:
    outside.api2.fault(times=1, **fault)
    answer = outside.post()
    assert answer.outcome == (503, "temporarily_unavailable")
    assert (answer.body["retry_after"], answer.headers["retry-after"]) == (seconds, str(seconds))
    assert outside.calls == {"issuer": 2, "secrets": 1, "mint": 1}
    assert outside.record.reason == "Transloadit throttles"


@pytest.mark.parametrize("fault", UNREADABLE, ids=str)
def test_a_failure_of_one_mint_is_not_seen_by_the_caller(outside: World, fault: dict[str, Any]) -> None:
    outside.api2.fault(times=1, **fault)
    answer = outside.post()
    assert answer.status == 200
    assert outside.api2.opens(answer.body["access_token"])
    assert outside.calls == {"issuer": 2, "secrets": 1, "mint": 2}
    assert outside.record.mints == 2


@pytest.mark.parametrize("fault", UNREADABLE, ids=str)
def test_a_failure_of_two_mints_is_503(outside: World, fault: dict[str, Any]) -> None:
    outside.api2.fault(times=3, **fault)
    answer = outside.post()
    assert answer.outcome == (503, "temporarily_unavailable")
    assert outside.calls == {"issuer": 2, "secrets": 1, "mint": 2}
    assert (outside.record.reason, outside.record.mints) == ("Transloadit out of reach", 2)
    assert says_nothing_of_the_inside(outside, answer)


def test_a_slow_mint_ends_after_five_seconds_as_a_whole(outside: World) -> None:
    outside.api2.fault(times=2, delay_ms=8000)
    assert outside.post().outcome == (503, "temporarily_unavailable")
    assert outside.record.milliseconds > 4500
    assert outside.milliseconds < 6000
    assert outside.calls == {"issuer": 2, "secrets": 1, "mint": 1}


def test_a_slow_mint_ends_before_the_invocation_does(outside: World) -> None:
    outside.api2.fault(times=2, delay_ms=8000)
    assert outside.post(seconds=2).outcome == (503, "temporarily_unavailable")
    assert outside.milliseconds < 1900


def test_an_api2_that_is_closed_is_503(outside: World) -> None:
    (nobody,) = free_ports(1)
    outside.use_api2_at(f"http://127.0.0.1:{nobody}")
    assert outside.post().outcome == (503, "temporarily_unavailable")
    record = outside.record
    assert (record.reason, record.mints, record.upstream_status) == ("Transloadit out of reach", 2, None)


@pytest.mark.parametrize("target", ["http://127.0.0.1:9/token", "/assemblies"])
def test_an_api2_that_redirects_is_502_and_is_not_followed(outside: World, target: str) -> None:
    outside.api2.fault(times=1, redirect=target)
    assert outside.post().outcome == (502, "server_error")
    assert outside.calls == {"issuer": 2, "secrets": 1, "mint": 1}
    assert (outside.record.upstream_status, outside.record.mints) == (302, 1)


@pytest.mark.parametrize(
    "fault",
    [
        {"body": "<html>busy</html>", "content_type": "text/html"},
        {"body": ""},
        {"body": "[]"},
        {"body": "x" * 100_000},
        token("assemblies:read assemblies:write", token_type="mac"),
        token("assemblies:read assemblies:write", expires_in=-1),
        token("assemblies:read assemblies:write", expires_in=299),
        token("assemblies:read assemblies:write", expires_in="soon"),
        token("assemblies:read assemblies:write", access_token="two words"),
        token(""),
    ],
    ids=lambda fault: str(fault)[:60],
)
def test_an_answer_that_is_nonsense_gives_no_token(outside: World, fault: dict[str, Any]) -> None:
    outside.api2.fault(times=2, **fault)
    answer = outside.post()
    assert answer.status in (502, 503)
    assert outside.calls | {"mint": 1} == {"issuer": 2, "secrets": 1, "mint": 1}
    assert outside.record.token_sha256 is None
    assert "access_token" not in answer.body


@pytest.mark.parametrize("scope", ["assemblies:read assemblies:write templates:read", "billing:write", "*"])
def test_a_token_with_wider_scopes_is_502_and_not_kept(outside: World, scope: str) -> None:
    outside.api2.fault(times=1, **token(scope))
    answer = outside.post()
    assert answer.outcome == (502, "server_error")
    assert (outside.record.alarms, outside.record.token_sha256) == ({"ScopeMismatch"}, None)
    # It was not kept: the next one is minted, and right.
    assert outside.post().body["access_token"] != "other"
    assert outside.calls == {"mint": 1}


def test_a_token_with_narrower_scopes_than_the_caller_named_is_502(outside: World) -> None:
    outside.api2.fault(times=1, **token("assemblies:read"))
    answer = outside.post(scope="assemblies:read assemblies:write")
    assert answer.outcome == (502, "server_error")
    assert outside.record.alarms == {"ScopeMismatch"}


def test_a_token_with_narrower_scopes_for_a_caller_that_named_none_is_handed_out_and_not_kept(outside: World) -> None:
    outside.api2.fault(times=1, **token("assemblies:read"))
    answer = outside.post()
    assert (answer.status, answer.body["scope"]) == (200, "assemblies:read")
    assert outside.record.alarms == {"ScopeMismatch"}
    # It was not kept under the wider key.
    assert outside.post().body["scope"] == "assemblies:read assemblies:write"


@pytest.mark.parametrize("fault", [BUSY, {"status": 429}, {"reset": True}], ids=["busy", "429", "reset"])
def test_a_held_token_is_handed_out_while_api2_is_down(outside: World, fault: dict[str, Any]) -> None:
    first = outside.post().body["access_token"]
    outside.api2.fault(times=9, **fault)
    outside.clock.ahead += 21600 - 400
    assert outside.post().body["access_token"] == first
    assert outside.record.cache == "kept"
    outside.clock.ahead += 120
    assert outside.post().outcome == (503, "temporarily_unavailable")
