"""The mint budget: 10 a caller, refilled one a minute; 60 a minute for a credential."""

import pytest
from broker.base.errors import OverBudget
from broker.token.budget import MAX_CALLERS, MintBudget

from tests.kit.clock import Clock


def spend(budget: MintBudget, times: int, caller: str = "alice", credential: str = "default") -> None:
    for _ in range(times):
        budget.take(caller, credential)


def refused(budget: MintBudget, caller: str = "alice", credential: str = "default") -> OverBudget:
    with pytest.raises(OverBudget) as raised:
        budget.take(caller, credential)
    return raised.value


def test_a_caller_may_mint_ten_times_in_a_row() -> None:
    budget = MintBudget(Clock())
    spend(budget, 10)
    assert refused(budget).reason == "caller's mint budget"


def test_a_caller_regains_one_mint_a_minute_and_the_refusal_says_when() -> None:
    clock = Clock()
    budget = MintBudget(clock)
    spend(budget, 10)
    clock.advance(15)
    assert refused(budget).retry_after == pytest.approx(45)
    clock.advance(45)
    spend(budget, 1)
    refused(budget)


def test_a_long_rest_regains_ten_mints_and_no_more() -> None:
    clock = Clock()
    budget = MintBudget(clock)
    spend(budget, 10)
    clock.advance(7 * 24 * 3600)
    spend(budget, 10)
    refused(budget)


def test_a_caller_over_budget_leaves_another_s_budget_alone() -> None:
    budget = MintBudget(Clock())
    spend(budget, 10)
    spend(budget, 10, caller="bob")


def test_a_credential_has_sixty_mints_for_all_callers_together() -> None:
    budget = MintBudget(Clock())
    for number in range(6):
        spend(budget, 10, caller=f"caller {number}")
    assert refused(budget, "the next").reason == "credential's mint budget"
    spend(budget, 1, caller="the next", credential="other")


def test_a_credential_regains_one_mint_each_second() -> None:
    clock = Clock()
    budget = MintBudget(clock)
    for number in range(6):
        spend(budget, 10, caller=f"caller {number}")
    assert refused(budget, "the next").retry_after == pytest.approx(1)
    clock.advance(1)
    spend(budget, 1, caller="the next")
    refused(budget, "the next")


def test_a_refusal_takes_nothing_from_the_budgets() -> None:
    clock = Clock()
    budget = MintBudget(clock)
    for number in range(6):
        spend(budget, 10, caller=f"caller {number}")
    for _ in range(100):
        refused(budget, "patient")
    clock.advance(10)
    spend(budget, 10, caller="patient")


def test_a_clock_set_back_neither_refills_nor_locks_out() -> None:
    clock = Clock()
    budget = MintBudget(clock)
    spend(budget, 10)
    clock.advance(-3600)
    assert refused(budget).retry_after == pytest.approx(60)
    clock.advance(60)
    spend(budget, 1)


def test_callers_are_remembered_up_to_a_bound() -> None:
    clock = Clock()
    budget = MintBudget(clock)
    spend(budget, 10)
    for number in range(MAX_CALLERS):
        budget.take(f"caller {number}", f"credential {number}")
    spend(budget, 1)
