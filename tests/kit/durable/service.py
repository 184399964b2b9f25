"""Lambda for durable functions, as far as tests need it: Invoke, checkpoints, and callbacks.

Invocations go to real environments, or to other functions that the test names. What concerns a durable execution goes
to AWS's local runner.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from local.emulator.pool import Environment, Pool
from tests.kit.aws_front import Invoked, Relay, add_invocations


@dataclass
class Crash:
    """The death of an environment at the `left`th checkpoint from now. `is_kept`: Lambda has the checkpoint by then."""

    left: int
    is_kept: bool


class LambdaService:
    """`others`: the functions that durable ones invoke, by name. `crash` is what the next checkpoints meet."""

    def __init__(self, runner_url: str, others: Mapping[str, Invoked]) -> None:
        self.crash: Crash | None = None
        self._functions = dict(others)
        self._environments: list[Environment] = []
        self._pools: list[Pool] = []
        self._relay = Relay(runner_url)

    def make_app(self) -> web.Application:
        app = web.Application(client_max_size=6 * 1024 * 1024)
        app.cleanup_ctx.append(self._relay.run)
        app.on_cleanup.append(self._stop)
        add_invocations(app, self._functions)
        app.router.add_route("*", "/2025-12-01/{path:.*}", self._hand_on)
        return app

    async def add(self, name: str, environments: list[Environment]) -> None:
        """Add a durable function."""
        pool = Pool(environments)
        self._environments += environments
        self._pools.append(pool)
        self._functions[name] = pool.invoke
        await pool.start()

    async def _stop(self, app: web.Application) -> None:
        for pool in self._pools:
            await pool.stop()

    async def _hand_on(self, request: web.Request) -> web.Response:
        crash = self._count_down() if request.path.endswith("/checkpoint") else None
        if crash and not crash.is_kept:
            await self._kill()
            return web.Response(status=500)
        answer = await self._relay.send(request)
        if crash:
            await self._kill()
        return answer

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
        """End the environments, as a machine's failure would. The pools replace them."""
        for environment in self._environments:
            await environment.stop()
