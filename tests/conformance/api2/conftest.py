"""A sandbox for each test, and Transloadit's own Node client pointed at it."""

from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from local.sandbox.app import create_app
from local.sandbox.model import AuthKey, Settings
from tests.kit.node import Node, Script, node_for
from tests.kit.official import FOLDER, PACKAGES, Official, running_client
from tests.kit.servers import serving

ALL = AuthKey("the-key-of-all", "the-secret-of-all")
READER = AuthKey("the-key-of-a-reader", "the-secret-of-a-reader", ("assemblies:read", "templates:read"))
PINNED = AuthKey("the-key-of-sha256", "the-secret-of-sha256", signature_algo="sha256")


class Sandbox:
    """The sandbox at `origin`, as its operator sees it."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self._web = urllib3.PoolManager(retries=False, timeout=10)

    def steer(self, what: str, **body: Any) -> None:
        """`POST /_sandbox/<what>`."""
        answer = self._web.request("POST", f"{self.origin}/_sandbox/{what}", json=body)
        assert answer.status == 200, answer.data

    def told(self, what: str) -> Any:
        """`GET /_sandbox/<what>`."""
        return self._web.request("GET", f"{self.origin}/_sandbox/{what}").json()


@pytest.fixture
def seconds() -> float:
    """How long an Assembly executes."""
    return 0


@pytest.fixture
def sandbox(seconds: float) -> Iterator[Sandbox]:
    settings = Settings(execution_seconds=seconds)
    with serving(lambda: create_app([ALL, READER, PINNED], settings=settings)) as origin:
        yield Sandbox(origin)


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
def official(script: Script, sandbox: Sandbox) -> Official:
    """The client without credentials."""
    return Official(script, {"endpoint": sandbox.origin})


@pytest.fixture(params=["bearer", "signature"])
def client(official: Official, request: pytest.FixtureRequest) -> Official:
    """The client with a bearer token alone, and with the Auth Secret; it may do everything."""
    return official.with_token_of(ALL) if request.param == "bearer" else official.with_secret_of(ALL)
