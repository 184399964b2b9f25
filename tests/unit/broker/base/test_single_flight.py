"""One thread does the work, and the others share its value or its error."""

import threading
from collections.abc import Callable

import pytest
from broker.base.errors import BrokerFault, TemporarilyUnavailable, UpstreamRefused
from broker.base.single_flight import SingleFlight


def together(count: int, work: Callable[[], str]) -> list[str | Exception]:
    """The results of `count` threads in one flight, all of them there before the work ends."""
    flights = SingleFlight[str]()
    arrived = threading.Semaphore(0)
    may_end = threading.Event()
    results: list[str | Exception] = []

    def slow() -> str:
        may_end.wait(10)
        return work()

    def call() -> None:
        arrived.release()
        try:
            results.append(flights.run("key", slow, 10))
        except Exception as error:  # noqa: BLE001 - collected for the assertion
            results.append(error)

    threads = [threading.Thread(target=call) for _ in range(count)]
    for thread in threads:
        thread.start()
        arrived.acquire()
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
    assert len(calls) <= 2  # a thread that was late to the lock flies once more


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

    leader = threading.Thread(target=lead)
    leader.start()
    inside.wait(10)
    threading.Timer(0.05, may_end.set).start()
    with pytest.raises(BrokerFault):
        flights.run("key", lambda: "not run", 10)
    leader.join()
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
