"""Virtual time: blocking code runs in greenlets, and a wait switches to the greenlet that is due next."""

import heapq
from collections.abc import Callable
from itertools import count
from typing import ClassVar

from greenlet import getcurrent, greenlet


class Timeline:
    """A `Clock` that stands still but for `sleep`. Times in seconds since the epoch."""

    # Kept for good: a greenlet that is let go is ended with an exception, which a killed process never sees.
    _gone: ClassVar[list[greenlet]] = []

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = self._began = now
        self._hub = getcurrent()
        self._waiting: list[tuple[float, int, greenlet]] = []
        self._numbers = count()  # of two that wait for the same moment, the first comes first

    def __call__(self) -> float:
        return self.now

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return self.now - self._began

    def at(self, elapsed: float, work: Callable[[], None]) -> None:
        """Do this once so many seconds have passed."""
        self._wait(self._began + elapsed, greenlet(work, self._hub))

    def sleep(self, seconds: float) -> None:
        self._wait(self.now + seconds, getcurrent())
        self._hub.switch()

    def crash(self) -> None:
        """End the calling code as a kill ends a process: nothing after this call runs, and no `finally` does."""
        self._gone.append(getcurrent())
        self._hub.switch()

    def run(self) -> None:
        """Run until no code is waiting."""
        while self._waiting:
            self.now, _, task = heapq.heappop(self._waiting)
            task.switch()

    def _wait(self, when: float, task: greenlet) -> None:
        heapq.heappush(self._waiting, (when, next(self._numbers), task))
