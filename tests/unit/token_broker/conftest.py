"""A broker's place on loopback, and an environment that names neither a broker nor an identity."""

import os
from collections.abc import Iterator

import pytest

from tests.kit.token_server import TokenServer, token_server


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment, to be added to."""
    for name in [name for name in os.environ if name.startswith(("TRANSLOADIT_", "ACTIONS_ID_TOKEN"))]:
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.fixture
def broker(environ: pytest.MonkeyPatch) -> Iterator[TokenServer]:
    """The broker of the environment, with the JWT `a.b.c` as the caller's."""
    with token_server() as serving:
        environ.setenv("TRANSLOADIT_BROKER_URL", serving.origin)
        environ.setenv("TRANSLOADIT_IDENTITY_TOKEN", "a.b.c")
        yield serving
