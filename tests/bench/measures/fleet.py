"""A day of a fleet, with and without the shared cache: mints, hits, waits, and what the table costs."""

import random
from dataclasses import dataclass

from tests.bench.figures import percentile
from tests.bench.fleet.days import CURVES, HOUR, MINUTE, Day, a_day
from tests.bench.fleet.table import serve
from tests.bench.fleet.world import AWAY, WELL, Failures
from tests.bench.measure import Bench, Plot, Report, Table
from tests.bench.measures.cost import GIGABYTE_SECOND

# US dollars a million units, us-east-1. https://aws.amazon.com/dynamodb/pricing/on-demand/
READS_MILLION, WRITES_MILLION = 0.125, 0.625
SIZES = (1, 2, 5, 10, 100, 1_000)
FAILURES = Failures(table=(8 * HOUR, 9 * HOUR), api2=(12 * HOUR, 12 * HOUR + MINUTE), crashes=5)
FAILING = 100  # environments
DAYS = 30  # a month

HOW = f"""\
A day in virtual time: the real caches, sealing, leases and budgets of each environment, over a stand-in for DynamoDB
behind HTTP. Every call is a round trip: table {AWAY["table"] * 1000:.0f} ms, Secrets Manager {AWAY["aws"] * 1000:.0f}
ms, api2 {AWAY["api2"] * 1000:.0f} ms. One grant. **steady**: so many environments all day, each asked every ten
minutes or so and replaced after two hours. **bursts**: every two hours so many requests in one second, each in a new
environment, which is asked twice more and goes. "First answer" is what the first caller of an environment waits for
others once it has started, processor time apart. **failing**: the table is down from 8 to 9, api2 for a minute at noon,
and the first {FAILURES.crashes} environments that mint die before they have the token: who waits for a dead one's lease
waits as long as a mint may take, and who then meets an api2 that is down, twice as long."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The same day without and with the shared cache."""

    alone: Day
    shared: Day

    @property
    def pays(self) -> bool:
        """Fewer mints and a shorter wait, for no more money."""
        fewer = self.shared.mints < self.alone.mints
        sooner = sum(self.shared.waits) < sum(self.alone.waits)
        return fewer and sooner and table_cost(self.shared) <= waiting_cost(self.alone) - waiting_cost(self.shared)


def table_cost(day: Day) -> float:
    """US dollars."""
    return (day.reads * READS_MILLION + day.writes * WRITES_MILLION) / 1e6


def waiting_cost(day: Day) -> float:
    """US dollars: Lambda bills the time that a function waits, here with its 512 MB."""
    return day.waited * 0.5 * GIGABYTE_SECOND


def pair(curve: str, size: int, failures: Failures = WELL) -> Pair:
    """Both days have the same arrivals."""
    with serve() as url:
        return Pair(*(a_day(CURVES[curve](size, random.Random(size)), where, failures) for where in (None, url)))


HEAD = (
    "environments",
    "mints: alone",
    "shared",
    "hits: alone",
    "shared",
    "first answer, p50 / p99: alone",
    "shared",
    "refused: alone",
    "shared",
    "table: units a day",
    "US$ a month",
    "waiting saved, US$ a month",
)


def _line(name: str, days: Pair) -> tuple[str, ...]:
    both = (days.alone, days.shared)
    waits = [[percentile(day.waits, percent) * 1000 for percent in (50, 99)] for day in both]
    return (
        name,
        *(f"{day.mints:,}" for day in both),
        *(f"{day.hits:.0%}" for day in both),
        *(f"{p50:.0f} / {p99:,.0f} ms" for p50, p99 in waits),
        *(f"{day.refused:,}" for day in both),
        f"{days.shared.reads + days.shared.writes:,.0f}",
        f"{table_cost(days.shared) * DAYS:.4f}",
        f"{(waiting_cost(days.alone) - waiting_cost(days.shared)) * DAYS:.4f}",
    )


async def measure(bench: Bench) -> Report:
    sizes = SIZES[:4] if bench.quick else SIZES
    pairs = {(curve, size): pair(curve, size) for curve in CURVES for size in sizes}
    tables = []
    for curve in CURVES:
        lines = [_line(f"{size:,} {curve}", pairs[curve, size]) for size in sizes]
        if not bench.quick:
            lines.append(_line(f"{FAILING} {curve}, failing", pair(curve, FAILING, FAILURES)))
        tables.append(Table(HEAD, lines))
    verdicts = [_verdict(curve, {size: pairs[curve, size] for size in sizes}) for curve in CURVES]
    mints = {
        f"{curve}, {name}": [getattr(pairs[curve, size], name).mints for size in sizes]
        for curve in CURVES
        for name in ("alone", "shared")
    }
    plot = Plot("Mints a day, by the number of environments", [f"{size:,}" for size in sizes], mints, "", True, True)
    return Report("A fleet's day", "\n\n".join([HOW, *verdicts]), {}, tables, [plot])


def _verdict(curve: str, days: dict[int, Pair]) -> str:
    """From which size on the shared cache pays, in a sentence."""
    paying = [size for size in days if all(days[larger].pays for larger in days if larger >= size)]
    if not paying:
        return f"**{curve}**: it does not pay at any of these sizes."
    return (
        f"**{curve}**: the shared cache pays from {min(paying):,} environment{'s' if min(paying) > 1 else ''} on: fewer"
        " mints, a shorter wait, and a table that costs less than the waiting that it saves."
    )
