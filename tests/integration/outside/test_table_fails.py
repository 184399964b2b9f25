"""The shared table: closed, throttled, denied, slow, dripping, huge, nonsense. A mint each time, and never an error."""

from typing import Any

import pytest

from local.loopback.processes import free_ports
from tests.integration.outside.conftest import be_patient
from tests.kit.outside import Handler, World, drips, forwards, late, resets, says


def aws_error(kind: str, status: int = 400) -> Handler:
    document = {"__type": f"com.amazonaws.dynamodb.v20120810#{kind}", "message": "quotes"}
    return says(document, status, content_type="application/x-amz-json-1.0")


# Each fault, and the number of reads. There is no time for a second one after those of SLOW.
FAULTS: dict[str, tuple[Handler, int]] = {
    "reset": (resets, 2),
    "slow": (late(20, says({})), 1),
    "dripping": (drips, 1),
    "throttled": (aws_error("ProvisionedThroughputExceededException"), 1),
    "too many requests": (aws_error("RequestLimitExceeded"), 1),
    "denied": (aws_error("AccessDeniedException"), 1),
    "gone": (aws_error("ResourceNotFoundException"), 1),
    "500": (aws_error("InternalServerError", 500), 2),
    "HTML": (says(b"<html>busy</html>", content_type="text/html"), 1),
    "no item": (says({"Item": "text"}), 1),
    "huge": (says({"Item": {"id": {"S": "x" * 700_000}}}), 2),
    "redirecting": (says(b"", 302, location="http://127.0.0.1:9/"), 1),
}


SLOW = ("slow", "dripping")


@pytest.mark.parametrize("name", FAULTS)
def test_a_table_that_fails_costs_half_a_second_and_a_mint_and_then_nothing_for_a_while(
    sharing: World, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault, reads = FAULTS[name]
    if name not in SLOW:
        be_patient(monkeypatch)
    good, sharing.table_answers = sharing.table_answers, fault
    sharing.prepare()
    answer = sharing.post()
    assert answer.status == 200
    assert sharing.api2.opens(answer.body["access_token"])
    record = sharing.record
    assert (record.cache, record.mints, record.alarms) == ("miss", 1, {"SharedTableDown"})
    assert sharing.milliseconds < 1500
    # One row was asked for. The table is not asked again at once.
    assert sharing.calls == {"table": reads, "mint": 1}
    assert sharing.post(scope="assemblies:read").status == 200
    assert (sharing.calls, sharing.record.alarms) == ({"mint": 1}, set())
    be_patient(monkeypatch)
    sharing.table_answers = good
    sharing.clock.ahead += 10
    sharing.post(scope="assemblies:write")
    assert (sharing.calls, sharing.record.alarms) == ({"table": 3, "mint": 1}, set())


@pytest.mark.usefixtures("patience")
def test_a_write_that_failed_is_not_repeated(sharing: World) -> None:
    """The second write could meet the row of the first one, and take it for another environment's."""
    good, targets = sharing.table_answers, list[str]()

    async def fails_after(request: Any) -> Any:
        targets.append(request.headers["x-amz-target"].partition(".")[2])
        answer = await good(request)
        return answer if targets[-1] == "GetItem" else await says(b"", 500)(request)

    sharing.table_answers = fails_after
    assert sharing.post().status == 200
    assert targets == ["GetItem", "PutItem"]


def test_a_table_that_is_closed_costs_a_mint_and_an_alarm(sharing: World) -> None:
    (nobody,) = free_ports(1)
    sharing.table_answers = resets
    sharing.post()
    sharing.clock.ahead += 10
    sharing.table_answers = forwards(f"http://127.0.0.1:{nobody}")
    assert sharing.post(scope="assemblies:read").status == 200
    assert sharing.record.alarms == {"SharedTableDown"}


@pytest.mark.parametrize("step", ["GetItem", "PutItem"])
def test_a_table_that_is_throttled_at_any_step_costs_a_mint_and_an_alarm(sharing: World, step: str) -> None:
    good = sharing.table_answers

    async def fails(request: Any) -> Any:
        is_step = request.headers["x-amz-target"].endswith(step)
        return await (FAULTS["throttled"][0] if is_step else good)(request)

    sharing.table_answers = fails
    assert sharing.post().status == 200
    assert sharing.record.alarms == {"SharedTableDown"}


def test_a_held_token_asks_nobody(sharing: World) -> None:
    sharing.post()
    sharing.table_answers = resets
    assert sharing.post().status == 200
    assert sharing.calls == {}
