"""The lease of the shared table: one environment mints, and the others wait for its token, within bounds."""

import threading
from typing import Any

import pytest
from broker.token.shared import COOL_DOWN_SECONDS, LONGEST_PAUSE
from broker.token.transloadit import MINT_SECONDS

from tests.kit.brokers import TOKEN_URL, minted
from tests.kit.sharing import BUSY, crash, pair, token


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
    one.clock.advance(COOL_DOWN_SECONDS)

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
    assert rows.calls["PutItem"] == 3  # a lease that is refused, a lease that is given, and the token
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
    # A token that another environment mints is still found.
    one.web[TOKEN_URL] = minted(names[10], names[10])
    assert two.post(scope=names[10]).status == 200
    assert token(one, scope=names[10]) == (names[10], "shared")
