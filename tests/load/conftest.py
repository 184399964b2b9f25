"""The stack under load."""

import sys
from collections.abc import Callable, Iterator

import pytest

from infra.sam import ROOT
from tests.kit.stacks import Client, running_stack


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """As `make up` starts it, new for each test, since each is killed and searched whole."""
    with running_stack(tmp_path_factory.mktemp("stack"), ROOT / "local/policy.yaml", workers=1) as running:
        yield running


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Shows figures to whoever runs the load."""

    def write(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{text}\n")

    return write
