"""The time that a request still has."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from broker.base.errors import TemporarilyUnavailable

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext  # the CLI imports this module, and not Powertools

# What is kept back to make the answer and the audit record, seconds.
RESERVE = 0.5

# Seconds since the epoch. The wall clock, since a monotonic clock stands still while an environment is frozen.
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

    @classmethod
    def of(cls, context: "LambdaContext", clock: Clock) -> "Deadline":
        """Of the invocation that this context belongs to."""
        return cls(clock, context.get_remaining_time_in_millis() / 1000)

    def left(self, at_most: float = float("inf")) -> float:
        """Seconds that a wait may take, `at_most` this many. Raises TemporarilyUnavailable when none are left."""
        left = min(at_most, self._ends_at - self._clock())
        if left <= 0:
            raise TemporarilyUnavailable("deadline")
        return left
