"""Virtual time, and days of a fleet without a table."""

import random

from tests.bench.fleet.days import DAY, HOUR, a_day, bursts, steady
from tests.bench.fleet.timeline import Timeline
from tests.bench.fleet.world import Failures


def test_waiting_code_continues_in_the_order_of_time() -> None:
    timeline, seen = Timeline(), list[tuple[str, float]]()

    def walk(name: str, seconds: float) -> None:
        for _ in range(2):
            timeline.sleep(seconds)
            seen.append((name, timeline.elapsed))

    timeline.at(0, lambda: walk("slow", 3))
    timeline.at(1, lambda: walk("fast", 1))
    timeline.run()
    assert seen == [("fast", 2), ("slow", 3), ("fast", 3), ("slow", 6)]


def test_a_crashed_environment_does_nothing_more() -> None:
    timeline, seen = Timeline(), list[str]()

    def dies() -> None:
        try:
            timeline.crash()
        finally:
            seen.append("cleaned up")

    timeline.at(0, dies)
    timeline.at(1, lambda: seen.append("another"))
    timeline.run()
    assert seen == ["another"]


def test_an_environment_of_a_steady_fleet_is_replaced_after_its_lifetime() -> None:
    lives = [life for life in steady(3, random.Random(1)) if life]
    assert len(lives) > 3 * 11
    assert all(life[0] >= 0 and life[-1] < DAY and life[-1] - life[0] < 2 * HOUR for life in lives)


def test_alone_each_environment_mints_for_itself() -> None:
    day = a_day(bursts(2, random.Random(1)), None)
    assert day.mints == day.caches["miss"] == 2 * 12
    assert day.hits == 2 / 3
    assert day.reads == day.writes == 0
    assert {round(wait, 3) for wait in day.waits} == {0.15}


def test_a_request_while_api2_is_down_is_refused() -> None:
    day = a_day(bursts(2, random.Random(1)), None, Failures(api2=(0, 10)))
    assert day.refused == 2


def test_an_environment_that_crashes_while_minting_answers_nobody() -> None:
    day = a_day([[0, 60], [100, 160]], None, Failures(crashes=1))
    assert day.mints == 2
    assert day.caches.total() == 2
