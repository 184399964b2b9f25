"""The sandbox and an empty aiohttp handler in one process, pinned to a core; their ports are on its first line.

python -m tests.bench.sandbox_server KEY SECRET
"""

import asyncio
import json
import logging
import os
import sys
from contextlib import AsyncExitStack

from aiohttp import web

from local.sandbox.app import create_app
from local.sandbox.model import AuthKey
from tests.bench.outside import site


async def answer_empty(request: web.Request) -> web.Response:
    return web.Response(text="{}", content_type="application/json")


async def serve(key: AuthKey) -> None:
    """Both, until the parent ends."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    empty = web.Application()
    empty.router.add_get("/", answer_empty)
    async with AsyncExitStack() as stack:
        ports = [await site(stack, app) for app in (create_app([key]), empty)]
        sys.stdout.write(json.dumps(ports) + "\n")
        sys.stdout.flush()
        # A line for each request, as the sandbox writes it when people run it.
        logging.basicConfig(level=logging.INFO, stream=sys.stderr)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(AuthKey(sys.argv[1], sys.argv[2])))
