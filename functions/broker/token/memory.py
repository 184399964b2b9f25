"""Bearer tokens in memory, below the decision: least recently used out first."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from msgspec import Struct

MAX_TOKENS = 10_000


class _Entry[V](Struct):
    value: V
    renew_at: float


class TokenCache[K: Hashable, V]:
    """At most `size` tokens. It does not know when they expire: whoever gets one looks at its expiry.

    Times are seconds since the epoch.
    """

    def __init__(self, size: int = MAX_TOKENS) -> None:
        self._size = size
        self._entries: OrderedDict[K, _Entry[V]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """The token under this key, expired or not, or None."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            return entry.value

    def put(self, key: K, value: V, renew_at: float) -> None:
        """Keep a token, to be renewed from `renew_at` on. It replaces any other under this key."""
        with self._lock:
            self._entries[key] = _Entry(value, renew_at)
            self._entries.move_to_end(key)
            if len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def claim_renewal(self, key: K, now: float, retry_at: float) -> bool:
        """Whether it is time to renew this token, and this request is the one to do it. The next may try at `retry_at`.

        Without a claim every request of a busy environment would mint a token of its own at that moment.
        """
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or now < entry.renew_at:
                return False
            entry.renew_at = retry_at
            return True

    def drop(self, is_dropped: Callable[[K], bool]) -> None:
        """Drop the tokens whose key `is_dropped`."""
        with self._lock:
            for key in [key for key in self._entries if is_dropped(key)]:
                del self._entries[key]
