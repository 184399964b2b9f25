"""Warm: one exchange after another in one environment, every one a cache hit."""

import json
import time
from collections.abc import Sequence

from local.emulator.pool import Environment
from tests.bench.figures import Spread, percentile, ratios, text
from tests.bench.measure import Bench, Plot, Report, Table
from tests.bench.parties import token_event

HOW = """\
One environment each, exchanges in turn, every caller with a JWT of its own and every answer from the cache. A round's
p50 and p99 are compared with those of the empty handler in the same round."""
CALLERS = 64


async def measure(bench: Bench) -> Report:
    events = [json.dumps(token_event(bench.outside.jwt(sub=f"caller-{number}"))).encode() for number in range(CALLERS)]
    environments = {party.name: party.environment() for party in bench.parties}
    try:
        for environment in environments.values():
            await environment.start()
        await _round(environments, events * bench.count(full=4, quick=1))
        rounds = [
            await _round(environments, events * bench.count(full=6, quick=3))
            for _ in range(bench.count(full=12, quick=4))
        ]
    finally:
        for environment in environments.values():
            await environment.stop()
    p50, p99 = (
        {name: [percentile(taken[name], percent) for taken in rounds] for name in environments} for percent in (50, 99)
    )
    lines = [(name, text(p50[name], ".2f", " ms"), text(p99[name], ".2f", " ms")) for name in environments]
    figures = {
        "warm-p50": ratios(p50["ours"], p50["empty"]),
        "warm-p99": ratios(p99["ours"], p99["empty"]),
    }
    medians = {
        label: [Spread.of(found[name]).median for name in environments] for label, found in (("p50", p50), ("p99", p99))
    }
    return Report(
        "Warm exchange",
        HOW,
        figures,
        [Table(("", "p50", "p99"), lines)],
        [Plot("A warm exchange", list(environments), medians, "ms")],
    )


async def _round(environments: dict[str, Environment], events: Sequence[bytes]) -> dict[str, list[float]]:
    """Milliseconds of each call, one party after the other for each event."""
    taken: dict[str, list[float]] = {name: [] for name in environments}
    for event in events:
        for name, environment in environments.items():
            started = time.perf_counter()
            outcome = await environment.invoke(event)
            taken[name].append((time.perf_counter() - started) * 1000)
            assert b'"statusCode": 200' in outcome.payload, outcome.payload
    return taken
