"""1,000 environments start within a minute and want the token of one grant: how often is it minted?"""

import asyncio
import json
import random
import sys
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp

from infra.sam import ROOT
from local.loopback.processes import end, end_with_parent
from local.sandbox.app import create_app
from tests.bench.figures import Spread, percentile, text
from tests.bench.fleet.table import serve
from tests.bench.measure import Bench, Report, Table
from tests.bench.outside import CREDENTIAL, HOST, Outside, issuer_app, site
from tests.bench.parties import compiled

HOW = """\
In real time and over sockets, without TLS: environments start at random moments of a minute, each puts together all
that the function's start does and performs one exchange. They share the table (a stand-in for DynamoDB over HTTP) and
no memory. Without the shared cache each would mint. "Took" is the exchange alone, on processors that all share."""
COUNT, SECONDS = 1_000, 60.0
PROCESSES = 2


async def measure(bench: Bench) -> Report:
    count = bench.count(full=COUNT, quick=COUNT // 5)
    seconds = SECONDS * count / COUNT
    chance = random.Random(6)
    moments = [chance.uniform(0, seconds) for _ in range(count)]
    async with AsyncExitStack() as stack:
        outside = replace(bench.outside, relays={}, aws_url=stack.enter_context(serve()))
        outside.issuer_url = f"http://{HOST}:{await site(stack, issuer_app(outside))}"
        outside.api2_url = f"http://{HOST}:{await site(stack, create_app([CREDENTIAL]))}"
        with tempfile.NamedTemporaryFile() as policy:
            Path(policy.name).write_bytes(compiled(outside))
            artifact = bench.parties.ours.function.artifact
            parts = [_start(outside, artifact, policy.name, moments[part::PROCESSES]) for part in range(PROCESSES)]
            found = [each for part in await asyncio.gather(*parts) for each in part]
        async with aiohttp.ClientSession() as web, web.get(f"{outside.api2_url}/_sandbox/calls") as answer:
            mints = (await answer.json())["POST /token"]
    outcomes = Counter((str(outcome), str(cache)) for outcome, cache, _ in found)
    took = [milliseconds for _, _, milliseconds in found]
    lines = [(outcome, cache, f"{number:,}") for (outcome, cache), number in sorted(outcomes.items())]
    lines.append(("all took", text(took, ".0f", " ms"), f"p99 {percentile(took, 99):.0f} ms"))
    assert {outcome for outcome, _ in outcomes} == {"granted"}, outcomes
    title = f"{count:,} environments start within {seconds:.0f} seconds"
    return Report(title, HOW, {"starts": Spread.of([mints])}, [Table(("outcome", "token", "environments"), lines)])


async def _start(outside: Outside, artifact: Path, policy: str, moments: list[float]) -> list[Any]:
    """What the environments of one process record: outcome, cache, milliseconds."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.fleet.starts"),
        cwd=ROOT,
        # The artifact's libraries: botocore's whole data would take each environment 40 ms more on processors that all
        # share, and calls of the table would pass their limit.
        env={**outside.variables, "SHARED_TABLE": "fleet", "PYTHONPATH": str(artifact)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        preexec_fn=end_with_parent,
    )
    orders = {"policy": policy, "jwt": outside.jwt(), "after": moments}
    try:
        output, _ = await process.communicate(json.dumps(orders).encode())
    finally:
        await end(process)
    found: list[Any] = json.loads(output)
    return found
