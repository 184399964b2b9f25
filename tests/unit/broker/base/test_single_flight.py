"""One thread does the work, and the others share its value or its error."""

import threading
from collections.abc import Callable

import pytest
from broker.base.errors import BrokerFault, TemporarilyUnavailable, UpstreamRefused
from broker.base.single_flight import SingleFlight

from tests.kit.waiting import is_waiting, wait_until


def together(count: int, work: Callable[[], str]) -> list[str | Exception]:
    """The results of `count` threads in one flight, all of them there before the work ends."""
    flights = SingleFlight[str]()
    may_end = threading.Event()
    results: list[str | Exception] = []

    def slow() -> str:
        may_end.wait(60)
        return work()

    def call() -> None:
        try:
            results.append(flights.run("key", slow, 60))
        except Exception as error:  # noqa: BLE001 - collected for the assertion
            results.append(error)

    threads = [threading.Thread(target=call) for _ in range(count)]
    for thread in threads:
        thread.start()
    wait_until(lambda: all(map(is_waiting, threads)))
    may_end.set()
    for thread in threads:
        thread.join()
    return results


def test_the_work_is_done_once_and_its_value_shared() -> None:
    calls: list[int] = []

    def work() -> str:
        calls.append(1)
        return "value"

    results = together(8, work)
    assert results == ["value"] * 8
    assert len(calls) == 1


def test_the_leader_s_error_is_everybody_s() -> None:
    def work() -> str:
        raise UpstreamRefused("no")

    results = together(4, work)
    assert {type(result) for result in results} == {UpstreamRefused}


def test_a_leader_that_crashes_leaves_a_fault_and_no_flight_behind() -> None:
    flights = SingleFlight[str]()
    inside, may_end = threading.Event(), threading.Event()

    def crash() -> str:
        inside.set()
        may_end.wait(10)
        raise RuntimeError

    def lead() -> None:
        with pytest.raises(RuntimeError):
            flights.run("key", crash, 10)

    def follow() -> None:
        with pytest.raises(BrokerFault):
            flights.run("key", lambda: "not run", 60)
        followed.append(True)

    followed: list[bool] = []
    leader, follower = threading.Thread(target=lead), threading.Thread(target=follow)
    leader.start()
    inside.wait(10)
    follower.start()
    wait_until(lambda: is_waiting(follower))
    may_end.set()
    for thread in (leader, follower):
        thread.join()
    assert followed == [True]
    assert not flights.is_running("key")
    assert flights.run("key", lambda: "again", 10) == "again"


def test_a_follower_waits_no_longer_than_its_own_time() -> None:
    flights = SingleFlight[str]()
    inside, may_end = threading.Event(), threading.Event()

    def slow() -> str:
        inside.set()
        may_end.wait(10)
        return "late"

    leader = threading.Thread(target=flights.run, args=("key", slow, 10))
    leader.start()
    inside.wait(10)
    with pytest.raises(TemporarilyUnavailable):
        flights.run("key", slow, 0.01)
    may_end.set()
    leader.join()


def test_work_for_another_key_does_not_wait() -> None:
    flights = SingleFlight[str]()
    assert flights.run("one", lambda: flights.run("two", lambda: "both", 1), 1) == "both"
