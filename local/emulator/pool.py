"""The pool: leases environments to invocations, and offers them by Lambda's Invoke API."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from local.loopback.guard import from_a_page

LOG = logging.getLogger("local.emulator")
INVOKE_PATH = "/2015-03-31/functions/function/invocations"
QUEUE_SECONDS = 30.0


class Busy(Exception):
    """All environments stayed busy for `queue_seconds`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The function's answer as JSON; if `failed`, the error that Lambda would report."""

    payload: bytes
    failed: bool


class Environment(Protocol):
    """One Lambda environment: takes one invocation at a time."""

    async def start(self) -> None: ...
    async def invoke(self, event: bytes) -> Outcome: ...
    @property
    def is_alive(self) -> bool: ...
    async def stop(self) -> None: ...


class Pool:
    """Leases environments, and replaces those that have died."""

    def __init__(self, environments: list[Environment], queue_seconds: float = QUEUE_SECONDS) -> None:
        self._environments = environments
        self._queue_seconds = queue_seconds
        self._free: asyncio.LifoQueue[Environment] = asyncio.LifoQueue()
        self._running: set[asyncio.Task[Outcome]] = set()

    async def start(self) -> None:
        await asyncio.gather(*(environment.start() for environment in self._environments))
        for environment in self._environments:
            self._free.put_nowait(environment)

    async def stop(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*(environment.stop() for environment in self._environments))

    async def invoke(self, event: bytes) -> Outcome:
        """Invoke the function once. Raises Busy. The invocation continues when the client hangs up, as on AWS."""
        try:
            environment = await asyncio.wait_for(self._free.get(), self._queue_seconds)
        except TimeoutError:
            raise Busy from None
        task = asyncio.create_task(self._run(environment, event))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _run(self, environment: Environment, event: bytes) -> Outcome:
        try:
            await self._revive(environment)
            outcome = await environment.invoke(event)
            await self._revive(environment)
            return outcome
        finally:
            self._free.put_nowait(environment)

    async def _revive(self, environment: Environment) -> None:
        if not environment.is_alive:
            LOG.warning("an environment died and is replaced")
            await environment.stop()
            await environment.start()


def invoke_app(pools: Mapping[str, Pool]) -> web.Application:
    """Lambda's Invoke API (https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html); `pools` by function name."""

    async def invoke(request: web.Request) -> web.Response:
        # This port has no authentication, and a function's answer contains a bearer token. A page in a browser could
        # send requests here, so refuse pages.
        page = from_a_page(request.headers)
        if page is not None:
            headers = {"x-amzn-errortype": "AccessDeniedException"}
            return web.json_response({"Message": page}, status=403, headers=headers)
        pool = pools.get(request.match_info["name"])
        if pool is None:
            headers = {"x-amzn-errortype": "ResourceNotFoundException"}
            return web.json_response({"Message": "Function not found"}, status=404, headers=headers)
        try:
            outcome = await pool.invoke(await request.read() or b"{}")
        except Busy:
            headers = {"x-amzn-errortype": "TooManyRequestsException"}
            return web.json_response(
                {"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"}, status=429, headers=headers
            )
        headers = {"X-Amz-Executed-Version": "$LATEST"}
        if outcome.failed:
            headers["X-Amz-Function-Error"] = "Unhandled"
        return web.Response(body=outcome.payload, content_type="application/json", headers=headers)

    app = web.Application(client_max_size=6 * 1024 * 1024)
    app.router.add_post("/2015-03-31/functions/{name}/invocations", invoke)
    return app
