"""One does the work, the others wait for its outcome."""

import threading
from collections.abc import Callable, Hashable

from broker.base.errors import BrokerError, BrokerFault, TemporarilyUnavailable


class _Flight[V]:
    def __init__(self) -> None:
        self.done = threading.Event()
        self.value: V | None = None
        self.error: BrokerError | None = None


class SingleFlight[V]:
    """At most one `work` at a time for a key; those who come meanwhile share its value or its error."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[Hashable, _Flight[V]] = {}

    def run(self, key: Hashable, work: Callable[[], V], seconds: float) -> V:
        """The value of `work`. A follower waits at most `seconds`, then raises TemporarilyUnavailable."""
        with self._lock:
            flight = self._flights.get(key)
            if leads := flight is None:
                flight = self._flights[key] = _Flight()
        return self._lead(key, flight, work) if leads else self._follow(flight, seconds)

    def is_running(self, key: Hashable) -> bool:
        return key in self._flights

    def _lead(self, key: Hashable, flight: _Flight[V], work: Callable[[], V]) -> V:
        try:
            flight.value = work()
        except BrokerError as error:
            flight.error = error
            raise
        finally:
            with self._lock:
                del self._flights[key]
            flight.done.set()
        return flight.value

    @staticmethod
    def _follow(flight: _Flight[V], seconds: float) -> V:
        if not flight.done.wait(seconds):
            raise TemporarilyUnavailable("waited too long for another request's work")
        if flight.error is not None:
            raise flight.error
        if flight.value is None:
            raise BrokerFault("the request that did the work failed")
        return flight.value
