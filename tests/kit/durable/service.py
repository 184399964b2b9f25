"""Lambda for durable functions, as far as tests need it: Invoke, checkpoints, and callbacks.

Invocations go to real environments, or to other functions that the test names. What concerns a durable execution goes
to AWS's local runner.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from local.emulator.pool import Environment, Outcome, Pool

# A function that another one invokes: its answer to an event, or its failure.
Invoked = Callable[[bytes], Awaitable[Outcome]]
_PLAIN = ("content-type", "x-amzn-errortype")


@dataclass
class Crash:
    """The death of an environment at the `left`th checkpoint from now. `is_kept`: Lambda has the checkpoint by then."""

    left: int
    is_kept: bool


@dataclass
class LambdaService:
    """`others`: the functions that durable ones invoke, by name. `crash` is what the next checkpoints meet."""

    runner_url: str
    others: Mapping[str, Invoked]
    crash: Crash | None = None
    _environments: list[Environment] = field(default_factory=list)
    _pools: dict[str, Pool] = field(default_factory=dict)

    def make_app(self) -> web.Application:
        app = web.Application(client_max_size=6 * 1024 * 1024)
        app.cleanup_ctx.append(self._run)
        app.router.add_post("/2015-03-31/functions/{name}/invocations", self._invoke)
        app.router.add_route("*", "/2025-12-01/{path:.*}", self._hand_on)
        return app

    async def add(self, name: str, environments: list[Environment]) -> None:
        """Add a durable function."""
        self._environments += environments
        self._pools[name] = Pool(environments)
        await self._pools[name].start()

    async def _run(self, app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(auto_decompress=False) as self._web:
            yield
        for pool in self._pools.values():
            await pool.stop()

    async def _invoke(self, request: web.Request) -> web.Response:
        name, event = request.match_info["name"], await request.read()
        outcome = await (self._pools[name].invoke if name in self._pools else self.others[name])(event)
        headers = {"X-Amz-Function-Error": "Unhandled"} if outcome.failed else {}
        return web.Response(body=outcome.payload, content_type="application/json", headers=headers)

    async def _hand_on(self, request: web.Request) -> web.Response:
        body = await request.read()
        crash = self._count_down() if request.path.endswith("/checkpoint") else None
        if crash and not crash.is_kept:
            await self._kill()
            return web.Response(status=500)
        url = self.runner_url + request.raw_path
        headers = {"content-type": request.headers.get("content-type", "application/json")}
        async with self._web.request(request.method, url, data=body, headers=headers) as answer:
            kept = {name: answer.headers[name] for name in _PLAIN if name in answer.headers}
            given = web.Response(status=answer.status, body=await answer.read(), headers=kept)
        if crash:
            await self._kill()
        return given

    def _count_down(self) -> Crash | None:
        crash = self.crash
        if crash is None:
            return None
        crash.left -= 1
        if crash.left > 0:
            return None
        self.crash = None
        return crash

    async def _kill(self) -> None:
        """End the environments, as a machine's failure would. The pool replaces them."""
        for environment in self._environments:
            await environment.stop()
