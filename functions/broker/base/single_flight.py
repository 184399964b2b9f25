"""Single flight: concurrent calls with the same key share one execution of the work, and its outcome."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future

from broker.base.errors import BrokerError, BrokerFault, TemporarilyUnavailable


class SingleFlight[V]:
    """At most one `work` at a time for a key. Calls that come meanwhile get its value, or its error."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[Hashable, Future[V]] = {}

    def run(self, key: Hashable, work: Callable[[], V], seconds: float) -> V:
        """The value of `work`. A call that joins another waits at most `seconds`, then raises TemporarilyUnavailable.

        Raises the BrokerError of the work, and what else it raises in the call that did it.
        """
        new = Future[V]()
        with self._lock:
            flight = self._flights.setdefault(key, new)
        if flight is new:
            return self._lead(key, flight, work)
        try:
            return flight.result(seconds)
        except TimeoutError:
            raise TemporarilyUnavailable("waited too long for another request's work") from None

    def is_running(self, key: Hashable) -> bool:
        return key in self._flights

    def _lead(self, key: Hashable, flight: Future[V], work: Callable[[], V]) -> V:
        try:
            value = work()
            flight.set_result(value)
            return value
        except BrokerError as error:
            flight.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._flights[key]
            # After a defect the others must not wait for ever, and must not get words that could quote a secret.
            if not flight.done():
                flight.set_exception(BrokerFault("the request that did the work failed"))
