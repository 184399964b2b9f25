"""Throughput of the sandbox on one core: `/token` and a bearer check, beside an empty aiohttp handler.

python -m tests.bench.sandbox

One process serves all three, pinned to a core; their rounds alternate, so that a noisy machine is noisy for each.
"""

import asyncio
import base64
import json
import logging
import os
import statistics
import subprocess
import sys
import time

from aiohttp import web

from local.processes import end_with_parent
from local.sandbox.app import create_app
from local.sandbox.model import AuthKey
from local.sites import start_site

ROUNDS, REQUESTS, CONNECTIONS = 15, 1000, 16
KEY = AuthKey("bench", "secret")
BASIC = base64.b64encode(f"{KEY.key}:{KEY.secret}".encode()).decode()
FORM = "grant_type=client_credentials&aud=api2&scope=assemblies%3Aread"
TOKEN = (
    f"POST /token HTTP/1.1\r\nHost: sandbox\r\nAuthorization: Basic {BASIC}\r\n"
    f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(FORM)}\r\n\r\n{FORM}"
).encode()
EMPTY = b"GET / HTTP/1.1\r\nHost: sandbox\r\n\r\n"


async def answer_empty(request: web.Request) -> web.Response:
    return web.Response(text="{}", content_type="application/json")


async def serve() -> None:
    """Both applications until the parent ends; their ports on the first line."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    empty = web.Application()
    empty.router.add_get("/", answer_empty)
    runners = [await start_site(create_app([KEY]), 0), await start_site(empty, 0)]
    sys.stdout.write(json.dumps([runner.addresses[0][1] for runner in runners]) + "\n")
    sys.stdout.flush()
    # A line for each request, as the sandbox writes it when people run it.
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    await asyncio.Event().wait()


async def read_answer(reader: asyncio.StreamReader) -> bytes:
    """The body. Raises ValueError for anything but 200."""
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise ValueError(head.decode())
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return await reader.readexactly(int(length.partition(b":")[2]))


async def once(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    body = await read_answer(reader)
    writer.close()
    return body


async def rate(port: int, request: bytes) -> float:
    """Requests a second over connections that are kept."""
    pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS)]

    async def repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(REQUESTS // CONNECTIONS):
            writer.write(request)
            await read_answer(reader)

    started = time.perf_counter()
    await asyncio.gather(*(repeat(*pair) for pair in pairs))
    seconds = time.perf_counter() - started
    for _, writer in pairs:
        writer.close()
    return REQUESTS // CONNECTIONS * CONNECTIONS / seconds


async def measure(sandbox: int, empty: int) -> None:
    token = json.loads(await once(sandbox, TOKEN))["access_token"]
    bearer = f"GET /assemblies?params=%7B%7D HTTP/1.1\r\nHost: sandbox\r\nAuthorization: Bearer {token}\r\n\r\n"
    works = {
        "empty handler": (empty, EMPTY),
        "POST /token": (sandbox, TOKEN),
        "bearer check": (sandbox, bearer.encode()),
    }
    rounds = [{name: await rate(*work) for name, work in works.items()} for _ in range(ROUNDS + 1)][1:]
    for name in works:
        rates = statistics.median(each[name] for each in rounds)
        ratio = statistics.median(each["empty handler"] / each[name] for each in rounds)
        sys.stdout.write(f"{name:<14} {rates:6.0f} requests a second, {ratio:.2f} times the empty handler's work\n")


def main() -> None:
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve())
        return
    command = [sys.executable, "-m", "tests.bench.sandbox", "serve"]
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=end_with_parent, text=True
    )
    assert server.stdout is not None
    try:
        asyncio.run(measure(*json.loads(server.stdout.readline())))
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


if __name__ == "__main__":
    main()
