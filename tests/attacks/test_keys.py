"""Floods of unknown keys, and key sets that break: one fetch for each issuer and cool-down, whatever comes."""

from typing import Any

import pytest

from tests.kit.brokers import DISCOVERY_URL, JWKS_URL, InMemory
from tests.kit.jwts import Signer, b64, part
from tests.kit.policies import issuer
from tests.kit.web import reply

NEW = Signer("RS256", "k2", name="new")


def fetches(broker: InMemory) -> int:
    return broker.web.count(JWKS_URL)


def test_a_flood_of_invented_key_ids_causes_one_fetch_in_thirty_seconds() -> None:
    broker = InMemory()
    broker.post()
    broker.clock.advance(31)
    before = fetches(broker)
    for number in range(200):
        assert broker.refuses(broker.signer.jwt(broker.claims(), kid=f"invented {number}"))
    assert fetches(broker) == before + 1


def test_a_flood_does_not_evict_the_good_keys() -> None:
    """fastapi-zitadel-auth#156."""
    broker = InMemory()
    broker.post()
    for number in range(200):
        broker.refuses(broker.signer.jwt(broker.claims(), kid=f"invented {number}"))
    assert broker.post().status == 200


def test_a_flood_while_the_issuer_is_down_asks_it_once_a_cool_down() -> None:
    broker = InMemory()
    broker.web[JWKS_URL] = reply(b"", 500)
    for _ in range(200):
        assert broker.refuses(broker.jwt(), 503)
    assert fetches(broker) == 1
    broker.clock.advance(30)
    assert broker.refuses(broker.jwt(), 503)
    assert fetches(broker) == 2


def test_one_issuer_s_flood_does_not_keep_another_s_callers_out() -> None:
    """jwks-rsa-java#173: one rate limit for all."""
    other = Signer("RS256", "o1", name="other")
    broker = InMemory(issuers=[issuer(), issuer(name="o", issuer="https://o.example", keys_url="https://o.example/k")])
    broker.web["https://o.example/k"] = reply(other.jwks())
    for number in range(100):
        broker.refuses(other.jwt(broker.claims(iss="https://o.example"), kid=f"invented {number}"))
    assert broker.post().status == 200


def test_a_flood_of_bad_requests_of_every_kind_causes_no_call_upstream() -> None:
    broker = InMemory()
    forger = Signer("RS256", name="forger")
    for number in range(50):
        assert broker.refuses(f"{number}.{number}.{number}")
        assert broker.refuses(forger.jwt(broker.claims()))
        assert broker.refuses(broker.jwt(groups=["strangers"]), 403)
        assert broker.refuses(broker.jwt(exp=1))
        assert broker.refuses(broker.jwt(iss=f"https://{number}.example"))
    assert [call.url for call in broker.web.calls] == [DISCOVERY_URL, JWKS_URL]


def test_a_flood_of_bad_signatures_under_a_known_key_id_causes_one_fetch_in_thirty_seconds() -> None:
    """A key may be made anew under its old name, so a bad signature causes a fetch, but not each one of them."""
    broker = InMemory()
    forger = Signer("RS256", name="forger")
    broker.post()
    for expected in (2, 3):
        broker.clock.advance(30)
        for _ in range(100):
            assert broker.refuses(forger.jwt(broker.claims()))
        assert fetches(broker) == expected
    assert broker.post().status == 200


def test_a_key_made_anew_under_its_old_name_is_taken_within_thirty_seconds() -> None:
    broker = InMemory()
    broker.post()
    remade = Signer("RS256", name="remade")
    broker.web[JWKS_URL] = reply(remade.jwks())
    broker.clock.advance(30)
    assert broker.post(remade.jwt(broker.claims())).status == 200
    assert broker.refuses(broker.jwt())


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f"], ids=bytes.hex)
@pytest.mark.parametrize("where", ["fetched", "inline"])
def test_a_key_of_small_order_lets_nobody_in_by_a_signature_made_from_nothing(point: bytes, where: str) -> None:
    """With such a key OpenSSL accepts R and S of nothing but constants, for one message in eight or for all."""
    jwks = {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": b64(point)}]}
    entry = issuer(algorithms=["EdDSA"], jwks=jwks if where == "inline" else None)
    broker = InMemory(issuers=[entry])
    broker.web[JWKS_URL] = reply(jwks)
    for number in range(16):
        head = part({"alg": "EdDSA", "kid": "k1"})
        body = part(broker.claims(jti=str(number)))
        for r in (bytes(32), b"\x01" + bytes(31), point):
            forged = f"{head}.{body}.{b64(r + bytes(32))}"
            assert broker.refuses(forged, 401 if where == "inline" else 503)


def test_a_key_that_its_set_gives_to_another_issuer_lets_nobody_in() -> None:
    """Entra's sets hold the keys of its consumers' tenant, where everybody may have an account."""
    broker = InMemory()
    broker.web[JWKS_URL] = reply(broker.signer.jwks(issuer="https://login.example.com/consumers"))
    assert broker.refuses(broker.jwt(), 503)


def test_a_rotated_key_is_found_and_the_old_one_is_gone_with_the_new_set() -> None:
    """jwkset#41: sets were merged, so a withdrawn key stayed good. pyjwt#1207: a new one was not seen."""
    broker = InMemory()
    old = broker.jwt()
    assert broker.post(old).status == 200
    broker.web[JWKS_URL] = reply(NEW.jwks())
    broker.clock.advance(31)
    assert broker.post(NEW.jwt(broker.claims())).status == 200
    assert broker.refuses(old)


def test_a_withdrawn_key_is_gone_within_ten_minutes() -> None:
    broker = InMemory()
    assert broker.post().status == 200
    broker.web[JWKS_URL] = reply(NEW.jwks())
    broker.clock.advance(599)
    assert broker.post().status == 200
    broker.clock.advance(1)
    assert broker.refuses(broker.jwt())


@pytest.mark.parametrize(
    "bad",
    [
        None,
        5,
        "text",
        [],
        {},
        {"kty": "RSA"},
        {"kty": "RSA", "n": "!!!", "e": "AQAB"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "oct", "k": "AAAA"},
        {"kty": "OKP", "crv": "X25519", "x": "AAAA"},
        {"kty": ["RSA"]},
    ],
    ids=str,
)
def test_one_malformed_key_does_not_break_the_set(bad: Any) -> None:
    """PyJWT CVE-2026-102274."""
    broker = InMemory()
    broker.web[JWKS_URL] = reply({"keys": [bad, broker.signer.jwk(), bad]})
    assert broker.post().status == 200


@pytest.mark.parametrize(
    "answer",
    [
        reply({"keys": []}),
        reply({"keys": [{"kty": "oct", "k": "AAAA"}]}),
        reply({}),
        reply([]),
        reply(b"<html>"),
        reply(b"", 404),
        reply(b"", 302, location="https://evil.example/keys"),
        reply({"keys": [NEW.jwk(kid=f"k{number}") for number in range(101)]}),
        reply({"keys": [NEW.jwk()], "padding": "x" * 65_536}),
    ],
    ids=["empty", "unusable", "no keys", "a list", "HTML", "404", "redirect", "101 keys", "64 KiB"],
)
def test_a_broken_set_never_replaces_a_good_one(answer: Any) -> None:
    """pyjwt#1162: an outage wiped the cache. CVE-2026-102267: redirects were followed."""
    broker = InMemory()
    broker.post()
    broker.web[JWKS_URL] = answer
    broker.clock.advance(3600)
    assert broker.post().status == 200
    assert "StaleKeys" in broker.record.alarms
    assert not any("evil" in call.url for call in broker.web.calls)
    # The good set is kept until six hours after it was fetched, and no longer.
    broker.clock.advance(5 * 3600)
    assert broker.refuses(broker.jwt(), 503)


def test_a_jwt_is_refused_if_two_keys_of_its_id_fit() -> None:
    broker = InMemory()
    broker.web[JWKS_URL] = reply({"keys": [broker.signer.jwk(), NEW.jwk(kid="k1")]})
    assert broker.refuses(broker.jwt())


def test_a_jwt_without_a_key_id_passes_only_if_exactly_one_key_fits() -> None:
    broker = InMemory()
    assert broker.post(broker.signer.jwt(broker.claims(), kid=None)).status == 200
    broker.web[JWKS_URL] = reply({"keys": [broker.signer.jwk(), NEW.jwk()]})
    broker.clock.advance(600)
    assert broker.refuses(broker.signer.jwt(broker.claims(), kid=None))


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example/", "jwks_uri": JWKS_URL},
        {"issuer": "https://login.example.com", "jwks_uri": JWKS_URL},
        {"issuer": "https://login.example.com/", "jwks_uri": "https://evil.example/keys"},
        {"issuer": "https://login.example.com/", "jwks_uri": "http://login.example.com/keys"},
        {"issuer": "https://login.example.com/", "jwks_uri": "https://login.example.com@evil.example/keys"},
        {"issuer": "https://login.example.com/", "jwks_uri": "https://login.example.com:8443/keys"},
        {"issuer": "https://login.example.com/", "jwks_uri": ["https://login.example.com/keys"]},
        {"issuer": "https://login.example.com/"},
    ],
    ids=str,
)
def test_metadata_that_points_elsewhere_is_not_followed(metadata: dict[str, Any]) -> None:
    broker = InMemory()
    broker.web[DISCOVERY_URL] = reply(metadata)
    assert broker.refuses(broker.jwt(), 503)
    assert [call.url for call in broker.web.calls] == [DISCOVERY_URL]
