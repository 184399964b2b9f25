"""`make bench`: measures all that the rows promise, and writes docs/performance.md.

python -m tests.bench [--quick] [MEASURE ...]
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.bench import outside, parties
from tests.bench.measure import Bench, Measure, Report
from tests.bench.measures import artifact, cold_start, far, flood, growth, memory, throughput, upstream, warm
from tests.bench.rows import ROWS

MEASURES: dict[str, Measure] = {
    "cold_start": cold_start.measure,
    "far": far.measure,
    "warm": warm.measure,
    "throughput": throughput.measure,
    "upstream": upstream.measure,
    "artifact": artifact.measure,
    "memory": memory.measure,
    "flood": flood.measure,
    "growth": growth.measure,
}


async def measured(names: Iterable[str], quick: bool) -> list[Report]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        async with outside.running(folder) as world:
            bench = Bench(world, parties.prepared(world, folder), quick)
            return [await MEASURES[name](bench) for name in names]


def told(reports: Iterable[Report], quick: bool) -> bool:
    """Prints what was found; whether all of it is within its bounds."""
    good = True
    for report in reports:
        sys.stdout.write(f"\n{report.title}\n")
        for table in report.tables:
            for line in (table.head, *table.lines):
                sys.stdout.write("  " + " | ".join(line) + "\n")
        for name, figure in report.figures.items():
            row = ROWS[name]
            bound = row.ceiling if quick and row.ceiling is not None else row.target
            met = row.meets(figure, bound)
            good = good and met
            verdict = "met" if met else "MISSED"
            sys.stdout.write(
                f"  {row.measure}: {figure.median:.3g}{row.unit} ({figure.low:.3g} to {figure.high:.3g}),"
                f" {row.bound(bound)}: {verdict}\n"
            )
    return good


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--quick", action="store_true", help="fewer rounds; fails past a ceiling; writes nothing")
    parser.add_argument("measures", nargs="*", help=f"only these of {', '.join(MEASURES)}; writes nothing")
    arguments = parser.parse_args()
    good = told(asyncio.run(measured(arguments.measures or MEASURES, arguments.quick)), arguments.quick)
    return 1 if arguments.quick and not good else 0


if __name__ == "__main__":
    sys.exit(main())
