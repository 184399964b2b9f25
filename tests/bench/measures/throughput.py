"""Exchanges a second in one process on one core, beside what a JWT library's verify alone would allow."""

from contextlib import AsyncExitStack

from tests.bench.figures import Spread, rates, ratios, text
from tests.bench.loops import library_loop, loop_of
from tests.bench.measure import Bench, Plot, Report, Table
from tests.bench.parties import token_event

HOW = """\
The handler in a loop, in one process on one core, by processor time: events as API Gateway sends them, every caller
with a JWT of its own, every answer from the cache, audit record and metrics written to a file. Beside it, in turn,
PyJWT's `decode` with a ready key, and the bare signature check of `cryptography`. RS256 with 2048 bits, which most
issuers use."""
CALLERS = 200


async def measure(bench: Bench) -> Report:
    events = [token_event(bench.outside.jwt(sub=f"caller-{number}")) for number in range(CALLERS)]
    tokens = [{"token": event["headers"]["authorization"].removeprefix("Bearer ")} for event in events]
    async with AsyncExitStack() as stack:
        measured = (bench.parties.ours, bench.parties.conventional)
        loops = {party.name: await stack.enter_async_context(loop_of(party)) for party in measured}
        for loop in loops.values():
            await loop.keep("good", events)
        for name in ("pyjwt", "signature"):
            loops[name] = await stack.enter_async_context(library_loop(bench, name))
            await loops[name].keep("good", tokens)
        for loop in loops.values():
            await loop.run("good", CALLERS)
        times = bench.count(full=1000, quick=400)
        taken: dict[str, list[float]] = {name: [] for name in loops}
        for _ in range(bench.count(full=15, quick=5)):
            for name, loop in loops.items():
                taken[name].append((await loop.run("good", times)).seconds / times)
    lines = [
        (name, text(rates(seconds), ",.0f"), f"{Spread.of(seconds).median * 1e6:.0f} µs")
        for name, seconds in taken.items()
    ]
    medians = [Spread.of(seconds).median for seconds in taken.values()]
    return Report(
        "Exchanges a second",
        HOW,
        {"throughput": ratios(taken["pyjwt"], taken["ours"])},
        [Table(("", "a second", "each"), lines)],
        [Plot("One exchange, or one verification", list(taken), {"": [1e6 * each for each in medians]}, "µs")],
    )
