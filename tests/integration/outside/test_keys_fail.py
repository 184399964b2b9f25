"""The issuer's keys: down, slow, huge, redirecting, empty, rotated, broken. Status, record and calls of each."""

from typing import Any

import pytest

from tests.kit.jwts import Signer
from tests.kit.outside import Handler, World, drips, late, resets, says

NEW = Signer("ES256", "k2", name="new")


def redirects_to(url: str) -> Handler:
    return says(b"", 302, location=url)


FAULTS: dict[str, Handler] = {
    "500": says(b"", 500),
    "404": says(b"", 404),
    "reset": resets,
    "slow": late(20, says({"keys": []})),
    "dripping": drips,
    "huge": says({"keys": [], "padding": "x" * 65_536}),
    "enormous": says(b"[" + b" " * 8_000_000),
    "empty": says({"keys": []}),
    "no keys": says({}),
    "HTML": says(b"<html>login</html>", content_type="text/html"),
    "broken keys": says({"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, None, 5, {"kty": "oct"}]}),
    "too many keys": says({"keys": [NEW.jwk(kid=f"n{number}") for number in range(101)]}),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_an_issuer_without_usable_keys_lets_nobody_in_and_no_secret_is_read(outside: World, fault: Handler) -> None:
    outside.issuer.answers["/keys"] = fault
    answer = outside.post()
    assert answer.outcome == (503, "temporarily_unavailable")
    assert 1 <= answer.body["retry_after"] <= 30
    assert outside.calls == {"issuer": 2}
    record = outside.record
    assert record.outcome == "TemporarilyUnavailable"
    assert str(record.reason).startswith("issuer's keys out of reach: key set: ")
    assert (record.issuer, record.subject, record.status) == (outside.issuer_url, None, 503)
    assert outside.milliseconds < 3000
    # Within the cool-down the issuer is left alone.
    assert outside.post().status == 503
    assert outside.calls == {}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_known_good_keys_serve_for_six_hours_with_an_alarm(outside: World, fault: Handler) -> None:
    assert outside.post().status == 200
    outside.issuer.answers["/keys"] = fault
    outside.clock.ahead += 3600
    assert outside.post().status == 200
    assert outside.record.alarms == {"StaleKeys"}
    outside.clock.ahead += 5 * 3600
    assert outside.post().outcome == (503, "temporarily_unavailable")
    assert outside.calls.keys() <= {"issuer"}


def test_a_redirect_of_the_key_set_is_not_followed(outside: World) -> None:
    outside.issuer.answers["/keys"] = redirects_to(f"{outside.issuer_url}/elsewhere")
    outside.issuer.answers["/elsewhere"] = says(outside.signer.jwks())
    assert outside.post().outcome == (503, "temporarily_unavailable")
    assert outside.issuer.calls["/elsewhere"] == 0
    assert outside.calls == {"issuer": 2}


def test_a_redirect_of_the_metadata_is_not_followed(outside: World) -> None:
    outside.issuer.answers["/.well-known/openid-configuration"] = redirects_to(f"{outside.issuer_url}/elsewhere")
    assert outside.post().outcome == (503, "temporarily_unavailable")
    assert outside.calls == {"issuer": 1}


@pytest.mark.parametrize(
    "changes",
    [{"issuer": "https://evil.example"}, {"jwks_uri": "http://127.0.0.1:9/keys"}, {"jwks_uri": None}],
    ids=str,
)
def test_metadata_of_another_issuer_or_that_points_elsewhere_is_not_believed(
    outside: World, changes: dict[str, Any]
) -> None:
    metadata = {"issuer": outside.issuer_url, "jwks_uri": f"{outside.issuer_url}/keys"} | changes
    outside.issuer.answers["/.well-known/openid-configuration"] = says(metadata)
    assert outside.post().outcome == (503, "temporarily_unavailable")
    assert outside.calls == {"issuer": 1}


def test_a_rotated_key_is_found_after_the_cool_down_and_the_old_one_is_gone(outside: World) -> None:
    old = outside.jwt(exp=int(outside.clock()) + 3600)
    assert outside.post(old).status == 200
    outside.issuer.answers["/keys"] = says(NEW.jwks())
    outside.signer = NEW
    assert outside.post().outcome == (401, "invalid_token")
    assert outside.calls == {}
    assert outside.record.reason == "no key fits"
    outside.clock.ahead += 31
    assert outside.post().status == 200
    assert outside.calls == {"issuer": 2}
    assert outside.post(old).outcome == (401, "invalid_token")


def test_one_broken_key_does_not_spoil_the_others(outside: World) -> None:
    broken: list[Any] = [
        None,
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
    ]
    outside.issuer.answers["/keys"] = says({"keys": [*broken, outside.signer.jwk()]})
    assert outside.post().status == 200


def test_a_deadline_that_is_near_ends_the_wait_for_keys(outside: World) -> None:
    outside.issuer.answers["/keys"] = late(20, says({}))
    answer = outside.post(seconds=1.2)
    assert answer.outcome == (503, "temporarily_unavailable")
    assert outside.milliseconds < 1000


def test_keys_that_come_back_are_used_after_the_cool_down(outside: World) -> None:
    good = outside.issuer.answers["/keys"]
    outside.issuer.answers["/keys"] = says(b"", 500)
    assert outside.post().status == 503
    outside.issuer.answers["/keys"] = good
    outside.clock.ahead += 30
    assert outside.post().status == 200
