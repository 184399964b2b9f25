"""Environments as `wiring` builds them, and DynamoDB over HTTP: one mints, the others wait; a JWT is used once."""

import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from broker.token import shared

from tests.kit.forms import by_header
from tests.kit.outside import POLICY, World, late, resets
from tests.kit.standstill import standstill

ONCE = POLICY.replace("keys: discovery}", "keys: discovery, once: true}")


def at_once[T](work: list[Callable[[], T]]) -> list[T]:
    """The value of each; all begin at the same moment."""
    start, done = threading.Barrier(len(work)), list[T]()

    def run(each: Callable[[], T]) -> None:
        start.wait(10)
        done.append(each())

    threads = [threading.Thread(target=run, args=(each,)) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return done


@pytest.mark.usefixtures("patience")
def test_a_token_that_one_environment_minted_is_found_by_another_and_opens_api2(sharing: World) -> None:
    first = sharing.post()
    other = sharing.beside()
    second = other.post()
    assert second.body["access_token"] == first.body["access_token"]
    assert sharing.mints == 0
    assert (other.record.cache, other.record.alarms) == ("shared", set())
    assert sharing.api2.opens(second.body["access_token"])


@pytest.mark.usefixtures("patience")
def test_many_environments_that_start_at_once_cause_one_mint(sharing: World) -> None:
    sharing.api2.fault(times=1, delay_ms=300)
    sharing.prepare()
    environments = [sharing, *(sharing.beside() for _ in range(7))]
    answers = at_once([partial(environment.send, by_header(sharing.jwt())) for environment in environments])
    assert len(answers) == 8
    assert (len({answer.body["access_token"] for answer in answers}), sharing.mints) == (1, 1)
    records = [environment.record for environment in environments]
    assert Counter(record.cache for record in records) == {"miss": 1, "shared": 7}
    assert [record.alarms for record in records if record.alarms] == []


@pytest.mark.usefixtures("patience")
def test_a_holder_that_crashes_delays_the_next_one_by_its_lease_at_most(sharing: World) -> None:
    answers = sharing.table_answers

    async def loses_its_lease(request: Any) -> Any:
        if request.headers["x-amz-target"].endswith("DeleteItem"):
            return await resets(request)
        return await answers(request)

    sharing.table_answers = loses_its_lease
    sharing.api2.fault(times=2, reset=True)
    with standstill() as still:
        assert sharing.beside().post().status == 503
        sharing.table_answers = answers
        assert sharing.post().status == 200
    assert sharing.record.milliseconds > 3000 - 1000 * still.seconds
    assert sharing.milliseconds < 6000
    assert sharing.mints == 1


@pytest.mark.usefixtures("patience")
def test_a_holder_that_crashes_delays_nobody_past_the_own_deadline(
    sharing: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "MINT_SECONDS", 30)  # a lease longer than the next caller's time
    answers = sharing.table_answers

    async def loses_its_lease(request: Any) -> Any:
        is_delete = request.headers["x-amz-target"].endswith("DeleteItem")
        return await (resets if is_delete else answers)(request)

    sharing.table_answers = loses_its_lease
    sharing.api2.fault(times=2, reset=True)
    sharing.beside().post()
    sharing.table_answers = answers
    assert sharing.post(seconds=6).status == 200
    assert sharing.record.milliseconds < 5500


@pytest.mark.usefixtures("patience")
def test_a_replaced_secret_is_a_cache_of_its_own(sharing: World) -> None:
    first = sharing.post().body["access_token"]
    sharing.put_secret()
    other = sharing.beside()
    assert other.post().body["access_token"] != first
    assert other.record.alarms == set()


@pytest.mark.usefixtures("patience")
def test_one_of_two_callers_with_the_same_jwt_at_the_same_moment_gets_a_token_a_hundred_times_in_a_row(
    sharing: World,
) -> None:
    sharing.share(str(sharing.table), ONCE)
    environments = [sharing, sharing.beside()]
    for environment in environments:
        assert environment.post(sharing.jwt(jti="first")).status in (200, 401)
    for number in range(100):
        jwt = sharing.jwt(jti=f"jti-{number}")
        answers = at_once([partial(environment.send, by_header(jwt)) for environment in environments])
        assert sorted(answer.status for answer in answers) == [200, 401]
    assert {record.reason for each in environments for record in each.records} == {None, "seen before"}


def test_a_slow_table_ends_the_request_of_a_jwt_that_is_good_once(sharing: World) -> None:
    sharing.share(str(sharing.table), ONCE)
    sharing.table_answers = late(20, sharing.table_answers)
    answer = sharing.post(sharing.jwt(jti="j1"))
    assert answer.outcome == (503, "temporarily_unavailable")
    assert sharing.milliseconds < 2500
