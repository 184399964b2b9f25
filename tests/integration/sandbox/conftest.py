"""A sandbox for each test, on one event loop; its clock stands still until it is moved."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from local.sandbox.app import create_app
from local.sandbox.clock import Clock
from local.sandbox.model import Settings
from tests.kit.api2 import KEY, NARROW, NOW, OTHERS, PINNED, READER, UPLOADS, Api2
from tests.kit.receivers import Receiver
from tests.kit.servers import Loop, serving

Start = Callable[[Settings], Api2]


@pytest.fixture
def start(running_loop: Loop) -> Iterator[Start]:
    """Starts a sandbox with these settings."""
    with ExitStack() as running:

        def started(settings: Settings) -> Api2:
            keys = [KEY, NARROW, READER, PINNED, OTHERS, UPLOADS]
            make = serving(lambda: create_app(keys, Clock(lambda: NOW), settings), on=running_loop)
            return Api2(running.enter_context(make))

        yield started


@pytest.fixture
def api2(start: Start) -> Api2:
    return start(Settings(execution_seconds=10))


@pytest.fixture
def receiver(running_loop: Loop) -> Iterator[Receiver]:
    made = Receiver()
    with serving(made.app, on=running_loop) as origin:
        made.url = f"{origin}/hook"
        yield made
