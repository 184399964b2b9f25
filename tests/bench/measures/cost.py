"""What a million exchanges cost, from measured durations and AWS's price list, beside an empty function."""

import json
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from local.emulator.pool import Environment
from tests.bench.figures import Spread
from tests.bench.measure import Bench, Report, Table
from tests.bench.measures.far import AWAY, critical_path
from tests.bench.parties import Party, token_event

# US dollars, us-east-1. https://aws.amazon.com/api-gateway/pricing/, https://aws.amazon.com/lambda/pricing/,
# https://aws.amazon.com/cloudwatch/pricing/
GATEWAY_MILLION = 1.00  # HTTP API, the first 300 million a month
REQUESTS_MILLION = 0.20
GIGABYTE_SECOND = 0.0000133334  # arm64
LOG_GIGABYTE = 0.50
# Lambda gives one processor at this many MB, less in proportion.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
PROCESSOR_MEGABYTES = 1769
MILLION = 1_000_000
COLD = 1_000  # one exchange in so many meets a cold environment
HITS = 300

HOW = f"""\
From the durations that the emulator reports for the function alone, and AWS's price list (us-east-1, arm64). A share
of a processor makes them longer: all are multiplied by {PROCESSOR_MEGABYTES:,} MB over the function's memory. Lambda
bills whole milliseconds, the initialisation too; one exchange in {COLD:,} meets a cold environment, and then waits for
parties that are as far away as above. An empty function writes no logs; what those of the others cost is shown beside
it (CloudWatch Logs, {LOG_GIGABYTE:.2f} a gigabyte). Metrics cost 0.30 each a month, however many exchanges."""


@dataclass(frozen=True, slots=True)
class Durations:
    """Of one party, in milliseconds on a whole processor; `log_bytes` of its own for each exchange."""

    start: float
    first: float
    hit: float
    log_bytes: float


def read(log: str) -> Durations:
    """From an environment's log: https://github.com/aws/aws-lambda-runtime-interface-emulator writes the durations."""
    start = float(re.findall(r"INIT REPORT\(durationMs: ([\d.]+)\)", log)[0])
    first, *hits = (float(found) for found in re.findall(r"INVOKE RTDONE\(.*duration: ([\d.]+)ms\)", log))
    own = sum(len(line.encode()) + 1 for line in log.splitlines() if line.startswith("{"))
    return Durations(start, first, Spread.of(hits).median, own / (len(hits) + 1))


def gigabyte_seconds(found: Durations, megabytes: int, waiting: float) -> float:
    """Billed for a million exchanges. `waiting`: milliseconds that the first one waits for others."""
    slower = max(1.0, PROCESSOR_MEGABYTES / megabytes)
    hits = ceil(found.hit * slower) * (MILLION - MILLION / COLD)
    starts = ceil((found.start + found.first) * slower + waiting) * MILLION / COLD
    return (hits + starts) / 1000 * megabytes / 1024


@asynccontextmanager
async def logged(party: Party) -> AsyncIterator[tuple[Environment, Path]]:
    """A fresh environment of a party, as long as the context, and its log."""
    environment = party.environment()
    log = Path(party.folder / "log" / f"{party.name}-1.log")
    log.unlink(missing_ok=True)
    await environment.start()
    try:
        yield environment, log
    finally:
        await environment.stop()


async def durations(party: Party, events: Iterable[bytes]) -> Durations:
    async with logged(party) as (environment, log):
        for event in events:
            await environment.invoke(event)
    return read(log.read_text("utf-8", "replace"))


async def measure(bench: Bench) -> Report:
    waiting = critical_path("trip", AWAY) * 1000
    lines, totals = [], {}
    for party in bench.parties:
        events = (token_event(bench.outside.jwt(sub=f"caller-{number}")) for number in range(HITS + 1))
        found = await durations(party, (json.dumps(event).encode() for event in events))
        memory = party.function.memory
        compute = gigabyte_seconds(found, memory, 0 if party is bench.parties.empty else waiting) * GIGABYTE_SECOND
        totals[party.name] = GATEWAY_MILLION + REQUESTS_MILLION + compute
        lines.append(
            (
                party.name,
                f"{found.hit:.2f} ms",
                f"{found.start + found.first:.0f} ms",
                f"{GATEWAY_MILLION:.2f}",
                f"{REQUESTS_MILLION:.2f}",
                f"{compute:.3f}",
                f"{totals[party.name]:.3f}",
                f"{found.log_bytes * MILLION / 1e9 * LOG_GIGABYTE:.2f}",
            )
        )
    head = ("", "a hit", "start and first", "API Gateway", "requests", "duration", "together, US$", "logs beside it")
    figures = {"cost": Spread.of([totals["ours"] / totals["empty"]])}
    return Report("Cost of a million exchanges", HOW, figures, [Table(head, lines)])
