"""A world for each test; moto's server is shared."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from tests.kit.outside import World, world
from tests.kit.servers import Loop


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def outside(running_loop: Loop, moto: str, tmp_path: Path) -> Iterator[World]:
    with world(running_loop, moto, tmp_path) as made:
        yield made
