"""The shared table: closed, throttled, denied, slow, dripping, huge, nonsense. A mint each time, and never an error."""

from typing import Any

import pytest

from local.loopback.processes import free_ports
from tests.kit.outside import Handler, World, drips, forwards, late, resets, says


def aws_error(kind: str, status: int = 400) -> Handler:
    document = {"__type": f"com.amazonaws.dynamodb.v20120810#{kind}", "message": "quotes"}
    return says(document, status, content_type="application/x-amz-json-1.0")


FAULTS: dict[str, Handler] = {
    "reset": resets,
    "slow": late(2, says({})),
    "dripping": drips,
    "throttled": aws_error("ProvisionedThroughputExceededException"),
    "too many requests": aws_error("RequestLimitExceeded"),
    "denied": aws_error("AccessDeniedException"),
    "gone": aws_error("ResourceNotFoundException"),
    "500": aws_error("InternalServerError", 500),
    "HTML": says(b"<html>busy</html>", content_type="text/html"),
    "no item": says({"Item": "text"}),
    "huge": says({"Item": {"id": {"S": "x" * 700_000}}}),
    "redirecting": says(b"", 302, location="http://127.0.0.1:9/"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_it_costs_half_a_second_and_a_mint_and_then_nothing_for_a_while(sharing: World, fault: Handler) -> None:
    good, sharing.table_answers = sharing.table_answers, fault
    answer = sharing.post()
    assert answer.status == 200
    assert sharing.grants(answer.body["access_token"])
    record = sharing.record
    assert (record.cache, record.mints, record.alarms) == ("miss", 1, ("SharedTableDown",))
    assert record.milliseconds < 1500
    # The secret was read, and the table asked once; nobody asks it again at once.
    assert sharing.called == (2, 2, 1)
    assert sharing.post(scope="assemblies:read").status == 200
    assert (sharing.called, sharing.record.alarms) == ((0, 0, 1), ())
    sharing.table_answers = good
    sharing.clock.ahead += 10
    sharing.post(scope="assemblies:write")
    assert (sharing.called[1:], sharing.record.alarms) == ((3, 1), ())


def test_closed(sharing: World) -> None:
    (nobody,) = free_ports(1)
    sharing.table_answers = resets
    sharing.post()
    sharing.clock.ahead += 10
    sharing.table_answers = forwards(f"http://127.0.0.1:{nobody}")
    assert sharing.post(scope="assemblies:read").status == 200
    assert sharing.record.alarms == ("SharedTableDown",)


@pytest.mark.parametrize("step", ["GetItem", "PutItem"])
def test_failing_at_any_step(sharing: World, step: str) -> None:
    good = sharing.table_answers

    async def fails(request: Any) -> Any:
        is_step = request.headers["x-amz-target"].endswith(step)
        return await (FAULTS["throttled"] if is_step else good)(request)

    sharing.table_answers = fails
    assert sharing.post().status == 200
    assert sharing.record.alarms == ("SharedTableDown",)


def test_a_held_token_asks_nobody(sharing: World) -> None:
    sharing.post()
    sharing.table_answers = resets
    assert sharing.post().status == 200
    assert sharing.called == (0, 0, 0)
