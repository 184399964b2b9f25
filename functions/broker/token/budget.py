"""Bounds on new bearer tokens and signed Assemblies: token buckets by caller and by credential, of one environment."""

import threading
from collections import OrderedDict
from collections.abc import Hashable

from msgspec import Struct

from broker.base.errors import OverBudget
from broker.base.progress import Clock

# Mints, or signatures, at once; and how many a second after that.
CALLER_LIMIT = 10, 1 / 60
CREDENTIAL_LIMIT = 60, 60 / 60
SIGN_LIMIT = 30, 10 / 60
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


class _Owners:
    """The buckets of many owners."""

    def __init__(self, limit: tuple[int, float]) -> None:
        self._limit = limit
        self._buckets: OrderedDict[Hashable, _Bucket] = OrderedDict()

    def find(self, owner: Hashable, now: float) -> _Bucket:
        bucket = self._buckets.setdefault(owner, _Bucket(*self._limit, now))
        # An attacker with many subjects could fill the memory, so the bucket that was unused for longest is dropped.
        self._buckets.move_to_end(owner)
        if len(self._buckets) > MAX_CALLERS:
            self._buckets.popitem(last=False)
        return bucket


class MintBudget:
    """The buckets of one environment.

    Even valid callers can cause many mints (one for each subset of their scopes), and Transloadit rate-limits our IP
    address: one caller could take the service from all others.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._callers, self._credentials = _Owners(CALLER_LIMIT), _Owners(CREDENTIAL_LIMIT)
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
        own, shared = self._callers.find(caller, now), self._credentials.find(credential, now)
        for bucket, owner in ((own, "caller's"), (shared, "credential's")):
            if (wait := bucket.refill(now)) > 0:
                raise OverBudget(f"{owner} mint budget", retry_after=wait)
        return own, shared


class SignBudget:
    """The buckets of one environment for signed Assemblies, of which each may cost its workspace money."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._callers = _Owners(SIGN_LIMIT)
        self._lock = threading.Lock()

    def take(self, caller: Hashable) -> None:
        """Take one signature. Raises OverBudget."""
        with self._lock:
            now = self._clock()
            bucket = self._callers.find(caller, now)
            if (wait := bucket.refill(now)) > 0:
                raise OverBudget("caller's budget of signatures", retry_after=wait)
            bucket.tokens -= 1
