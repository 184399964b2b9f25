"""A bearer token for a grant: the cache below the decision, one mint at a time, renewal before the end."""

import threading
from typing import Any

import pytest
from broker.base.audit import Notes
from broker.base.net import OutOfReach
from broker.base.progress import Deadline, Progress
from broker.caller.caller import Caller
from broker.decision import Grant, decide
from broker.request.request import read_token_request

from tests.kit.brokers import SECRETS_URL, TOKEN_URL, InMemory, minted, secret
from tests.kit.forms import by_header
from tests.kit.policies import ISSUER, rule
from tests.kit.sharing import pair
from tests.kit.waiting import is_waiting, wait_until
from tests.kit.web import late, reply

LIFE = 21600
BUSY = reply(b"", 503)
FIRST_RENEWAL, LAST_RENEWAL = 0.80 * LIFE, 0.85 * LIFE  # seconds after the mint


def warm(**changes: Any) -> InMemory:
    """A broker that has minted `bearer-1`; the next mint gives `bearer-2`."""
    broker = InMemory(rules=[rule(**changes)])
    assert broker.post().body["access_token"] == "bearer-1"
    broker.web[TOKEN_URL] = minted("bearer-2")
    return broker


def token(broker: InMemory, **fields: Any) -> str:
    return str(broker.post(**fields).body["access_token"])


# Lifetimes.


def test_the_lifetime_of_a_token_is_counted_from_before_the_mint() -> None:
    broker = InMemory()
    broker.web[TOKEN_URL] = late(broker.clock, 3, minted())
    assert broker.post().body["expires_in"] == LIFE - 3


def test_a_token_is_handed_out_as_it_is_until_four_fifths_of_its_life() -> None:
    broker = warm()
    broker.clock.advance(FIRST_RENEWAL - 1)
    assert (token(broker), broker.record.cache, broker.mints) == ("bearer-1", "hit", 1)


def test_a_token_with_a_fifth_of_its_life_left_is_renewed() -> None:
    broker = warm()
    broker.clock.advance(LAST_RENEWAL)
    assert (token(broker), broker.record.cache) == ("bearer-2", "renewed")
    assert (token(broker), broker.record.cache, broker.mints) == ("bearer-2", "hit", 2)


def test_the_moment_of_renewal_differs_from_environment_to_environment() -> None:
    moments = set()
    for _ in range(6):
        broker = warm()
        broker.clock.advance(FIRST_RENEWAL)
        while token(broker) == "bearer-1":
            broker.clock.advance(20)
        moments.add(broker.clock())
        assert broker.clock() <= 1_800_000_000 + LAST_RENEWAL + 20
    assert len(moments) > 1


def test_one_caller_renews_a_token_while_the_others_get_the_old_one() -> None:
    broker = warm()
    broker.clock.advance(LAST_RENEWAL)
    meanwhile: list[tuple[str, str | None]] = []

    def renewed() -> Any:
        other = threading.Thread(target=lambda: meanwhile.append((token(broker), broker.record.cache)))
        other.start()
        other.join(10)
        return minted("bearer-2")

    broker.web[TOKEN_URL] = renewed
    assert token(broker) == "bearer-2"
    assert meanwhile == [("bearer-1", "hit")]
    assert broker.mints == 2


@pytest.mark.parametrize("failure", [BUSY, reply(b"", 429), reply(b"<html>"), minted(scope="billing:write")], ids=str)
def test_a_renewal_that_fails_keeps_the_old_token_and_is_tried_again_after_thirty_seconds(failure: Any) -> None:
    broker = warm()
    broker.web[TOKEN_URL] = failure
    broker.clock.advance(LAST_RENEWAL)
    assert (token(broker), broker.record.cache) == ("bearer-1", "kept")
    tried = broker.mints
    broker.clock.advance(29)
    assert (token(broker), broker.record.cache, broker.mints) == ("bearer-1", "hit", tried)
    broker.web[TOKEN_URL] = minted("bearer-2")
    broker.clock.advance(1)
    assert token(broker) == "bearer-2"


def test_a_token_with_five_minutes_left_is_still_handed_out() -> None:
    broker = warm()
    broker.web[TOKEN_URL] = BUSY
    broker.clock.advance(LIFE - 300)
    answer = broker.post()
    assert (answer.status, answer.body["expires_in"]) == (200, 300)


def test_a_token_with_less_than_five_minutes_left_is_replaced_or_the_answer_is_503() -> None:
    broker = warm()
    broker.web[TOKEN_URL] = BUSY
    broker.clock.advance(LIFE - 299)
    assert broker.post().outcome == (503, "temporarily_unavailable")
    broker.web[TOKEN_URL] = minted("bearer-2")
    assert (token(broker), broker.record.cache) == ("bearer-2", "miss")


def test_a_new_token_of_less_than_five_minutes_is_refused() -> None:
    broker = InMemory()
    broker.web[TOKEN_URL] = minted(expires_in=299)
    assert broker.post().outcome == (502, "server_error")


def test_a_short_token_is_renewed_by_its_own_life() -> None:
    broker = InMemory()
    broker.web.then(TOKEN_URL, minted("bearer-1", expires_in=3600))
    broker.web[TOKEN_URL] = minted("bearer-2")
    broker.post()
    broker.clock.advance(0.79 * 3600)
    assert token(broker) == "bearer-1"
    broker.clock.advance(0.07 * 3600)
    assert token(broker) == "bearer-2"


def test_a_clock_set_back_hands_out_no_token_past_its_end() -> None:
    broker = warm()
    broker.clock.advance(-3600)
    broker.post()
    broker.clock.advance(3600 + LIFE)
    assert token(broker) == "bearer-2"


# The cache keeps requests apart that differ in anything that is sent upstream.


@pytest.mark.parametrize(
    "fields",
    [{"scope": "assemblies:read"}, {"aud": "mcp"}, {"credential": "second"}],
    ids=["scopes", "aud", "credential"],
)
def test_another_scope_aud_or_credential_is_another_token(fields: dict[str, str]) -> None:
    broker = InMemory(
        credentials=["default", "second"], rules=[rule(aud=["api2", "mcp"]), rule(name="second", credential="second")]
    )
    broker.post()
    broker.web[TOKEN_URL] = minted("bearer-2", fields.get("scope", "assemblies:read assemblies:write"))
    assert token(broker, **fields) == "bearer-2"
    assert token(broker) == "bearer-1"
    assert token(broker, **fields) == "bearer-2"
    assert broker.mints == 2


def test_the_order_of_scopes_makes_no_difference() -> None:
    broker = warm()
    assert token(broker, scope="assemblies:write,assemblies:read assemblies:write") == "bearer-1"


def test_callers_of_one_grant_share_a_token() -> None:
    broker = warm()
    assert broker.post(broker.jwt(sub="bob")).body["access_token"] == "bearer-1"


def test_a_rule_with_share_caller_gives_each_caller_a_token_of_its_own() -> None:
    broker = warm(share="caller")
    assert broker.post(broker.jwt(sub="bob")).body["access_token"] == "bearer-2"
    assert token(broker) == "bearer-1"


def test_one_matching_rule_with_share_caller_is_enough() -> None:
    broker = InMemory(rules=[rule(), rule(name="own", share="caller")])
    broker.post()
    broker.web[TOKEN_URL] = minted("bearer-2")
    assert broker.post(broker.jwt(sub="bob")).body["access_token"] == "bearer-2"


def test_a_new_version_of_the_secret_empties_the_cache_within_five_minutes() -> None:
    broker = warm()
    broker.web[SECRETS_URL] = secret("v2")
    broker.clock.advance(299)
    assert token(broker) == "bearer-1"
    broker.clock.advance(1)
    assert token(broker) == "bearer-2"


def test_going_back_to_the_old_version_of_the_secret_does_not_bring_its_tokens_back() -> None:
    broker = warm()
    broker.web[SECRETS_URL] = secret("v2")
    broker.clock.advance(300)
    assert token(broker) == "bearer-2"
    broker.web[SECRETS_URL] = secret("v1")
    broker.web[TOKEN_URL] = minted("bearer-3")
    broker.clock.advance(300)
    assert token(broker) == "bearer-3"


# One mint at a time.


def test_many_requests_for_the_same_token_at_once_cause_one_mint() -> None:
    broker = InMemory()
    got: list[str] = []
    others = [threading.Thread(target=lambda: got.append(token(broker))) for _ in range(8)]

    def while_others_wait() -> Any:
        broker.web[TOKEN_URL] = minted("too many")
        for other in others:
            other.start()
        wait_until(lambda: all(map(is_waiting, others)))
        return minted("bearer-1")

    broker.web[TOKEN_URL] = while_others_wait
    got.append(token(broker))
    for other in others:
        other.join(10)
    assert (got, broker.mints) == (["bearer-1"] * 9, 1)


def test_a_request_that_named_its_scopes_does_not_share_the_narrower_token_of_one_that_named_none() -> None:
    broker = InMemory()
    outcomes: list[tuple[int, str | None]] = []
    named = threading.Thread(
        target=lambda: outcomes.append(broker.post(scope="assemblies:read assemblies:write").outcome)
    )

    def while_another_asks() -> Any:
        broker.web[TOKEN_URL] = minted("narrow", "assemblies:read")
        named.start()
        named.join(10)
        return minted("narrow", "assemblies:read")

    broker.web[TOKEN_URL] = while_another_asks
    assert broker.post().body["scope"] == "assemblies:read"
    assert outcomes == [(502, "server_error")]


# A token that api2 refuses.


def replace_token(broker: InMemory) -> str:
    """The token in place of the one that this environment hands out, which api2 refuses."""
    tokens, progress = broker.exchange.tokens, Progress(Deadline(broker.clock, 15), Notes())
    caller = Caller("site", ISSUER, "alice", {"groups": ["editors"]})
    granted = decide(broker.trust, caller, read_token_request(by_header(broker.jwt())))
    assert isinstance(granted, Grant)
    refused = tokens.obtain(granted, caller, progress)
    (new,) = {tokens.replace(refused, granted, caller, progress).secret for _ in range(3)}
    return new


def test_a_token_that_api2_refuses_is_replaced_by_one_mint_for_everybody_who_finds_out() -> None:
    broker = warm()
    assert replace_token(broker) == "bearer-2"
    assert (token(broker), broker.mints) == ("bearer-2", 2)


def test_an_environment_that_starts_later_gets_the_token_in_place_of_the_one_that_api2_refuses() -> None:
    one, another, _ = pair()
    assert (token(one), replace_token(one), token(another)) == ("bearer-1", "bearer-2", "bearer-2")
    assert one.mints == 2


def test_a_table_without_an_answer_is_no_reason_to_keep_the_token_that_api2_refuses() -> None:
    one, _, rows = pair()
    token(one)
    rows.fault = OutOfReach("timeout")
    assert (replace_token(one), token(one), one.mints) == ("bearer-2", "bearer-2", 2)
