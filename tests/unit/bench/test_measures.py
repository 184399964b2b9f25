"""What the measures compute from what they measured."""

import pytest

from tests.bench.fleet.days import Day
from tests.bench.measures.cost import Durations, gigabyte_seconds, read
from tests.bench.measures.far import AWAY, critical_path
from tests.bench.measures.fleet import Pair, table_cost

LOG = """\
24 Nov 2026 13:56:23,524 [INFO] (rapid) INIT REPORT(durationMs: 172.913000)
{"audit":{}}
24 Nov 2026 13:56:23,643 [INFO] (rapid) INVOKE RTDONE(status: success, produced bytes: 0, duration: 118.336000ms)
{"audit":{}}
24 Nov 2026 13:56:23,743 [INFO] (rapid) INVOKE RTDONE(status: success, produced bytes: 0, duration: 1.500000ms)
{"audit":{}}
24 Nov 2026 13:56:23,843 [INFO] (rapid) INVOKE RTDONE(status: success, produced bytes: 0, duration: 2.500000ms)
"""


def test_all_that_can_overlap_does_on_the_critical_path() -> None:
    assert critical_path("answer", AWAY) == pytest.approx(0.270)
    assert critical_path("trip", AWAY) == pytest.approx(0.450)


def test_the_slower_of_keys_and_connection_counts() -> None:
    assert critical_path("trip", AWAY | {"issuer": 0.1}) == pytest.approx(0.4 + 0.15)


def test_an_emulator_s_log_tells_the_durations() -> None:
    assert read(LOG) == Durations(start=172.913, first=118.336, hit=2.0, log_bytes=13.0)


def test_whole_milliseconds_are_billed_and_starts_and_waiting_too() -> None:
    """999,000 hits of 2 ms and 1,000 starts of 300 ms and 100 ms, at one GB."""
    found = Durations(start=250, first=50, hit=1.2, log_bytes=0)
    assert gigabyte_seconds(found, 1024 * 2, 100) == pytest.approx((999_000 * 2 + 1_000 * 400) / 1000 * 2)


def test_less_memory_is_less_of_a_processor() -> None:
    found = Durations(start=0, first=0, hit=1.0, log_bytes=0)
    assert gigabyte_seconds(found, 512, 0) == pytest.approx(999_000 * 4 / 1000 / 2)


def test_the_shared_cache_pays_where_the_table_costs_less_than_the_waiting_that_it_saves() -> None:
    alone = Day(mints=10, waits=[0.15] * 10, waited=1.5)
    shared = Day(mints=1, waits=[0.01] * 10, waited=0.1, reads=20, writes=2)
    assert Pair(alone, shared).pays
    shared.reads = 1e9
    assert not Pair(alone, shared).pays
    assert table_cost(shared) == pytest.approx(125, rel=0.01)
