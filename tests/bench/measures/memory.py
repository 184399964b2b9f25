"""The peak of resident memory of the runtime's process."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Spread, text
from tests.bench.measure import Bench, Report, Table
from tests.bench.parties import Party, token_event

HOW = """\
The highest resident memory (`VmHWM`) of the runtime's process after its first exchange and 200 hits, Python and
Lambda's runtime client included. The bound is 1.3 of the empty handler's and 40 MB more."""
HITS = 200
MEGABYTE = 1e6


async def peak(bench: Bench, party: Party) -> float:
    """Bytes."""
    environment = party.environment()
    await environment.start()
    try:
        for number in range(HITS + 1):
            event = token_event(bench.outside.jwt(sub=f"caller-{number}"))
            await environment.invoke(json.dumps(event).encode())
        (process,) = runtimes()
        status = Path(f"/proc/{process}/status").read_text()
    finally:
        await environment.stop()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def runtimes() -> list[int]:
    """The processes of Lambda's runtime below this one: each the child of an emulator."""
    emulators = (child for child in _children(os.getpid()) if b"aws-lambda-rie" in _command(child))
    return [runtime for emulator in emulators for runtime in _children(emulator)]


def _children(process: int) -> Iterator[int]:
    for thread in Path(f"/proc/{process}/task").iterdir():
        yield from map(int, (thread / "children").read_text().split())


def _command(process: int) -> bytes:
    return Path(f"/proc/{process}/cmdline").read_bytes()


async def measure(bench: Bench) -> Report:
    peaks: dict[str, list[float]] = {party.name: [] for party in bench.parties}
    for _ in range(bench.count(full=5, quick=1)):
        for party in bench.parties:
            peaks[party.name].append(await peak(bench, party) / MEGABYTE)
    allowed = [1.3 * empty + 40 for empty in peaks["empty"]]
    shares = [ours / most for ours, most in zip(peaks["ours"], allowed, strict=True)]
    lines = [(name, text(found, ".0f", " MB")) for name, found in {**peaks, "allowed": allowed}.items()]
    return Report("Memory", HOW, {"memory": Spread.of(shares)}, [Table(("", "peak"), lines)])
