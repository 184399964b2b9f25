"""The secret: missing, malformed, replaced, out of reach. Status, record and calls of each."""

from typing import Any

import pytest

from tests.kit.outside import KEY, NEW_KEY, Handler, World, drips, late, resets, says


def aws_error(kind: str, status: int = 400) -> Handler:
    return says({"__type": kind, "Message": "quotes auth-secret-1"}, status, content_type="application/x-amz-json-1.1")


def test_a_secret_that_is_missing_is_500(outside: World) -> None:
    outside.secrets.delete_secret(SecretId=outside.secret_name, ForceDeleteWithoutRecovery=True)
    assert outside.post().outcome == (500, "server_error")
    assert outside.calls == {"issuer": 2, "secrets": 1}
    record = outside.record
    assert (record.outcome, record.status) == ("BrokerFault", 500)
    assert record.reason == "secret cannot be read: ResourceNotFoundException"


@pytest.mark.parametrize(
    "text",
    ["the key", '{"auth_key": "k"}', '{"auth_key": "k", "auth_secret": ""}', '{"key": "k", "secret": "s"}', "[]"],
)
def test_a_secret_that_is_malformed_is_500(outside: World, text: str) -> None:
    outside.put_secret(text)
    assert outside.post().outcome == (500, "server_error")
    assert outside.calls == {"issuer": 2, "secrets": 1}
    assert outside.record.reason == "secret is malformed: needs auth_key and auth_secret"


def test_a_secret_that_has_no_text_is_500(outside: World) -> None:
    outside.aws.answers[""] = says({"VersionId": "v1", "SecretBinary": "AAAA"})
    assert outside.post().outcome == (500, "server_error")
    assert outside.calls == {"issuer": 2, "secrets": 1}


def test_a_replaced_secret_is_used_within_five_minutes_and_empties_the_cache(outside: World) -> None:
    first = outside.post().body["access_token"]
    outside.put_secret(key=NEW_KEY)
    outside.clock.ahead += 290
    assert outside.post().body["access_token"] == first
    assert outside.calls == {}
    outside.clock.ahead += 15
    assert outside.post().body["access_token"] != first
    assert outside.calls == {"secrets": 1, "mint": 1}


def test_a_replaced_secret_is_found_at_once_when_api2_refuses_the_old_one(outside: World) -> None:
    outside.post()
    outside.put_secret(key=NEW_KEY)
    outside.api2.fault(times=1, status=401, body={"error": "TOKEN_INVALID_CREDENTIALS", "message": "no"})
    answer = outside.post(scope="assemblies:read")
    assert answer.status == 200
    assert outside.calls == {"secrets": 1, "mint": 2}


# Each fault, and the number of reads for which there is time.
UNREACHABLE: dict[str, tuple[Handler, int]] = {
    "reset": (resets, 2),
    "slow": (late(20, says({})), 1),
    "dripping": (drips, 1),
    "500": (says(b"", 500), 2),
    "throttled": (aws_error("ThrottlingException"), 1),
    "internal": (aws_error("InternalServiceError", 500), 2),
    "enormous": (says(b"{" + b" " * 1_000_000), 2),
}
GONE: dict[str, tuple[Handler, int]] = {
    "gone": (aws_error("ResourceNotFoundException"), 1),
    "denied": (aws_error("AccessDeniedException"), 1),
}


@pytest.mark.parametrize(("fault", "reads"), UNREACHABLE.values(), ids=UNREACHABLE.keys())
def test_secrets_manager_out_of_reach_is_503(outside: World, fault: Handler, reads: int) -> None:
    outside.aws.answers[""] = fault
    answer = outside.post()
    assert answer.outcome == (503, "temporarily_unavailable")
    assert "retry-after" in answer.headers
    assert outside.calls == {"issuer": 2, "secrets": reads}
    assert (outside.record.outcome, outside.record.token_sha256) == ("TemporarilyUnavailable", None)
    assert "auth-secret-1" not in f"{answer.body}{outside.record}"


@pytest.mark.parametrize(("fault", "reads"), (UNREACHABLE | GONE).values(), ids=(UNREACHABLE | GONE).keys())
def test_a_known_good_secret_serves_on_for_an_hour_with_an_alarm(outside: World, fault: Handler, reads: int) -> None:
    outside.post()
    outside.aws.answers[""] = fault
    outside.clock.ahead += 3500
    answer = outside.post(scope="assemblies:read")
    assert answer.status == 200
    assert outside.calls == {"issuer": 2, "secrets": reads, "mint": 1}
    assert outside.record.alarms == {"StaleSecret"}
    outside.clock.ahead += 120
    assert outside.post().status in (500, 503)
    assert outside.mints == 0


def test_a_read_that_fails_once_is_made_again_for_the_same_caller(outside: World) -> None:
    well, calls = outside.aws.answers[""], outside.aws.calls

    async def fails_once(request: Any) -> Any:
        return await (says(b"", 500) if calls.total() == 1 else well)(request)

    outside.aws.answers[""] = fails_once
    assert outside.post().status == 200
    assert outside.calls == {"issuer": 2, "secrets": 2, "mint": 1}


def test_a_secret_that_comes_back_is_used_at_once(outside: World) -> None:
    good = outside.aws.answers[""]
    outside.aws.answers[""] = resets
    assert outside.post().status == 503
    outside.aws.answers[""] = good
    assert outside.post().status == 200


def test_the_secret_goes_to_api2_and_nowhere_else(outside: World) -> None:
    seen: list[bytes] = []
    good = outside.issuer.answers[""]

    async def watches(request: Any) -> Any:
        seen.append(str(request.headers).encode() + await request.read())
        return await good(request)

    outside.issuer.answers[""] = watches
    outside.post()
    assert seen
    assert KEY.secret.encode() not in b"".join(seen)
