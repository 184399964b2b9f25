"""`make bench`: measures all that the rows promise, and writes docs/performance.md.

python -m tests.bench [--quick] [MEASURE ...]
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from infra.sam import ROOT
from local.command import say
from tests.bench import outside, page, parties
from tests.bench.measure import Bench, Measure, Report
from tests.bench.measures import (
    artifact,
    cold_start,
    cost,
    event_cost,
    events,
    far,
    fleet,
    flood,
    growth,
    memory,
    sandbox,
    signatures,
    starts,
    throughput,
    upstream,
    warm,
)
from tests.bench.rows import ROWS

MEASURES: dict[str, Measure] = {
    "cold_start": cold_start.measure,
    "far": far.measure,
    "warm": warm.measure,
    "signatures": signatures.measure,
    "events": events.measure,
    "throughput": throughput.measure,
    "flood": flood.measure,
    "upstream": upstream.measure,
    "starts": starts.measure,
    "fleet": fleet.measure,
    "growth": growth.measure,
    "cost": cost.measure,
    "event_cost": event_cost.measure,
    "memory": memory.measure,
    "artifact": artifact.measure,
    "sandbox": sandbox.measure,
}


async def measured(names: Iterable[str], quick: bool) -> list[Report]:
    reports = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        async with outside.running(folder) as world:
            bench = Bench(world, parties.prepared(world, folder), quick)
            for name in names:
                started = time.monotonic()
                reports.append(await MEASURES[name](bench))
                say(f"measured {name} in {time.monotonic() - started:.0f} s")
                tell(reports[-1])
    return reports


def tell(report: Report) -> None:
    for table in report.tables:
        for line in table.lines:
            sys.stdout.write(f"    {' | '.join(line)}\n")


def verdict(reports: Iterable[Report], quick: bool) -> bool:
    """Print every figure beside its bound. Returns whether all are within."""
    good = True
    for report in reports:
        for name, figure in report.figures.items():
            row = ROWS[name]
            bound = row.ceiling if quick else row.target
            met = row.meets(figure, bound)
            good = good and met
            said = f"{row.measure}: {page.found(row, figure)}, {row.bound(bound)}"
            sys.stdout.write(f"{'met   ' if met else 'MISSED'} {said}\n")
    return good


def write(reports: Sequence[Report]) -> None:
    docs = ROOT / "docs"
    for old in (docs / "performance").glob("*.svg"):
        old.unlink()
    (docs / "performance").mkdir(exist_ok=True)
    for name, content in page.written(reports, page.Circumstances.here(ROOT), page.explanations()).items():
        (docs / name).write_text(content, "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--quick", action="store_true", help="fewer rounds; fails past a ceiling; writes nothing")
    parser.add_argument("measures", nargs="*", help=f"only these of {', '.join(MEASURES)}; writes nothing")
    arguments = parser.parse_args()
    reports = asyncio.run(measured(arguments.measures or MEASURES, arguments.quick))
    good = verdict(reports, arguments.quick)
    if not arguments.quick and not arguments.measures:
        assert {name for report in reports for name in report.figures} == ROWS.keys()
        write(reports)
    return 1 if arguments.quick and not good else 0


if __name__ == "__main__":
    sys.exit(main())
