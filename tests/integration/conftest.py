"""What the tests over sockets share."""

from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer

from tests.kit.servers import Loop, loop


@pytest.fixture(scope="session")
def running_loop() -> Iterator[Loop]:
    """An event loop in a thread, for all servers of a session."""
    with loop() as running:
        yield running


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
