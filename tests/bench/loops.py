"""Handlers called in a loop, each in a process of its own that takes its turn on the one core that they share."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from infra.sam import ROOT
from local.emulator.environment import Function, link_runtime_modules, make_variables
from local.loopback.processes import end, end_with_parent
from tests.bench.measure import Bench
from tests.bench.parties import Party
from tests.kit.policies import AUDIENCE


@dataclass(frozen=True, slots=True)
class Block:
    """What a block of calls took: `seconds` of processor time, and the process's memory after it, in bytes."""

    seconds: float
    resident: int


class Loop:
    """A process that calls one handler; events are kept there under a name."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def keep(self, name: str, events: Sequence[Any]) -> None:
        await self._order({"name": name, "events": events})

    async def run(self, name: str, times: int, status: int = 200) -> Block:
        """So many calls, each of which must be answered with this status."""
        await self._order({"run": name, "times": times, "status": status})
        assert self._process.stdout is not None
        return Block(**json.loads(await self._process.stdout.readline()))

    async def _order(self, order: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        await self._process.stdin.drain()


@asynccontextmanager
async def loop_of(party: Party, *, isolated: bool = True) -> AsyncIterator[Loop]:
    """A party's handler; `isolated`: with nothing to import but its artifact and the runtime."""
    variables = make_variables(party.function, link_runtime_modules(party.folder / "runtime"), "loop") | dict(
        party.variables
    )
    variables["PYTHONPATH"] += f":{ROOT}"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *(["-S"] if isolated else []), "-m", "tests.bench.inside"),
        *(party.function.handler, str(party.folder / "log" / "loop.log")),
        cwd=party.folder,
        env=variables,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        preexec_fn=end_with_parent,
    )
    try:
        yield Loop(process)
    finally:
        await end(process)


def library_loop(bench: Bench, name: str) -> AbstractAsyncContextManager[Loop]:
    """A function of `tests.bench.library`."""
    told = {
        "BENCH_JWK": json.dumps(bench.outside.signer.jwk()),
        "ISSUER_URL": bench.outside.issuer_url,
        "AUDIENCE": AUDIENCE,
    }
    function = Function(ROOT, f"tests.bench.library.{name}", 15, 512, told)
    return loop_of(Party(name, function, bench.parties.ours.folder, {}), isolated=False)
