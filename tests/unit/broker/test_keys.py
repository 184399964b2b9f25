"""Issuers' keys: fetched when needed, kept when the issuer is down, never asked for too often."""

from typing import Any

import pytest
from broker.audit import Notes
from broker.caller import Issuer
from broker.deadline import Deadline
from broker.errors import CallerRefused, TemporarilyUnavailable
from broker.jwk import Jwk
from broker.keys import KeySets
from broker.net import OutOfReach

from tests.kit.brokers import DISCOVERY_URL, JWKS_URL
from tests.kit.clock import Clock
from tests.kit.jwts import Signer
from tests.kit.policies import ISSUER, issuer, policy
from tests.kit.web import Web, reply

ONE, TWO = Signer("EdDSA", "one"), Signer("EdDSA", "two", name="two")
DOWN = OutOfReach("connection")


def source(**changes: Any) -> Issuer:
    (entry,) = policy(issuers=[issuer(algorithms=["EdDSA"], **changes)]).issuers[ISSUER]
    return entry


class Desk:
    def __init__(self, entry: Issuer | None = None) -> None:
        self.clock = Clock()
        self.web = Web()
        self.web[DISCOVERY_URL] = reply({"issuer": ISSUER, "jwks_uri": JWKS_URL})
        self.web[JWKS_URL] = reply(ONE.jwks())
        self.entry = entry or source()
        self.notes = Notes()
        self._sets = KeySets(self.web, self.clock)

    def find(self, key_id: str | None = "one", algorithm: str = "EdDSA", seconds: float = 15) -> Jwk:
        return self._sets.find(self.entry, algorithm, key_id, Deadline(self.clock, seconds), self.notes)

    @property
    def fetches(self) -> int:
        return self.web.count(JWKS_URL)


def test_keys_are_found_by_discovery_and_kept_for_ten_minutes() -> None:
    desk = Desk()
    assert desk.find().key_id == "one"
    desk.clock.advance(599)
    desk.find()
    assert desk.fetches == 1
    desk.clock.advance(1)
    desk.find()
    assert desk.fetches == 2


def test_a_key_url_is_asked_without_discovery() -> None:
    desk = Desk(source(keys={"url": "https://keys.example/jwks"}))
    desk.web["https://keys.example/jwks"] = reply(ONE.jwks())
    desk.find()
    assert [call.url for call in desk.web.calls] == ["https://keys.example/jwks"]


def test_inline_keys_need_no_network() -> None:
    desk = Desk(source(keys={"jwks": ONE.jwks()}))
    desk.find()
    with pytest.raises(CallerRefused):
        desk.find("unknown")
    assert desk.web.calls == []


def test_the_whole_fetch_may_take_two_seconds_and_less_near_the_deadline() -> None:
    desk = Desk()
    desk.find()
    assert [call.seconds for call in desk.web.calls] == [2.0, 2.0]
    near = Desk()
    near.find(seconds=1.5)
    assert near.web.calls[0].seconds == 1.0


def test_a_set_is_used_through_failures_until_six_hours_and_never_past_them() -> None:
    desk = Desk()
    desk.find()
    desk.web[JWKS_URL] = DOWN
    for _ in range(359):
        desk.clock.advance(60)
        desk.find()
    assert desk.notes.alarms == {"StaleKeys"}
    desk.clock.advance(60)
    with pytest.raises(TemporarilyUnavailable):
        desk.find()


def test_failures_are_thirty_seconds_apart() -> None:
    desk = Desk()
    desk.web[JWKS_URL] = DOWN
    for _ in range(10):
        with pytest.raises(TemporarilyUnavailable) as caught:
            desk.find()
        desk.clock.advance(2)
    assert desk.fetches == 1
    assert caught.value.retry_after == 12
    desk.clock.advance(10)
    desk.web[JWKS_URL] = reply(ONE.jwks())
    desk.find()
    assert desk.fetches == 2


def test_an_unknown_key_id_is_asked_for_once_in_a_cool_down_and_refused_if_the_issuer_answered() -> None:
    desk = Desk()
    desk.find()
    desk.clock.advance(31)
    for _ in range(100):
        with pytest.raises(CallerRefused):
            desk.find("invented")
    assert desk.fetches == 2


def test_an_unknown_key_id_is_unavailable_if_the_issuer_did_not_answer() -> None:
    desk = Desk()
    desk.find()
    desk.clock.advance(31)
    desk.web[JWKS_URL] = DOWN
    for _ in range(100):
        with pytest.raises(TemporarilyUnavailable):
            desk.find("invented")
    assert desk.fetches == 2
    desk.find()


def test_a_rotated_key_is_found_once_the_cool_down_is_over() -> None:
    desk = Desk()
    desk.find()
    desk.web[JWKS_URL] = reply(TWO.jwks())
    desk.clock.advance(31)
    assert desk.find("two").key_id == "two"


def test_a_new_set_replaces_the_old_one_whole() -> None:
    """jwkset#41: appended keys kept revoked ones valid."""
    desk = Desk()
    desk.find()
    desk.web[JWKS_URL] = reply(TWO.jwks())
    desk.clock.advance(600)
    desk.find("two")
    with pytest.raises(CallerRefused):
        desk.find("one")


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
    desk.find()
    desk.web[JWKS_URL] = bad
    desk.clock.advance(600)
    assert desk.find().key_id == "one"
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
        desk.find()
    assert [call.url for call in desk.web.calls] == [DISCOVERY_URL]


def test_the_default_port_is_the_same_origin() -> None:
    desk = Desk()
    desk.web[DISCOVERY_URL] = reply({"issuer": ISSUER, "jwks_uri": "https://login.example.com:443/keys"})
    desk.web["https://login.example.com:443/keys"] = reply(ONE.jwks())
    desk.find()


def test_broken_keys_do_not_spoil_the_others() -> None:
    desk = Desk()
    desk.web[JWKS_URL] = reply({"keys": [{"kty": "RSA"}, "x", ONE.jwk(), Signer("RS256", bits=1024).jwk()]})
    desk.find()


def test_two_fitting_keys_of_one_id_are_refused() -> None:
    desk = Desk()
    desk.web[JWKS_URL] = reply({"keys": [ONE.jwk(), TWO.jwk(kid="one")]})
    with pytest.raises(CallerRefused, match="more than one key fits"):
        desk.find()


def test_keys_of_one_id_for_other_algorithms_do_not_count() -> None:
    desk = Desk()
    desk.web[JWKS_URL] = reply({"keys": [ONE.jwk(), Signer("ES256").jwk(kid="one")]})
    desk.find()


def test_without_a_key_id_exactly_one_key_must_fit() -> None:
    desk = Desk()
    assert desk.find(None).key_id == "one"
    desk.web[JWKS_URL] = reply({"keys": [ONE.jwk(), TWO.jwk()]})
    desk.clock.advance(600)
    with pytest.raises(CallerRefused, match="more than one key fits"):
        desk.find(None)


def test_a_key_without_an_id_is_not_found_by_one() -> None:
    desk = Desk()
    desk.web[JWKS_URL] = reply(ONE.jwks(kid=None))
    with pytest.raises(CallerRefused):
        desk.find("one")


def test_entries_that_share_an_issuer_share_its_set() -> None:
    desk = Desk()
    desk.find()
    desk.entry = source(name="other", audiences=["b"])
    desk.find()
    assert desk.fetches == 1


def test_a_clock_that_was_set_back_does_not_stop_fetching() -> None:
    desk = Desk()
    desk.find()
    desk.clock.advance(-3600)
    desk.find()
    assert desk.fetches == 2
