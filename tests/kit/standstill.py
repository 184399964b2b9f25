"""How long this machine stood still: so that a limit of time is about the product, on a busy machine too."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_TICK = 0.01  # seconds


@dataclass
class Standstill:
    seconds: float = 0.0


@contextmanager
def standstill() -> Iterator[Standstill]:
    """The time within the context for which threads of this process were kept from running; whole once it has ended."""
    found, ended = Standstill(), threading.Event()

    def watch() -> None:
        while not ended.is_set():
            began = time.monotonic()
            time.sleep(_TICK)
            found.seconds += time.monotonic() - began - _TICK

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield found
    finally:
        ended.set()
        watching.join()
