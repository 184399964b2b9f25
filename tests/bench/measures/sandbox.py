"""Throughput of the sandbox on one core: `/token` and a bearer check, beside an empty aiohttp handler."""

import asyncio
import base64
import json
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE

from infra.sam import ROOT
from local.loopback.processes import end, end_with_parent
from tests.bench.figures import Spread, ratios, text
from tests.bench.measure import Bench, Report, Table
from tests.bench.outside import CREDENTIAL, HOST

HOW = """\
Load tests should measure the broker and not its stand-in for api2, so that must be faster. One process serves it and an
empty handler, pinned to a core; requests come over 16 connections that are kept, in rounds that alternate."""
CONNECTIONS = 16
BASIC = base64.b64encode(f"{CREDENTIAL.key}:{CREDENTIAL.secret}".encode()).decode()
FORM = "grant_type=client_credentials&aud=api2&scope=assemblies%3Aread"
TOKEN = (
    f"POST /token HTTP/1.1\r\nHost: sandbox\r\nAuthorization: Basic {BASIC}\r\n"
    f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(FORM)}\r\n\r\n{FORM}"
).encode()
EMPTY = b"GET / HTTP/1.1\r\nHost: sandbox\r\n\r\n"


async def read_answer(reader: asyncio.StreamReader) -> bytes:
    """The body. Raises ValueError for anything but 200."""
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise ValueError(head.decode())
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return await reader.readexactly(int(length.partition(b":")[2]))


async def once(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(request)
    body = await read_answer(reader)
    writer.close()
    return body


async def rate(port: int, request: bytes, times: int) -> float:
    """Requests a second over connections that are kept."""
    pairs = [await asyncio.open_connection(HOST, port) for _ in range(CONNECTIONS)]

    async def repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(times):
            writer.write(request)
            await read_answer(reader)

    started = time.perf_counter()
    await asyncio.gather(*(repeat(*pair) for pair in pairs))
    seconds = time.perf_counter() - started
    for _, writer in pairs:
        writer.close()
    return times * CONNECTIONS / seconds


async def measure(bench: Bench) -> Report:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.sandbox_server", CREDENTIAL.key, CREDENTIAL.secret),
        cwd=ROOT,
        stdout=PIPE,
        stderr=DEVNULL,
        preexec_fn=end_with_parent,
    )
    assert process.stdout is not None
    try:
        sandbox, empty = json.loads(await process.stdout.readline())
        found = await _rates(sandbox, empty, bench.count(full=15, quick=4), bench.count(full=60, quick=20))
    finally:
        await end(process)
    lines = [
        (name, text(rates, ",.0f"), text(ratios(found["empty handler"], rates), ".2f")) for name, rates in found.items()
    ]
    figures = {"sandbox-token": Spread.of(found["POST /token"]), "sandbox-bearer": Spread.of(found["a bearer check"])}
    return Report("The sandbox", HOW, figures, [Table(("", "a second", "times the empty handler's work"), lines)])


async def _rates(sandbox: int, empty: int, rounds: int, times: int) -> dict[str, list[float]]:
    token = json.loads(await once(sandbox, TOKEN))["access_token"]
    bearer = f"GET /assemblies?params=%7B%7D HTTP/1.1\r\nHost: sandbox\r\nAuthorization: Bearer {token}\r\n\r\n"
    works = {
        "empty handler": (empty, EMPTY),
        "POST /token": (sandbox, TOKEN),
        "a bearer check": (sandbox, bearer.encode()),
    }
    found: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + 1):
        for name, (port, request) in works.items():
            each = await rate(port, request, times)
            if number:  # the first round warms up
                found[name].append(each)
    return found
