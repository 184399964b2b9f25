"""aiohttp applications on free ports, in a thread of their own."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from operator import attrgetter

from aiohttp import web

from local.loopback.sites import start_site


class Loop:
    """An event loop in a thread, for tests that are plain functions."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def run[T](self, work: Awaitable[T], seconds: float = 60) -> T:
        async def awaited() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result(seconds)

    def close(self) -> None:
        self.run(_end_tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _end_tasks() -> None:
    """Cancel the tasks that still wait, such as for a client that has gone."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    # A client may have connected while its server closed: nobody closes that connection, and its end would be reported
    # in whichever test runs when it is collected.
    for transport in [*vars(asyncio.get_running_loop())["_transports"].values()]:
        transport.abort()
    await asyncio.sleep(0)


async def _stop_site(runner: web.AppRunner) -> None:
    """Take no further connection, and close after those that were taken have begun."""
    # asyncio forgets a connection that it took in the turn in which the server closes, and its end would be reported in
    # whichever test runs when it is collected.
    turning = asyncio.get_running_loop()
    for site in runner.sites:
        for listening in _read_sockets(site):
            turning.remove_reader(listening.fileno())
    await asyncio.sleep(0)
    await runner.cleanup()


_read_sockets = attrgetter("_server.sockets")


@contextmanager
def loop() -> Iterator[Loop]:
    running = Loop()
    try:
        yield running
    finally:
        running.close()


@contextmanager
def serving(make: Callable[[], web.Application], *, on: Loop | None = None, port: int = 0) -> Iterator[str]:
    """The origin of an application that serves as long as the context, on a free port or this one."""
    running = on or Loop()

    async def start() -> tuple[web.AppRunner, int]:
        runner = await start_site(make(), port, shutdown_timeout=0.1)
        return runner, runner.addresses[0][1]

    runner, bound = running.run(start())
    try:
        yield f"http://127.0.0.1:{bound}"
    finally:
        running.run(_stop_site(runner))
        if on is None:
            running.close()
