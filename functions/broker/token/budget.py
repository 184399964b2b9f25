"""Bounds on new bearer tokens: a token bucket for each caller, and one for each credential of this environment."""

import threading
from collections import OrderedDict
from collections.abc import Hashable

from msgspec import Struct

from broker.base.errors import OverBudget
from broker.base.progress import Clock

# Mints at once, and mints a second after that.
CALLER_LIMIT = 10, 1 / 60
CREDENTIAL_LIMIT = 60, 60 / 60
MAX_CALLERS = 10_000
ROUNDING = 1e-6  # seconds; a shorter wait is a rounding error of the refill


class _Bucket(Struct):
    burst: int
    per_second: float
    at: float  # when it was last refilled, epoch seconds
    tokens: float = float("inf")  # `refill` cuts them to the burst, so a new bucket is full

    def refill(self, now: float) -> float:
        """Add the tokens that are due. Returns the seconds until one can be taken; 0 when one is there."""
        self.tokens = min(self.burst, self.tokens + max(0.0, now - self.at) * self.per_second)
        self.at = now
        wait = (1 - self.tokens) / self.per_second
        return wait if wait > ROUNDING else 0.0


class MintBudget:
    """The buckets of one environment.

    Even valid callers can cause many mints (one for each subset of their scopes), and Transloadit rate-limits our IP
    address: one caller could take the service from all others.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._callers: OrderedDict[Hashable, _Bucket] = OrderedDict()
        self._credentials: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def take(self, caller: Hashable, credential: str) -> None:
        """Take one mint from both buckets, or none from either. Raises OverBudget."""
        with self._lock:
            for bucket in self._find_buckets(caller, credential):
                bucket.tokens -= 1

    def check(self, caller: Hashable, credential: str) -> None:
        """Raises OverBudget where `take` would."""
        with self._lock:
            self._find_buckets(caller, credential)

    def _find_buckets(self, caller: Hashable, credential: str) -> tuple[_Bucket, _Bucket]:
        """Both buckets, each holding at least one token. Raises OverBudget."""
        now = self._clock()
        own = self._callers.setdefault(caller, _Bucket(*CALLER_LIMIT, now))
        # An attacker with many subjects could fill the memory, so the bucket that was unused for longest is dropped.
        self._callers.move_to_end(caller)
        if len(self._callers) > MAX_CALLERS:
            self._callers.popitem(last=False)
        shared = self._credentials.setdefault(credential, _Bucket(*CREDENTIAL_LIMIT, now))
        for bucket, owner in ((own, "caller's"), (shared, "credential's")):
            if (wait := bucket.refill(now)) > 0:
                raise OverBudget(f"{owner} mint budget", retry_after=wait)
        return own, shared
