"""Cold start: the runtime's process starts, imports, fetches keys, reads the secret, mints, answers."""

import json
import time
from collections.abc import Mapping
from typing import Any

from tests.bench.figures import Spread, ratios, text
from tests.bench.measure import Bench, Plot, Report, Table
from tests.bench.parties import Party, health_event, plain, token_event

HOW = """\
From the start of the runtime's process, under Lambda's Runtime Interface Emulator, to the answer of the first request
in it. The first exchange fetches the keys by discovery, reads the secret and mints, all near and by TLS. Plainly built
is our code by SAM's own Python builder, which ships no byte-code: Lambda's file system is read-only, so each start
compiles all of it. Why the rest is as it is: [decisions/15-start.md](decisions/15-start.md)."""


async def first_answer(party: Party, event: Mapping[str, Any]) -> float:
    """Seconds until an event of API Gateway is answered with 200 in a cold environment."""
    took, answer = await time_first(party, json.dumps(event).encode())
    assert json.loads(answer)["statusCode"] == 200, answer
    return took


async def time_first(party: Party, event: bytes) -> tuple[float, bytes]:
    """Seconds from the start of the runtime, which the emulator starts at the first invocation, and the answer."""
    environment = party.environment()
    await environment.start()
    try:
        started = time.perf_counter()
        outcome = await environment.invoke(event)
        took = time.perf_counter() - started
    finally:
        await environment.stop()
    return took, outcome.payload


async def measure(bench: Bench) -> Report:
    parties = [*bench.parties] if bench.quick else [*bench.parties, plain(bench.parties.ours)]
    exchanges: dict[str, list[float]] = {party.name: [] for party in parties}
    health: dict[str, list[float]] = {party.name: [] for party in parties}
    for number in range(bench.count(full=20, quick=5) + 1):
        for party in parties:
            exchange = await first_answer(party, token_event(bench.outside.jwt()))
            alone = await first_answer(party, health_event())
            if number:  # the first round fills the file cache
                exchanges[party.name].append(exchange * 1000)
                health[party.name].append(alone * 1000)
    over = exchanges["conventional"]
    lines = [
        (name, text(taken, ".0f", " ms"), text(ratios(taken, over), ".2f"), text(health[name], ".0f", " ms"))
        for name, taken in exchanges.items()
    ]
    medians = {
        "first exchange": [Spread.of(taken).median for taken in exchanges.values()],
        "/health alone": [Spread.of(taken).median for taken in health.values()],
    }
    return Report(
        "Cold start",
        HOW,
        {"cold-start": ratios(exchanges["ours"], over)},
        [Table(("", "first exchange", "of conventional", "`/health` alone"), lines)],
        [Plot("From the start of the process to the first answer", list(exchanges), medians, "ms")],
    )
