"""Events of pipelines: a warm one, batches of a queue, and the first one, beside a conventional handler."""

import json
import time
from collections.abc import Callable, Mapping

from local.emulator.pool import Environment
from tests.bench.event_parties import BATCH, CONVENTIONAL, OURS, make_batch, make_event, prepare
from tests.bench.figures import Spread, percentile, rates, ratios, text
from tests.bench.measure import Bench, Plot, Report, Table
from tests.bench.measures.cold_start import time_first
from tests.bench.parties import Party

HOW = f"""\
A new object of S3 becomes an Assembly. **ours** is the Assembly function. **conventional** is a handler with the same
promise ([its code](../tests/bench/conventional_events/app.py)): the vendor's Python SDK with Auth Key and Auth Secret
in its environment, Powertools' data classes, batch processor, Logger, Metrics, and idempotency with a table of DynamoDB
beside it. Without that table an event that comes twice makes two Assemblies; the difference is shown. Ours keeps no
table: the id of the Assembly tells.

One environment each, every event of another object, in turn; the others are near, speak TLS and answer both alike. The
SDK makes a connection for each call, and reads the world's authorities for it; ours keeps its connection. A warm event
and the first one come as EventBridge sends them, batches as SQS does: {BATCH} notifications of S3. Where api2 is far,
one round trip comes on top of ours, and three where a connection is new."""


async def measure(bench: Bench) -> Report:
    single, batching = prepare(bench, "app.handler"), prepare(bench, "batch.handler")
    rounds = bench.count(full=12, quick=4)
    warm = await _measure_warm(single, make_event, rounds, bench.count(full=16, quick=5))
    batches = await _measure_warm(batching, make_batch, rounds, bench.count(full=4, quick=3))
    cold = await _measure_cold(single, bench)
    p50 = {name: [percentile(taken, 50) * 1000 for taken in found] for name, found in warm.items()}
    each = {name: [sum(taken) / len(taken) / BATCH for taken in found] for name, found in batches.items()}
    lines = [
        (name, text(p50[name], ".2f", " ms"), text(rates(each[name]), ",.0f"), text(cold[name], ".0f", " ms"))
        for name in single
    ]
    figures = {
        "event-p50": ratios(p50[OURS], p50[CONVENTIONAL]),
        # A ratio of rates is that of the times the other way round.
        "event-batches": ratios(each[CONVENTIONAL], each[OURS]),
        "event-cold-start": ratios(cold[OURS], cold[CONVENTIONAL]),
    }
    medians = {"": [Spread.of(p50[name]).median for name in single]}
    return Report(
        "Events of pipelines",
        HOW,
        figures,
        [Table(("", "a warm event, p50", "events a second, in batches", "start and first event"), lines)],
        [Plot("A warm event", list(single), medians, "ms")],
    )


async def _measure_warm(
    parties: Mapping[str, Party], make: Callable[[], bytes], rounds: int, count: int
) -> dict[str, list[list[float]]]:
    """Seconds of each invocation, by party and round of `count` for each; the parties take turns."""
    environments = {name: party.environment() for name, party in parties.items()}
    found: dict[str, list[list[float]]] = {name: [] for name in parties}
    try:
        for environment in environments.values():
            await environment.start()
            await _time(environment, make())
        for _ in range(rounds):
            taken: dict[str, list[float]] = {name: [] for name in parties}
            for _ in range(count):
                for name, environment in environments.items():
                    taken[name].append(await _time(environment, make()))
            for name, times in taken.items():
                found[name].append(times)
    finally:
        for environment in environments.values():
            await environment.stop()
    return found


async def _time(environment: Environment, event: bytes) -> float:
    started = time.perf_counter()
    outcome = await environment.invoke(event)
    took = time.perf_counter() - started
    check(outcome.payload)
    return took


async def _measure_cold(parties: Mapping[str, Party], bench: Bench) -> dict[str, list[float]]:
    """Milliseconds from the start of the process to the answer of its first event."""
    taken: dict[str, list[float]] = {name: [] for name in parties}
    for number in range(bench.count(full=10, quick=3) + 1):
        for name, party in parties.items():
            seconds, answer = await time_first(party, make_event())
            check(answer)
            if number:  # the first round fills the file cache
                taken[name].append(seconds * 1000)
    return taken


def check(payload: bytes) -> None:
    """Raises AssertionError where an Assembly was not made of each object."""
    answer = json.loads(payload)
    assert "assembly_id" in answer or answer.get("batchItemFailures") == [], answer
