"""Waiting for a condition, never for a time."""

import sys
import threading
import time
from collections.abc import Callable


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for a condition. Raises TimeoutError.

    `seconds` is far more than anything takes, since the machine may have other work.
    """
    ends_at = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends_at:
            raise TimeoutError
        time.sleep(0.02)


def is_waiting(thread: threading.Thread) -> bool:
    """Whether the thread waits for another one to go on: for an event, or the outcome of a future."""
    frame = sys._current_frames().get(thread.ident or 0)
    return frame is not None and frame.f_code.co_qualname == "Condition.wait"
