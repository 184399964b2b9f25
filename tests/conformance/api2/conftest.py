"""A sandbox for each test, and Transloadit's own Node client pointed at it."""

from collections.abc import Iterator

import pytest

from local.sandbox.app import create_app
from local.sandbox.model import Settings
from tests.kit.api2 import KEY, NARROW, PINNED, READER, UPLOADS, Api2
from tests.kit.node import Node, Script, node_for
from tests.kit.official import FOLDER, PACKAGES, Official, running_client
from tests.kit.servers import Loop, loop, serving


@pytest.fixture(scope="session")
def running_loop() -> Iterator[Loop]:
    with loop() as running:
        yield running


@pytest.fixture
def seconds() -> float:
    """How long an Assembly executes."""
    return 0


@pytest.fixture
def api2(running_loop: Loop, seconds: float) -> Iterator[Api2]:
    """The sandbox, on the clock by which the clients sign."""
    keys, settings = [KEY, NARROW, READER, PINNED, UPLOADS], Settings(execution_seconds=seconds)
    with serving(lambda: create_app(keys, settings=settings), on=running_loop) as origin:
        yield Api2(origin)


@pytest.fixture(scope="session")
def node() -> Node:
    return node_for(FOLDER)


@pytest.fixture(scope="session", params=PACKAGES)
def package(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def script(node: Node, package: str) -> Iterator[Script]:
    with running_client(package, node) as running:
        yield running


@pytest.fixture
def official(script: Script, api2: Api2) -> Official:
    """The client without credentials."""
    return Official(script, {"endpoint": api2.origin})


@pytest.fixture(params=["bearer", "signature"])
def client(official: Official, request: pytest.FixtureRequest) -> Official:
    """The client with a bearer token alone, and with the Auth Secret; it may do everything."""
    return official.with_token_of(KEY) if request.param == "bearer" else official.with_secret_of(KEY)
