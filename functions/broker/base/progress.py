"""What travels with a request through the steps: the time that it has left, and the notes for its audit record."""

import os
from collections.abc import Callable

from broker.base.audit import Notes
from broker.base.errors import TemporarilyUnavailable
from broker.base.values import Value

# Seconds kept back at the end of an invocation. Lambda ends a function that is over its time without a word, so the
# answer and the audit record would be lost.
RESERVE = 0.5

# Gives seconds since the epoch. The wall clock, since a monotonic clock stands still while an environment is frozen,
# and what expired meanwhile would be taken for valid.
Clock = Callable[[], float]


def jitter() -> float:
    """A random fraction from 0 to 1, so that environments that wait for the same thing do not act at once."""
    return int.from_bytes(os.urandom(2)) / 2**16


class Deadline:
    """Ends `RESERVE` before the invocation does."""

    def __init__(self, clock: Clock, remaining: float) -> None:
        """`remaining`: seconds until the platform ends this invocation."""
        self._clock = clock
        self._ends_at = clock() + remaining - RESERVE

    def left(self, at_most: float = float("inf")) -> float:
        """Seconds that a wait may take, `at_most` this many. Raises TemporarilyUnavailable when none are left."""
        left = min(at_most, self._ends_at - self._clock())
        if left <= 0:
            raise TemporarilyUnavailable("deadline")
        return left


class Progress(Value, frozen=True):
    """The time that a request has left, and what the steps note for its audit record."""

    deadline: Deadline
    notes: Notes
