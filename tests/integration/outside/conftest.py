"""Each test has a world of its own; the server of moto is shared."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from broker.aws import dynamodb

from infra.sam import ROOT
from local.aws.services import client, create_tables
from local.aws.template import Resources, translated
from local.stack.options import PARAMETERS
from tests.kit.outside import PRINCIPAL, World, world
from tests.kit.servers import Loop


@pytest.fixture(scope="session")
def resources() -> Resources:
    """The template as the stack on one machine deploys it."""
    return translated(ROOT / "template.yaml", PARAMETERS, ROOT / ".local")


@pytest.fixture
def outside(running_loop: Loop, moto: str, tmp_path: Path) -> Iterator[World]:
    with world(running_loop, moto, tmp_path) as made:
        yield made


@pytest.fixture
def sharing(outside: World, moto: str, resources: Resources, tmp_path: Path) -> World:
    """The same with a shared table of its own."""
    (table,) = create_tables(resources, client("dynamodb", moto, PRINCIPAL), f"{tmp_path.name}-")
    outside.share(table)
    return outside


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that are not about the half second of a call to the table, on a machine that is slow for a moment."""
    be_patient(monkeypatch)


def be_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb, "CALL_SECONDS", 5)
