"""Issuers' keys: fetched when needed, kept when the issuer is down, never asked for too often."""

from typing import Any

import pytest
from broker.base.audit import Notes
from broker.base.errors import CallerRefused, TemporarilyUnavailable
from broker.base.net import OutOfReach
from broker.base.progress import Deadline, Progress
from broker.caller import jwt
from broker.caller.keys import KeySets
from broker.policy.model import Issuer

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

    def verify(self, key_id: str | None = "one", signer: Signer | None = None, seconds: float = 15) -> None:
        """Verify a JWT that names this key, by its owner or another signer."""
        signer = signer or (TWO if key_id == "two" else ONE)
        token = jwt.parse(signer.jwt({"sub": "alice"}, kid=key_id))
        self._sets.verify(self.entry, token, Progress(Deadline(self.clock, seconds), self.notes))

    @property
    def fetches(self) -> int:
        return self.web.count(JWKS_URL)


def test_keys_are_found_by_discovery_and_kept_for_ten_minutes() -> None:
    desk = Desk()
    desk.verify()
    desk.clock.advance(599)
    desk.verify()
    assert desk.fetches == 1
    desk.clock.advance(1)
    desk.verify()
    assert desk.fetches == 2


def test_a_key_url_is_asked_without_discovery() -> None:
    desk = Desk(source(keys_url="https://keys.example/jwks"))
    desk.web["https://keys.example/jwks"] = reply(ONE.jwks())
    desk.verify()
    assert [call.url for call in desk.web.calls] == ["https://keys.example/jwks"]


def test_inline_keys_need_no_network() -> None:
    desk = Desk(source(jwks=ONE.jwks()))
    desk.verify()
    with pytest.raises(CallerRefused):
        desk.verify("unknown")
    assert desk.web.calls == []


def test_the_whole_fetch_may_take_two_seconds_and_less_near_the_deadline() -> None:
    desk = Desk()
    desk.verify()
    assert [call.seconds for call in desk.web.calls] == [2.0, 2.0]
    near = Desk()
    near.verify(seconds=1.5)
    assert near.web.calls[0].seconds == 1.0


def test_a_set_is_used_through_failures_until_six_hours_and_never_past_them() -> None:
    desk = Desk()
    desk.verify()
    desk.web[JWKS_URL] = DOWN
    for _ in range(359):
        desk.clock.advance(60)
        desk.verify()
    assert desk.notes.alarms == {"StaleKeys"}
    desk.clock.advance(60)
    with pytest.raises(TemporarilyUnavailable):
        desk.verify()


def test_failures_are_thirty_seconds_apart() -> None:
    desk = Desk()
    desk.web[JWKS_URL] = DOWN
    for _ in range(10):
        with pytest.raises(TemporarilyUnavailable) as caught:
            desk.verify()
        desk.clock.advance(2)
    assert desk.fetches == 1
    assert caught.value.retry_after == 12
    desk.clock.advance(10)
    desk.web[JWKS_URL] = reply(ONE.jwks())
    desk.verify()
    assert desk.fetches == 2


def test_an_unknown_key_id_is_fetched_once_in_a_cool_down_and_refused_if_the_issuer_answered() -> None:
    desk = Desk()
    desk.verify()
    desk.clock.advance(31)
    for _ in range(100):
        with pytest.raises(CallerRefused):
            desk.verify("invented")
    assert desk.fetches == 2


def test_an_unknown_key_id_is_unavailable_if_the_issuer_did_not_answer() -> None:
    desk = Desk()
    desk.verify()
    desk.clock.advance(31)
    desk.web[JWKS_URL] = DOWN
    for _ in range(100):
        with pytest.raises(TemporarilyUnavailable):
            desk.verify("invented")
    assert desk.fetches == 2
    desk.verify()


def test_a_rotated_key_is_found_once_the_cool_down_is_over() -> None:
    desk = Desk()
    desk.verify()
    desk.web[JWKS_URL] = reply(TWO.jwks())
    desk.clock.advance(31)
    desk.verify("two")


REMADE = Signer("EdDSA", "one", name="remade")


@pytest.mark.parametrize("key_id", ["one", None], ids=["under one name", "without names"])
def test_a_key_made_anew_is_found_once_the_cool_down_is_over(key_id: str | None) -> None:
    desk = Desk()
    desk.web[JWKS_URL] = reply(ONE.jwks(kid=key_id))
    desk.verify(key_id)
    desk.web[JWKS_URL] = reply(REMADE.jwks(kid=key_id))
    desk.clock.advance(29)
    with pytest.raises(CallerRefused, match="signature"):
        desk.verify(key_id, REMADE)
    assert desk.fetches == 1
    desk.clock.advance(1)
    desk.verify(key_id, REMADE)
    assert desk.fetches == 2
    with pytest.raises(CallerRefused, match="signature"):
        desk.verify(key_id, ONE)


def test_a_flood_of_bad_signatures_causes_one_fetch_in_a_cool_down() -> None:
    desk = Desk()
    desk.verify()
    for expected in (2, 3, 4):
        desk.clock.advance(30)
        for _ in range(100):
            with pytest.raises(CallerRefused, match="signature"):
                desk.verify("one", REMADE)
            desk.verify()
        assert desk.fetches == expected


def test_a_bad_signature_is_unavailable_if_the_issuer_did_not_answer_and_good_ones_go_on() -> None:
    desk = Desk()
    desk.verify()
    desk.clock.advance(31)
    desk.web[JWKS_URL] = DOWN
    for _ in range(100):
        with pytest.raises(TemporarilyUnavailable):
            desk.verify("one", REMADE)
    assert desk.fetches == 2
    desk.verify()


def test_a_bad_signature_by_an_inline_key_asks_nobody() -> None:
    desk = Desk(source(jwks=ONE.jwks()))
    with pytest.raises(CallerRefused, match="signature"):
        desk.verify("one", REMADE)
    assert desk.web.calls == []


MEND = "; name its key set: keys: {url: https://...}"


@pytest.mark.parametrize(
    ("url", "answer", "words"),
    [
        (DISCOVERY_URL, reply(b"", status=404), f"issuer has no discovery document{MEND}"),
        (DISCOVERY_URL, reply(b"", status=410), f"issuer has no discovery document{MEND}"),
        (DISCOVERY_URL, reply(b"", status=503), "discovery document: status 503"),
        (DISCOVERY_URL, reply(b"", status=302, location="https://evil.example/"), "discovery document: status 302"),
        (DISCOVERY_URL, reply(b"<html>"), "discovery document: not JSON"),
        (DISCOVERY_URL, reply([]), "discovery document: not an object"),
        (DISCOVERY_URL, OutOfReach("timeout"), "discovery document: timeout"),
        (DISCOVERY_URL, reply({"issuer": "x"}), "discovery document of another issuer; mind the slash at the end"),
        (
            DISCOVERY_URL,
            reply({"issuer": ISSUER, "jwks_uri": "https://keys.example/"}),
            f"discovery document with keys at another origin{MEND}",
        ),
        (JWKS_URL, reply(b"", status=404), "key set: not found"),
        (JWKS_URL, reply(b"", status=500), "key set: status 500"),
        (JWKS_URL, OutOfReach("tls"), "key set: tls"),
        (JWKS_URL, reply({}), "key set: not a JWKS"),
        (JWKS_URL, reply({"keys": [ONE.jwk()] * 101}), "key set: too many keys"),
        (JWKS_URL, reply({"keys": [ONE.jwk(use="enc")]}), "key set: no usable key"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_reason_names_the_failure_and_still_does_within_the_cool_down(url: str, answer: Any, words: str) -> None:
    desk = Desk()
    desk.web[url] = answer
    for _ in range(2):
        with pytest.raises(TemporarilyUnavailable) as caught:
            desk.verify()
        assert caught.value.reason == f"issuer's keys out of reach: {words}"
    assert desk.web.count(url) == 1


def test_entries_that_share_an_issuer_share_its_set() -> None:
    desk = Desk()
    desk.verify()
    desk.entry = source(name="other", audiences=["b"])
    desk.verify()
    assert desk.fetches == 1


def test_a_clock_that_was_set_back_does_not_stop_fetching() -> None:
    desk = Desk()
    desk.verify()
    desk.clock.advance(-3600)
    desk.verify()
    assert desk.fetches == 2
