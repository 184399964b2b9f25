"""A broker's place on loopback, a clock, and an environment without brokers and identities."""

from collections.abc import Iterator

import pytest

from tests.kit.clock import Clock
from tests.kit.token_server import TokenServer, token_server

OURS = ("TRANSLOADIT_", "ACTIONS_ID_TOKEN", "GITHUB_ACTIONS", "AWS_")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith(OURS)]:
        monkeypatch.delenv(name)


@pytest.fixture
def broker() -> Iterator[TokenServer]:
    with token_server() as serving:
        yield serving


@pytest.fixture
def clock() -> Clock:
    return Clock()
