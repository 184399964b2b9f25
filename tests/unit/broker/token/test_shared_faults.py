"""A shared table that gives no answer, and rows that do not open: each costs a mint, and none an error."""

from typing import Any

import pytest
from broker.base.net import OutOfReach
from broker.token.shared import COOL_DOWN_SECONDS

from tests.kit.brokers import TABLE_URL, TOKEN_URL, minted
from tests.kit.rows import Rows
from tests.kit.sharing import LAST_RENEWAL, crash, pair, token
from tests.kit.web import late, reply

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
    one.clock.advance(COOL_DOWN_SECONDS - 1)
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
    one.web[TOKEN_URL] = late(one.clock, 3, minted())
    answer = one.post(seconds=3.2)
    assert (answer.status, one.record.alarms) == (200, set())
    assert rows.of("token") == []


# Rows that do not open.


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
