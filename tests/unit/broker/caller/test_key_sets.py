"""Sets of keys: a set that is fetched is good as a whole or not at all, and a JWT has one key in it."""

from typing import Any

import pytest
from broker.base.errors import CallerRefused, TemporarilyUnavailable
from broker.base.net import OutOfReach

from tests.kit.brokers import DISCOVERY_URL, JWKS_URL
from tests.kit.jwts import Signer
from tests.kit.policies import ISSUER
from tests.kit.web import reply
from tests.unit.broker.caller.test_keys import DOWN, ONE, TWO, Desk


def test_keys_that_name_another_issuer_are_not_used() -> None:
    """Keys of Entra's consumers stand in the set of each tenant."""
    desk = Desk()
    desk.web[JWKS_URL] = reply({"keys": [ONE.jwk(issuer="https://other.example/"), TWO.jwk(issuer=ISSUER)]})
    desk.verify("two")
    with pytest.raises(CallerRefused, match="no key fits"):
        desk.verify("one")


def test_a_new_set_replaces_the_old_one_whole() -> None:
    """jwkset#41: appended keys kept revoked ones valid."""
    desk = Desk()
    desk.verify()
    desk.web[JWKS_URL] = reply(TWO.jwks())
    desk.clock.advance(600)
    desk.verify("two")
    with pytest.raises(CallerRefused):
        desk.verify("one")


@pytest.mark.parametrize(
    "bad",
    [
        DOWN,
        OutOfReach("timeout"),
        reply({"keys": []}),
        reply({"keys": [{"kty": "RSA", "kid": "one"}]}),
        reply({"keys": "none"}),
        reply({}),
        reply([]),
        reply(b"<html>"),
        reply(b'{"keys": [], "keys": []}'),
        reply(ONE.jwks(), status=404),
        reply(ONE.jwks(), status=302, location="https://evil.example/"),
        reply({"keys": [ONE.jwk()] * 101}),
        reply(b"{" + b" " * 65_536 + b"}"),
    ],
)
def test_a_bad_set_never_replaces_a_good_one(bad: Any) -> None:
    desk = Desk()
    desk.verify()
    desk.web[JWKS_URL] = bad
    desk.clock.advance(600)
    desk.verify()
    assert desk.fetches == 2
    assert desk.notes.alarms == {"StaleKeys"}


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": ISSUER.rstrip("/"), "jwks_uri": JWKS_URL},
        {"issuer": "https://evil.example/", "jwks_uri": JWKS_URL},
        {"jwks_uri": JWKS_URL},
        {"issuer": ISSUER},
        {"issuer": ISSUER, "jwks_uri": 7},
        {"issuer": ISSUER, "jwks_uri": "https://evil.example/keys"},
        {"issuer": ISSUER, "jwks_uri": "http://login.example.com/keys"},
        {"issuer": ISSUER, "jwks_uri": "https://login.example.com:8443/keys"},
        {"issuer": ISSUER, "jwks_uri": "https://login.example.com@evil.example/keys"},
        {"issuer": ISSUER, "jwks_uri": "https://login.example.com.evil.example/keys"},
        {"issuer": ISSUER, "jwks_uri": "//evil.example/keys"},
        {"issuer": ISSUER, "jwks_uri": "https://[/keys"},
    ],
)
def test_discovery_of_another_issuer_or_with_keys_at_another_origin_is_not_followed(metadata: Any) -> None:
    desk = Desk()
    desk.web[DISCOVERY_URL] = reply(metadata)
    with pytest.raises(TemporarilyUnavailable):
        desk.verify()
    assert [call.url for call in desk.web.calls] == [DISCOVERY_URL]


def test_the_default_port_is_the_same_origin() -> None:
    desk = Desk()
    desk.web[DISCOVERY_URL] = reply({"issuer": ISSUER, "jwks_uri": "https://login.example.com:443/keys"})
    desk.web["https://login.example.com:443/keys"] = reply(ONE.jwks())
    desk.verify()


def test_broken_keys_do_not_spoil_the_others() -> None:
    desk = Desk()
    desk.web[JWKS_URL] = reply({"keys": [{"kty": "RSA"}, "x", ONE.jwk(), Signer("RS256", bits=1024).jwk()]})
    desk.verify()


def test_two_fitting_keys_of_one_id_are_refused() -> None:
    desk = Desk()
    desk.web[JWKS_URL] = reply({"keys": [ONE.jwk(), TWO.jwk(kid="one")]})
    with pytest.raises(CallerRefused, match="more than one key fits"):
        desk.verify()


def test_keys_of_one_id_for_other_algorithms_do_not_count() -> None:
    desk = Desk()
    desk.web[JWKS_URL] = reply({"keys": [ONE.jwk(), Signer("ES256").jwk(kid="one")]})
    desk.verify()


def test_a_jwt_without_a_key_id_needs_exactly_one_key_that_fits() -> None:
    desk = Desk()
    desk.verify(None)
    desk.web[JWKS_URL] = reply({"keys": [ONE.jwk(), TWO.jwk()]})
    desk.clock.advance(600)
    with pytest.raises(CallerRefused, match="more than one key fits"):
        desk.verify(None)


def test_a_key_without_an_id_is_not_found_by_an_id() -> None:
    desk = Desk()
    desk.web[JWKS_URL] = reply(ONE.jwks(kid=None))
    with pytest.raises(CallerRefused):
        desk.verify("one")
