"""Environments that share tokens by a table: one mints, the others wait; whatever is wrong, a mint comes of it."""

import json
import threading
from typing import Any

import pytest
from broker.base.net import OutOfReach
from broker.token.shared import LEFT_ALONE_SECONDS, LONGEST_PAUSE, LOOK_SECONDS
from broker.token.transloadit import MAX_LIFETIME, MINT_SECONDS

from tests.kit.brokers import SECRETS_URL, TABLE_URL, TOKEN_URL, InMemory, minted, secret
from tests.kit.policies import rule
from tests.kit.rows import Rows
from tests.kit.web import reply

LIFE = 21600
LAST_RENEWAL = 0.85 * LIFE
BUSY = reply(b"", 503)
REFUSED = reply({"error": "TOKEN_INVALID_CREDENTIALS"}, 401)
DOWN: list[Any] = [
    OutOfReach("timeout"),
    OutOfReach("answer too large"),
    reply({"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}, 400),
    reply({"__type": "com.amazon.coral.service#AccessDeniedException"}, 400),
    reply({"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"}, 400),
    reply({"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError"}, 500),
    reply(b"<html>", 200),
    reply({"Item": 5}),
]


def pair(**changes: Any) -> tuple[InMemory, InMemory, Rows]:
    """Two environments and their table; mints give bearer-1, bearer-2, and so on."""
    rows = Rows()
    one = InMemory(rules=[rule(**changes)], rows=rows)
    one.web[TOKEN_URL] = lambda: minted(f"bearer-{one.mints}")
    return one, one.beside(), rows


def token(broker: InMemory, **fields: Any) -> tuple[str, str | None]:
    """What was given out, and where it came from."""
    answer = broker.post(**fields)
    assert answer.status == 200, answer.body
    return answer.body["access_token"], broker.record.cache


def crash(broker: InMemory, rows: Rows) -> None:
    """This environment takes the lease and is not heard of any more."""

    def dies() -> Any:
        rows.fault = OutOfReach("timeout")
        return BUSY

    broker.web.then(TOKEN_URL, dies, dies)
    assert broker.post().status == 503
    rows.fault = None
    rows.calls.clear()
    assert len(rows.of("lease")) == 1


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
    assert rows.calls == {"GetItem": 1, "PutItem": 2}  # looked, leased, left
    rows.calls.clear()
    token(two)
    assert rows.calls == {"GetItem": 2}  # found, and not refused meanwhile


def test_the_mark_of_a_refused_version_is_read_once_a_minute() -> None:
    one, two, rows = pair(share="caller")
    for name in ("alice", "bob", "carol"):
        token(one, jwt=one.jwt(sub=name))
    token(two)
    rows.calls.clear()
    token(two, jwt=two.jwt(sub="bob"))
    assert rows.calls == {"GetItem": 1}
    one.clock.advance(LOOK_SECONDS)
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
    # Nor is anything of the new one left under the old.
    one.clock.advance(300)
    assert token(one) == ("bearer-2", "shared")


def test_a_narrower_token_is_not_left_for_others_nor_its_lease() -> None:
    one, two, rows = pair()
    one.web[TOKEN_URL] = minted("narrow", "assemblies:read")
    assert token(one) == ("narrow", "miss")
    assert rows.items == {}
    assert token(two) == ("narrow", "miss")


# Waiting for who mints.


def test_an_environment_waits_for_the_token_that_another_is_minting() -> None:
    one, two, rows = pair()
    waits, goes_on = threading.Event(), threading.Event()
    got: list[tuple[str, str | None]] = []
    waiting = threading.Thread(target=lambda: got.append(token(two)))

    def meanwhile() -> None:
        waits.set()
        assert goes_on.wait(10)

    def while_two_waits() -> Any:
        waiting.start()
        assert waits.wait(10)
        return minted("bearer-1")

    two.meanwhile = meanwhile
    one.web[TOKEN_URL] = while_two_waits
    assert token(one) == ("bearer-1", "miss")
    goes_on.set()
    waiting.join(10)
    assert got == [("bearer-1", "shared")]
    assert (one.mints, len(two.slept), rows.calls["DeleteItem"]) == (1, 1, 0)


def test_an_environment_whose_mint_fails_gives_the_lease_back_and_the_next_one_tries_at_once() -> None:
    one, two, rows = pair()
    one.web.then(TOKEN_URL, BUSY, BUSY)
    assert one.post().status == 503
    assert rows.of("lease") == []
    assert token(two)[1] == "miss"
    assert two.slept == []


def test_a_lease_that_was_given_back_ends_the_wait_of_the_others() -> None:
    one, two, rows = pair()
    crash(one, rows)
    two.meanwhile = rows.items.clear
    assert token(two)[1] == "miss"
    assert len(two.slept) == 1


def test_nobody_gives_back_another_s_lease() -> None:
    one, two, rows = pair()
    crash(one, rows)
    one.clock.advance(LEFT_ALONE_SECONDS)

    def taken_meanwhile() -> Any:
        rows.of("lease")[0]["holder"] = {"S": "another"}
        return BUSY

    one.web.then(TOKEN_URL, taken_meanwhile, BUSY)
    assert two.post().status == 503
    assert (rows.calls["DeleteItem"], len(rows.of("lease"))) == (1, 1)


def test_a_crashed_holder_delays_nobody_longer_than_a_mint_may_take() -> None:
    one, two, rows = pair()
    crash(one, rows)
    started = two.clock()
    assert token(two)[1] == "miss"
    assert 3 < two.clock() - started <= MINT_SECONDS
    assert rows.calls["PutItem"] == 3  # a lease twice: not taken, taken; and the token
    assert token(one.beside()) == ("bearer-3", "shared")


@pytest.mark.parametrize("seconds", [1.5, 3, 5])
def test_a_crashed_holder_leaves_the_next_one_half_of_its_time_for_a_mint(seconds: float) -> None:
    one, two, rows = pair()
    crash(one, rows)
    started = two.clock()
    assert token(two, seconds=seconds)[1] == "miss"
    assert two.clock() - started <= (seconds - 0.5) / 2 + 0.001


@pytest.mark.parametrize(("seconds", "longest"), [(15, MINT_SECONDS), (3, 2.5)])
def test_a_lease_ends_with_its_holder_s_own_time(seconds: float, longest: float) -> None:
    one, _, rows = pair()
    one.post(seconds=seconds)
    (lease,) = rows.of("lease")
    assert longest - 1 < int(lease["expires"]["N"]) - one.clock() <= longest


def test_the_pauses_of_a_wait_grow_and_differ() -> None:
    one, two, rows = pair()
    crash(one, rows)
    token(two)
    assert len(set(two.slept)) == len(two.slept)
    assert 0.02 < two.slept[0] < 0.05
    assert 0.25 < max(two.slept) <= LONGEST_PAUSE
    assert len(two.slept) < 25


@pytest.mark.parametrize("expires", [{"N": "99999999999"}, {"S": "x"}, {"N": "1e400"}], ids=str)
def test_a_lease_that_somebody_made_endless_is_waited_for_no_longer_than_any_other(expires: dict[str, str]) -> None:
    one, two, rows = pair()
    crash(one, rows)
    rows.of("lease")[0]["expires"] = expires
    started = two.clock()
    assert token(two)[1] == "miss"
    assert two.clock() - started <= MINT_SECONDS
    assert token(one.beside())[1] == "shared"


def test_a_caller_over_budget_neither_mints_nor_holds_a_lease_nor_waits() -> None:
    names = [f"s{number}:read" for number in range(11)]
    one, two, rows = pair(scopes=names)
    for name in names[:10]:
        one.web[TOKEN_URL] = minted(name, name)
        assert one.post(scope=name).status == 200
    rows.calls.clear()
    assert one.post(scope=names[10]).outcome == (429, "temporarily_unavailable")
    assert (rows.calls, one.mints, one.slept) == ({"GetItem": 1}, 10, [])
    # What others mint is still found.
    one.web[TOKEN_URL] = minted(names[10], names[10])
    assert two.post(scope=names[10]).status == 200
    assert token(one, scope=names[10]) == (names[10], "shared")


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


# The table gives no answer.


@pytest.mark.parametrize("fault", DOWN, ids=str)
def test_a_table_that_gives_no_answer_costs_a_mint_and_an_alarm(fault: Any) -> None:
    one, _, rows = pair()
    rows.fault = fault
    assert token(one) == ("bearer-1", "miss")
    assert one.record.alarms == {"SharedTableDown"}
    assert rows.calls.keys() == {"GetItem"}


def test_a_table_that_gave_no_answer_is_left_alone_for_some_seconds() -> None:
    one, two, rows = pair(share="caller")
    rows.fault = OutOfReach("timeout")
    token(one)
    asked = rows.calls.total()
    rows.fault = None
    one.clock.advance(LEFT_ALONE_SECONDS - 1)
    assert token(one, jwt=one.jwt(sub="bob")) == ("bearer-2", "miss")
    assert (rows.calls.total(), one.record.alarms) == (asked, set())
    one.clock.advance(1)
    token(one, jwt=one.jwt(sub="carol"))
    assert token(two, jwt=two.jwt(sub="carol")) == ("bearer-3", "shared")


@pytest.mark.parametrize("operation", ["lease", "token", "wait"])
def test_a_table_that_fails_at_any_step_costs_a_mint_and_an_alarm(operation: str) -> None:
    one, two, rows = pair()
    if operation == "wait":
        crash(one, rows)
        two.meanwhile = lambda: setattr(rows, "fault", OutOfReach("timeout"))
    answered = rows.answer

    def fails(call: Any) -> Any:
        if rows.calls["GetItem"] + rows.calls["PutItem"] == {"lease": 1, "token": 2}.get(operation):
            rows.fault = OutOfReach("timeout")
        return answered(call)

    one.web.serve(TABLE_URL, fails)
    assert token(two)[1] == "miss"
    assert two.record.alarms == {"SharedTableDown"}


def test_a_renewal_goes_on_without_the_table() -> None:
    one, _, rows = pair()
    token(one)
    rows.fault = OutOfReach("timeout")
    one.clock.advance(LAST_RENEWAL)
    assert token(one) == ("bearer-2", "renewed")


def test_a_deadline_that_is_near_is_no_fault_of_the_table() -> None:
    one, _, rows = pair()

    def late() -> Any:
        one.clock.advance(3)
        return minted()

    one.web[TOKEN_URL] = late
    answer = one.post(seconds=3.2)
    assert (answer.status, one.record.alarms) == (200, set())
    assert rows.of("token") == []


# What does not open.


def spoilt(rows: Rows, **changes: Any) -> None:
    for item in rows.of("token"):
        item |= changes
        for name in [name for name, value in item.items() if value is None]:
            del item[name]


@pytest.mark.parametrize(
    "changes",
    [
        {"sealed": {"B": "AAAA"}},
        {"sealed": {"B": "A" * 80}},
        {"sealed": {"S": "text"}},
        {"sealed": None},
        {"expires": {"N": "99999999999"}},
        {"expires": {"N": "1800021600.0"}},
        {"expires": None},
    ],
    ids=str,
)
def test_a_row_that_does_not_open_is_a_miss_with_an_alarm_and_is_written_over(changes: dict[str, Any]) -> None:
    one, two, rows = pair()
    token(one)
    rows.items = {name: item for name, item in rows.items.items() if name.startswith("token/")}
    spoilt(rows, **changes)
    assert token(two) == ("bearer-2", "miss")
    assert two.record.alarms == {"SharedCacheUnreadable"}
    assert token(one.beside()) == ("bearer-2", "shared")


# Refused credentials.


def test_tokens_of_a_refused_version_are_not_handed_out_by_the_environment_that_saw_the_refusal() -> None:
    one, two, _ = pair(share="caller")
    token(one)
    one.web[TOKEN_URL] = REFUSED
    assert two.post(two.jwt(sub="bob")).outcome == (502, "server_error")
    two.clock.advance(LOOK_SECONDS)
    assert two.post().outcome == (502, "server_error")


def test_tokens_of_a_refused_version_are_not_handed_out_by_an_environment_that_starts_later() -> None:
    one, two, _ = pair(share="caller")
    token(one)
    one.web[TOKEN_URL] = REFUSED
    two.post(two.jwt(sub="bob"))
    assert one.beside().post().outcome == (502, "server_error")


def test_tokens_of_a_refused_version_are_handed_out_for_a_minute_at_most_by_a_running_environment() -> None:
    one, two, _ = pair(share="caller")
    three = one.beside()
    for name in ("alice", "carol", "dave"):
        token(one, jwt=one.jwt(sub=name))
    assert token(three) == ("bearer-1", "shared")
    one.web[TOKEN_URL] = REFUSED
    two.post(two.jwt(sub="bob"))
    three.clock.advance(LOOK_SECONDS)
    assert three.post(three.jwt(sub="carol")).outcome == (502, "server_error")


def test_tokens_of_a_refused_version_are_not_handed_out_even_if_the_refusal_could_not_be_written() -> None:
    one, two, rows = pair(share="caller")
    token(one)

    def refused() -> Any:
        rows.fault = OutOfReach("timeout")
        return REFUSED

    one.web[TOKEN_URL] = refused
    two.post(two.jwt(sub="bob"))
    rows.fault = None
    assert rows.of("refused") == []
    two.clock.advance(60)
    one.web[TOKEN_URL] = minted("bearer-9")
    assert token(two) == ("bearer-9", "miss")


def test_a_refusal_is_remembered_as_long_as_any_token_lives() -> None:
    one, _, rows = pair()
    one.web[TOKEN_URL] = REFUSED
    one.post()
    (mark,) = rows.of("refused")
    assert int(mark["expires"]["N"]) - one.clock() == MAX_LIFETIME


def test_a_refusal_dated_tomorrow_does_not_refuse_a_token_that_is_minted_today() -> None:
    one, two, rows = pair(share="caller")
    one.web.then(TOKEN_URL, REFUSED)
    one.post()
    one.clock.advance(60)
    token(one)
    rows.of("refused")[0]["at"] = {"N": "99999999999"}
    assert token(two)[1] == "miss"
    one.clock.advance(10)
    token(one, jwt=one.jwt(sub="bob"))
    assert token(two, jwt=two.jwt(sub="bob"))[1] == "shared"


def test_a_token_that_is_minted_after_the_refusal_is_shared_again() -> None:
    one, two, _ = pair()
    one.web.then(TOKEN_URL, REFUSED)
    assert one.post().status == 502
    one.clock.advance(60)
    assert token(one)[1] == "miss"
    assert token(two) == token(one.beside())
    assert two.record.cache == "shared"


@pytest.mark.parametrize("at", [{"N": "99999999999"}, {"S": "x"}, None], ids=str)
def test_a_refusal_that_somebody_else_wrote_costs_mints_and_no_more(at: Any) -> None:
    one, two, rows = pair()
    one.web.then(TOKEN_URL, REFUSED)
    one.post()
    one.clock.advance(60)
    token(one)
    (mark,) = rows.of("refused")
    mark |= {"at": at}
    assert two.post().status == 200
    one.clock.advance(LAST_RENEWAL)
    assert token(two)[1] == "renewed"


def test_a_version_refused_for_one_token_still_gets_the_new_version_s() -> None:
    one, two, _ = pair()
    one.web.then(SECRETS_URL, secret("v1"))
    one.web[SECRETS_URL] = secret("v2")
    one.web.then(TOKEN_URL, REFUSED)
    assert token(one)[1] == "miss"
    assert token(two)[1] == "miss"  # what a mint under another version brought was not left
    assert token(one.beside())[1] == "shared"


def test_the_table_reveals_neither_caller_nor_token_nor_scope() -> None:
    one, _, rows = pair(share="caller")
    token(one, jwt=one.jwt(sub="a-private-name"))
    seen = rows.everything()
    for private in (b"a-private-name", b"bearer-1", b"assemblies", b"api2", b"default", b"site"):
        assert private not in seen
