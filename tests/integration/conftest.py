"""What the tests over sockets share."""

from collections.abc import Iterator

import pytest

from tests.kit.servers import Loop, loop


@pytest.fixture(scope="session")
def running_loop() -> Iterator[Loop]:
    """An event loop in a thread, for all servers of a session."""
    with loop() as running:
        yield running
