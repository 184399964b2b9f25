"""What a million events of pipelines cost, from measured durations and AWS's price list, beside conventional's."""

import os
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from tests.bench.event_parties import CONVENTIONAL, OURS, make_event, prepare
from tests.bench.figures import Spread
from tests.bench.measure import Bench, Report, Table
from tests.bench.measures.cost import (
    COLD,
    GIGABYTE_SECOND,
    LOG_GIGABYTE,
    MILLION,
    PROCESSOR_MEGABYTES,
    REQUESTS_MILLION,
    Durations,
    logged,
    read,
)
from tests.bench.measures.events import check
from tests.bench.measures.fleet import WRITES_MILLION
from tests.bench.measures.memory import runtimes
from tests.bench.parties import Party

HUNDRED_MILLISECONDS = 0.1 * 0.5 * GIGABYTE_SECOND * MILLION  # US dollars a million, with 512 MB

HOW = f"""\
Warm events one after the other, as EventBridge sends them, one in {COLD:,} in a cold environment, by the same price
list. Only what the function computes takes longer on a share of a processor, not what it waits for, so the processor's
time alone is multiplied. Lambda bills whole milliseconds. The table is DynamoDB on demand, {WRITES_MILLION} a million
writes. All are near: for each 100 ms that api2 takes, both cost {HUNDRED_MILLISECONDS:.2f} more, and whoever makes a
new connection waits for two round trips more. What delivers the events costs both the same, and is not counted. Ours
needs two secrets in Secrets Manager, 0.40 each a month, however many events."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What was measured of a party: `processor` milliseconds and `writes` of the table for an event; and its memory."""

    durations: Durations
    processor: float
    writes: float
    megabytes: int

    @property
    def compute(self) -> float:
        """US dollars a million events, as are all that follow."""
        slower = max(1.0, PROCESSOR_MEGABYTES / self.megabytes)
        found = self.durations
        warm = ceil(found.hit + self.processor * (slower - 1))
        first = ceil((found.start + found.first) * slower)
        seconds = (warm * (MILLION - MILLION / COLD) + first * MILLION / COLD) / 1000
        return seconds * self.megabytes / 1024 * GIGABYTE_SECOND

    @property
    def table(self) -> float:
        return self.writes * WRITES_MILLION

    @property
    def logs(self) -> float:
        return self.durations.log_bytes * MILLION / 1e9 * LOG_GIGABYTE

    @property
    def total(self) -> float:
        return REQUESTS_MILLION + self.compute + self.table + self.logs


async def measure(bench: Bench) -> Report:
    costs = {name: await _measure(bench, party) for name, party in prepare(bench, "app.handler").items()}
    lines = [
        (
            name,
            f"{cost.durations.hit:.2f} ms",
            f"{cost.processor:.2f} ms",
            f"{REQUESTS_MILLION:.2f}",
            f"{cost.compute:.3f}",
            f"{cost.table:.2f}",
            f"{cost.logs:.2f}",
            f"{cost.total:.2f}",
        )
        for name, cost in costs.items()
    ]
    head = ("", "a warm event", "of it processor", "requests", "duration", "table", "logs", "together, US$")
    figures = {"event-cost": Spread.of([costs[OURS].total / costs[CONVENTIONAL].total])}
    return Report("Cost of a million events", HOW, figures, [Table(head, lines)])


async def _measure(bench: Bench, party: Party) -> Cost:
    count = bench.count(full=200, quick=60)
    async with logged(party) as (environment, log):
        check((await environment.invoke(make_event())).payload)
        (process,) = runtimes()
        writes, spent = bench.outside.calls()["table"], _read_processor(process)
        for _ in range(count):
            check((await environment.invoke(make_event())).payload)
        processor = (_read_processor(process) - spent) / count
        writes = bench.outside.calls()["table"] - writes
    return Cost(read(log.read_text("utf-8", "replace")), processor, writes / count, party.function.memory)


def _read_processor(process: int) -> float:
    """Milliseconds of processor time of a process until now."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    user, system = map(int, fields[11:13])  # https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    return (user + system) / os.sysconf("SC_CLK_TCK") * 1000
