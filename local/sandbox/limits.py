"""Rate limits in fixed windows of the sandbox's clock: https://transloadit.com/docs/api/rate-limiting/"""

import math
from collections.abc import Callable

from local.sandbox.errors import PROXY_LIMIT, make_limit_error
from local.sandbox.model import Limit, Settings

# Error code and status of each limit. The documentation gives 413 for the creation of Assemblies.
_ANSWERS = {
    "token": ("RATE_LIMIT_REACHED", 429),
    "assembly": ("RATE_LIMIT_REACHED", 413),
    "status": ("ASSEMBLY_STATUS_FETCHING_RATE_LIMIT_REACHED", 429),
    "request": (PROXY_LIMIT, 429),
}


class Limits:
    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._limits: dict[str, Limit | None] = {
            "token": settings.token_limit,
            "assembly": settings.assembly_limit,
            "status": settings.status_limit,
            "request": settings.request_limit,
        }
        self._windows: dict[str, int] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def take(self, what: str, who: str) -> None:
        """Count one request of kind `what` by the sender `who`. Raises ApiError if the limit is exceeded."""
        limit = self._limits[what]
        if limit is None:
            return
        window, now = int(self._clock() // limit.per_seconds), self._clock()
        if self._windows.get(what) != window:
            self._windows[what] = window
            self._counts = {key: count for key, count in self._counts.items() if key[0] != what}
        self._counts[what, who] = self._counts.get((what, who), 0) + 1
        if self._counts[what, who] > limit.requests:
            raise make_limit_error(
                _ANSWERS[what][0], math.ceil((window + 1) * limit.per_seconds - now), _ANSWERS[what][1]
            )
