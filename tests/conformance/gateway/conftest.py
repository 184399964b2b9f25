"""A gateway with the usual settings."""

from collections.abc import Iterator

import pytest

from tests.kit.gateways import Gateway, gateway


@pytest.fixture
def plain() -> Iterator[Gateway]:
    with gateway() as running:
        yield running
