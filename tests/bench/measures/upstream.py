"""The number of requests to api2: for a refusal, for a miss, for a hit."""

import json
from collections.abc import Sequence
from typing import Any

from local.emulator.pool import Environment
from tests.bench.figures import Spread
from tests.bench.measure import Bench, Report, Table
from tests.bench.measures.flood import bad_events
from tests.bench.parties import token_event

HOW = """\
Requests that reach api2, in one fresh environment under the emulator: first refusals (JWTs of each kind of the flood,
and good ones whose caller gets nothing by the policy), then one exchange, then more of them."""


async def measure(bench: Bench) -> Report:
    jwt = bench.outside.jwt
    refused = [events[0] for events in bad_events(bench).values()]
    refused += [token_event(jwt(groups=["strangers"])), token_event(jwt(groups=[]))]
    hits = [token_event(jwt(sub=f"caller-{number}")) for number in range(20)]
    environment = bench.parties.ours.environment()
    await environment.start()
    try:
        counts = {
            "upstream-refused": await _count_requests(bench, environment, refused, granted=False),
            "upstream-miss": await _count_requests(bench, environment, [token_event(jwt())], granted=True),
            "upstream-hit": await _count_requests(bench, environment, hits, granted=True),
        }
    finally:
        await environment.stop()
    numbers = (len(refused), 1, len(hits))
    lines = [
        (name.removeprefix("upstream-"), str(number), str(count))
        for number, (name, count) in zip(numbers, counts.items(), strict=True)
    ]
    figures = {name: Spread.of([count]) for name, count in counts.items()}
    return Report("Calls upstream", HOW, figures, [Table(("", "requests", "calls"), lines)])


async def _count_requests(bench: Bench, environment: Environment, events: Sequence[Any], *, granted: bool) -> int:
    """Requests that reach api2 while these events are answered, each as it should be."""
    before = bench.outside.calls()["api2"]
    for event in events:
        outcome = await environment.invoke(json.dumps(event).encode())
        assert (json.loads(outcome.payload)["statusCode"] == 200) is granted, outcome.payload
    return bench.outside.calls()["api2"] - before
