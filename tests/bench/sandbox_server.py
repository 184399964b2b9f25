"""The sandbox and an empty aiohttp handler in one process, pinned to a core; their ports are on its first line.

python -m tests.bench.sandbox_server KEY SECRET
"""

import asyncio
import json
import logging
import os
import sys

from aiohttp import web

from local.sandbox.app import create_app
from local.sandbox.model import AuthKey
from local.sites import start_site


async def answer_empty(request: web.Request) -> web.Response:
    return web.Response(text="{}", content_type="application/json")


async def serve(key: AuthKey) -> None:
    """Both, until the parent ends."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    empty = web.Application()
    empty.router.add_get("/", answer_empty)
    runners = [await start_site(create_app([key]), 0), await start_site(empty, 0)]
    sys.stdout.write(json.dumps([runner.addresses[0][1] for runner in runners]) + "\n")
    sys.stdout.flush()
    # A line for each request, as the sandbox writes it when people run it.
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(AuthKey(sys.argv[1], sys.argv[2])))
