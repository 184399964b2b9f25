"""A bearer token for a grant: the cache below the decision, one mint at a time, renewal before the end."""

import sys
import threading
from typing import Any

import pytest
from broker.audit import counts
from broker.minting import BearerToken

from tests.kit.brokers import SECRETS_URL, TOKEN_URL, Broker, minted, secret
from tests.kit.policies import policy, rule
from tests.kit.waiting import wait_until
from tests.kit.web import reply

LIFE = 21600
BUSY = reply(b"", 503)
REFUSED = reply({"error": "TOKEN_INVALID_CREDENTIALS"}, 401)
FIRST_RENEWAL, LAST_RENEWAL = 0.80 * LIFE, 0.85 * LIFE  # seconds after the mint


def warm(**changes: Any) -> Broker:
    """A broker that has minted `bearer-1`; the next mint gives `bearer-2`."""
    broker = Broker(policy(rules=[rule(**changes)]))
    assert broker.post().body["access_token"] == "bearer-1"
    broker.web[TOKEN_URL] = minted("bearer-2")
    return broker


def token(broker: Broker, **fields: Any) -> str:
    return str(broker.post(**fields).body["access_token"])


# Lifetimes.


def test_what_is_left_is_counted_from_before_the_mint() -> None:
    broker = Broker()

    def slow() -> Any:
        broker.clock.advance(3)
        return minted()

    broker.web[TOKEN_URL] = slow
    assert broker.post().body["expires_in"] == LIFE - 3


def test_until_four_fifths_of_its_life_a_token_is_handed_out_as_it_is() -> None:
    broker = warm()
    broker.clock.advance(FIRST_RENEWAL - 1)
    assert (token(broker), broker.record.cache, broker.mints) == ("bearer-1", "hit", 1)


def test_from_a_fifth_of_its_life_left_it_is_renewed() -> None:
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


def test_one_caller_renews_while_the_others_get_the_old_one() -> None:
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
def test_a_renewal_that_fails_keeps_the_old_one_and_is_tried_again_after_thirty_seconds(failure: Any) -> None:
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


def test_with_five_minutes_left_it_is_still_handed_out() -> None:
    broker = warm()
    broker.web[TOKEN_URL] = BUSY
    broker.clock.advance(LIFE - 300)
    answer = broker.post()
    assert (answer.status, answer.body["expires_in"]) == (200, 300)


def test_with_less_it_is_a_new_one_or_503() -> None:
    broker = warm()
    broker.web[TOKEN_URL] = BUSY
    broker.clock.advance(LIFE - 299)
    assert broker.post().outcome == (503, "temporarily_unavailable")
    broker.web[TOKEN_URL] = minted("bearer-2")
    assert (token(broker), broker.record.cache) == ("bearer-2", "miss")


def test_a_new_token_of_less_than_five_minutes_is_refused() -> None:
    broker = Broker()
    broker.web[TOKEN_URL] = minted(expires_in=299)
    assert broker.post().outcome == (502, "server_error")


def test_a_short_token_is_renewed_by_its_own_life() -> None:
    broker = Broker()
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


# What the cache tells apart: all that is sent upstream.


@pytest.mark.parametrize(
    "fields",
    [{"scope": "assemblies:read"}, {"aud": "mcp"}, {"credential": "second"}],
    ids=["scopes", "aud", "credential"],
)
def test_another_scope_aud_or_credential_is_another_token(fields: dict[str, str]) -> None:
    broker = Broker(
        policy(
            credentials=["default", "second"],
            rules=[rule(aud=["api2", "mcp"]), rule(name="second", credential="second")],
        )
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


def test_unless_the_rule_gives_each_a_token_of_its_own() -> None:
    broker = warm(share="caller")
    assert broker.post(broker.jwt(sub="bob")).body["access_token"] == "bearer-2"
    assert token(broker) == "bearer-1"


def test_one_rule_that_says_so_is_enough() -> None:
    broker = Broker(policy(rules=[rule(), rule(name="own", share="caller")]))
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


def test_and_going_back_to_the_old_version_does_not_bring_its_tokens_back() -> None:
    broker = warm()
    broker.web[SECRETS_URL] = secret("v2")
    broker.clock.advance(300)
    assert token(broker) == "bearer-2"
    broker.web[SECRETS_URL] = secret("v1")
    broker.web[TOKEN_URL] = minted("bearer-3")
    broker.clock.advance(300)
    assert token(broker) == "bearer-3"


# One mint at a time.


def test_many_who_ask_for_the_same_at_once_cause_one_mint() -> None:
    broker = Broker()
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


def test_who_named_scopes_does_not_share_the_narrower_token_of_who_named_none() -> None:
    broker = Broker()
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


def is_waiting(thread: threading.Thread) -> bool:
    frame = sys._current_frames().get(thread.ident or 0)
    return frame is not None and frame.f_code.co_qualname == "Condition.wait"


# Refused credentials.


def test_a_refused_secret_is_read_afresh_once_and_not_tried_again_if_the_same() -> None:
    broker = Broker()
    broker.web[TOKEN_URL] = REFUSED
    assert broker.post().outcome == (502, "server_error")
    assert (broker.mints, broker.web.count(SECRETS_URL)) == (1, 2)
    assert broker.record.alarms == ("CredentialRefused",)


def test_a_refused_secret_that_has_a_new_version_is_tried_with_that() -> None:
    broker = Broker()
    broker.web.then(SECRETS_URL, secret("v1"))
    broker.web[SECRETS_URL] = secret("v2")
    broker.web.then(TOKEN_URL, REFUSED)
    assert broker.post().status == 200
    assert broker.mints == 2


def test_a_refused_version_is_left_alone_for_sixty_seconds() -> None:
    broker = Broker()
    broker.web[TOKEN_URL] = REFUSED
    broker.post()
    broker.clock.advance(59)
    assert broker.post().outcome == (502, "server_error")
    assert broker.mints == 1
    broker.web[TOKEN_URL] = minted()
    broker.clock.advance(1)
    assert broker.post().status == 200


def test_a_new_version_is_tried_at_once() -> None:
    broker = Broker()
    broker.web[TOKEN_URL] = REFUSED
    broker.post()
    broker.web[SECRETS_URL] = secret("v2")
    broker.web[TOKEN_URL] = minted()
    broker.clock.advance(1)
    assert broker.post().status == 200


def test_a_new_version_that_is_refused_too_is_the_end_of_it() -> None:
    broker = Broker()
    broker.web.then(SECRETS_URL, secret("v1"))
    broker.web[SECRETS_URL] = secret("v2")
    broker.web[TOKEN_URL] = REFUSED
    assert broker.post().outcome == (502, "server_error")
    assert (broker.mints, broker.record.alarms) == (2, ("CredentialRefused",))


def test_a_refused_version_s_tokens_are_dropped_also_by_a_renewal() -> None:
    broker = warm()
    broker.clock.advance(LAST_RENEWAL)
    broker.web[TOKEN_URL] = REFUSED
    assert broker.post().outcome == (502, "server_error")
    assert broker.post().outcome == (502, "server_error")


# A refused scope.


def test_an_invented_scope_under_a_star_is_the_caller_s_mistake_and_no_fault() -> None:
    broker = Broker(policy(rules=[rule(scopes="*")]))
    broker.web[TOKEN_URL] = reply({"error": "TOKEN_INVALID_SCOPE"}, 403)
    assert broker.post(scope="x1").outcome == (400, "invalid_scope")
    assert (broker.record.reason, broker.record.upstream_error) == (
        "Transloadit refuses a scope that no rule names",
        "TOKEN_INVALID_SCOPE",
    )
    assert "Fault" not in counts(broker.record)


@pytest.mark.parametrize("sent", [{}, {"scope": "assemblies:read"}])
def test_a_refused_scope_that_a_rule_names_is_a_fault_whoever_asks_for_it(sent: dict[str, Any]) -> None:
    broker = Broker(policy(rules=[rule(name="all", scopes="*"), rule(name="one", scopes=["assemblies:read"])]))
    broker.web[TOKEN_URL] = reply({"error": "TOKEN_INVALID_SCOPE"}, 403)
    assert broker.post(**sent).outcome == (502, "server_error")
    assert counts(broker.record)["Fault"] == 1


# What came is compared with what was asked.


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("assemblies:read", "assemblies:read billing:write"),
        ("assemblies:read", "assemblies:write"),
        ("assemblies:read", "*"),
        ("assemblies:read", "read"),
        ("read", "assemblies:write"),
        ("read", "write"),
    ],
)
def test_wider_than_asked_is_refused_alarmed_and_not_kept(asked: str, given: str) -> None:
    broker = Broker(policy(rules=[rule(scopes=asked.split())]))
    broker.web[TOKEN_URL] = minted(scope=given)
    assert broker.post().outcome == (502, "server_error")
    assert broker.record.alarms == ("ScopeMismatch",)
    assert broker.post().outcome == (502, "server_error")


@pytest.mark.parametrize(
    ("asked", "given"),
    [("read", "assemblies:read billing:read"), ("write", "assemblies:write"), ("read", "read"), ("a:read", "a:read")],
)
def test_a_coarse_scope_covers_what_it_stands_for(asked: str, given: str) -> None:
    broker = Broker(policy(rules=[rule(scopes=[asked])]))
    broker.web[TOKEN_URL] = minted(scope=given)
    answer = broker.post(scope=asked)
    assert (answer.status, answer.body["scope"]) == (200, given)
    assert broker.record.alarms == ()


def test_narrower_than_asked_by_name_is_refused_and_alarmed() -> None:
    broker = Broker()
    broker.web[TOKEN_URL] = minted(scope="assemblies:read")
    assert broker.post(scope="assemblies:read assemblies:write").outcome == (502, "server_error")
    assert broker.record.alarms == ("ScopeMismatch",)


def test_narrower_where_none_was_named_is_returned_as_it_is_and_not_kept() -> None:
    broker = Broker()
    broker.web[TOKEN_URL] = minted(scope="assemblies:read")
    answer = broker.post()
    assert (answer.status, answer.body["scope"]) == (200, "assemblies:read")
    broker.web[TOKEN_URL] = minted("bearer-2")
    assert token(broker) == "bearer-2"


def test_a_grant_of_all_takes_what_the_auth_key_has() -> None:
    broker = Broker(policy(rules=[rule(scopes="*")]))
    broker.web[TOKEN_URL] = minted(scope="any:thing at:all")
    answer = broker.post()
    assert (answer.status, answer.body["scope"]) == (200, "any:thing at:all")
    assert b"scope" not in broker.web.calls[-1].body


def test_naming_scopes_under_a_grant_of_all_is_held_to_them() -> None:
    broker = Broker(policy(rules=[rule(scopes="*")]))
    assert broker.post(scope="assemblies:read").outcome == (502, "server_error")


# Budgets.


def test_the_eleventh_mint_of_a_caller_is_429_and_hits_go_on() -> None:
    names = [f"s{number}:read" for number in range(11)]
    broker = Broker(policy(rules=[rule(scopes=names)]))
    for name in names[:10]:
        broker.web[TOKEN_URL] = minted(scope=name)
        assert broker.post(scope=name).status == 200
    answer = broker.post(scope=names[10])
    assert answer.outcome == (429, "temporarily_unavailable")
    assert (answer.body["retry_after"], answer.headers["retry-after"]) == (60, "60")
    assert broker.post(scope=names[3]).status == 200
    assert broker.mints == 10


def test_the_sixty_first_mint_of_a_credential_is_429_for_anybody() -> None:
    broker = Broker(policy(rules=[rule(share="caller")]))
    for number in range(60):
        assert broker.post(broker.jwt(sub=f"caller {number}")).status == 200
    assert broker.post(broker.jwt(sub="caller 60")).outcome == (429, "temporarily_unavailable")
    assert broker.post(broker.jwt(sub="caller 3")).status == 200
    assert broker.mints == 60


def test_over_budget_a_renewal_keeps_the_old_token() -> None:
    broker = warm(share="caller")
    for number in range(59):
        broker.post(broker.jwt(sub=f"caller {number}"))
    broker.clock.advance(LAST_RENEWAL)
    for number in range(60):
        broker.post(broker.jwt(sub=f"other {number}"))
    assert (token(broker), broker.record.cache) == ("bearer-1", "kept")


def test_the_representation_of_a_bearer_token_hides_it() -> None:
    assert "hidden" not in repr(BearerToken("hidden", frozenset({"a:read"}), 0, 5, "hash"))
