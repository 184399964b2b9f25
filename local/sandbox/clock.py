"""The sandbox's clock, which tests can move, and the pulse that wakes waiting requests after a change."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass
class Clock:
    """Wall time in seconds since the epoch, plus the seconds by which tests have moved it."""

    source: Callable[[], float] = time.time
    ahead: float = 0

    def __call__(self) -> float:
        return self.source() + self.ahead


class Pulse:
    """Wakes all waiting tasks when something has changed."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def beat(self) -> None:
        event, self._event = self._event, asyncio.Event()
        event.set()

    async def wait(self, seconds: float) -> None:
        """Wait until the next beat, at most `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def gmt(seconds: float) -> str:
    """The time in the format of an Assembly Status: 2026/11/24 10:00:00 GMT."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y/%m/%d %H:%M:%S GMT")
