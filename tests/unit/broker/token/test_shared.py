"""The shared table: a token that one environment mints or renews is found by the others, and by no other caller."""

import json
from typing import Any

import pytest
from broker.token.shared import REFUSAL_SECONDS

from tests.kit.brokers import SECRETS_URL, TABLE_URL, TOKEN_URL, minted, secret
from tests.kit.sharing import BUSY, LAST_RENEWAL, LIFE, crash, pair, token

# One mint for all.


def test_a_token_that_one_environment_minted_is_found_by_the_others() -> None:
    one, two, _ = pair()
    assert token(one) == ("bearer-1", "miss")
    assert token(two) == ("bearer-1", "shared")
    assert (one.mints, two.record.mints, two.record.alarms) == (1, 0, set())
    assert two.record.token_sha256 == one.record.token_sha256


def test_a_token_that_was_found_in_the_table_is_kept_in_memory() -> None:
    one, two, rows = pair()
    token(one)
    token(two)
    rows.calls.clear()
    assert token(two) == ("bearer-1", "hit")
    assert rows.calls == {}


def test_a_mint_costs_three_calls_of_the_table_and_a_find_two() -> None:
    one, two, rows = pair()
    token(one)
    assert rows.calls == {"GetItem": 1, "PutItem": 2}  # one read, then the lease and the token
    rows.calls.clear()
    token(two)
    assert rows.calls == {"GetItem": 2}  # the token, and whether its version was refused


def test_the_mark_of_a_refused_version_is_read_once_a_minute() -> None:
    one, two, rows = pair(share="caller")
    for name in ("alice", "bob", "carol"):
        token(one, jwt=one.jwt(sub=name))
    token(two)
    rows.calls.clear()
    token(two, jwt=two.jwt(sub="bob"))
    assert rows.calls == {"GetItem": 1}
    one.clock.advance(REFUSAL_SECONDS)
    token(two, jwt=two.jwt(sub="carol"))
    assert rows.calls == {"GetItem": 3}


def test_the_first_read_is_consistent_and_the_reads_of_a_wait_are_not() -> None:
    one, two, rows = pair()
    crash(one, rows)
    del one.web.calls[:]
    token(two)
    bodies = [json.loads(call.body) for call in one.web.calls if call.url == TABLE_URL]
    looks = [body["ConsistentRead"] for body in bodies if "ConsistentRead" in body]
    assert looks[0]
    assert not any(looks[1:])


def test_the_life_of_a_found_token_is_counted_from_before_its_mint() -> None:
    one, two, _ = pair()
    token(one)
    one.clock.advance(1000)
    assert two.post().body["expires_in"] == LIFE - 1000


@pytest.mark.parametrize("fields", [{"scope": "assemblies:read"}, {"aud": "mcp"}])
def test_another_scope_or_aud_is_another_token(fields: dict[str, str]) -> None:
    one, two, _ = pair(aud=["api2", "mcp"])
    token(one)
    one.web[TOKEN_URL] = minted("bearer-2", fields.get("scope", "assemblies:read assemblies:write"))
    assert token(two, **fields) == ("bearer-2", "miss")


def test_callers_share_unless_the_rule_gives_each_its_own() -> None:
    one, two, _ = pair()
    token(one)
    assert token(two, jwt=two.jwt(sub="bob")) == ("bearer-1", "shared")
    one, two, _ = pair(share="caller")
    token(one)
    assert token(two, jwt=two.jwt(sub="bob")) == ("bearer-2", "miss")
    assert token(two) == ("bearer-1", "shared")


def test_a_found_token_costs_no_mint_budget() -> None:
    names = [f"s{number}:read" for number in range(11)]
    one, two, _ = pair(scopes=names)
    for name in names:
        one.web[TOKEN_URL] = minted(name, name)
        one.clock.advance(60)
        assert token(one, scope=name) == (name, "miss")
        assert token(two, scope=name) == (name, "shared")


def test_a_shared_token_with_less_than_five_minutes_left_is_minted_anew() -> None:
    one, two, _ = pair()
    token(one)
    one.clock.advance(LIFE - 300)
    assert token(two) == ("bearer-1", "shared")
    one.clock.advance(1)
    assert token(one.beside()) == ("bearer-2", "miss")


def test_a_new_version_of_the_secret_finds_nothing_of_the_old() -> None:
    one, two, _ = pair()
    token(one)
    one.web[SECRETS_URL] = secret("v2")
    assert token(two) == ("bearer-2", "miss")
    assert two.record.alarms == set()
    # The new version's token was not left under the old version, either.
    one.clock.advance(300)
    assert token(one) == ("bearer-2", "shared")


def test_a_narrower_token_is_not_left_for_others_nor_its_lease() -> None:
    one, two, rows = pair()
    one.web[TOKEN_URL] = minted("narrow", "assemblies:read")
    assert token(one) == ("narrow", "miss")
    assert rows.items == {}
    assert token(two) == ("narrow", "miss")


def test_the_table_reveals_neither_caller_nor_token_nor_scope() -> None:
    one, _, rows = pair(share="caller")
    token(one, jwt=one.jwt(sub="a-private-name"))
    seen = rows.everything()
    for private in (b"a-private-name", b"bearer-1", b"assemblies", b"api2", b"default", b"site"):
        assert private not in seen


# Renewal.


def test_a_renewal_takes_the_newer_token_that_another_left() -> None:
    one, two, _ = pair()
    token(one)
    token(two)
    one.clock.advance(LAST_RENEWAL)
    assert token(one) == ("bearer-2", "renewed")
    assert token(two) == ("bearer-2", "shared")
    assert (token(two), one.mints) == (("bearer-2", "hit"), 2)


def test_a_held_token_is_handed_out_without_waiting_while_another_environment_renews_it() -> None:
    one, two, _ = pair()
    token(one)
    token(two)
    one.clock.advance(LAST_RENEWAL)
    meanwhile: list[tuple[str, str | None]] = []

    def renewed() -> Any:
        meanwhile.append(token(two))
        return minted("bearer-2")

    one.web[TOKEN_URL] = renewed
    assert token(one) == ("bearer-2", "renewed")
    assert meanwhile == [("bearer-1", "hit")]
    assert two.slept == []
    one.clock.advance(30)
    assert token(two) == ("bearer-2", "shared")


def test_a_renewal_that_fails_gives_the_lease_back_and_keeps_the_held_token() -> None:
    one, two, rows = pair()
    token(one)
    token(two)
    one.clock.advance(LAST_RENEWAL)
    one.web.then(TOKEN_URL, BUSY, BUSY)
    assert token(one) == ("bearer-1", "kept")
    assert rows.of("lease") == []
    assert token(two)[1] == "renewed"
