"""The family of errors is closed, and documented."""

from pathlib import Path

import pytest
from broker.base import errors

from tests.unit.broker.test_response import family

# Stable names: pipelines match them with Retry and Catch.
STABLE = {"InvalidRequest", "AccessDenied", "TemporarilyUnavailable", "UpstreamRefused", "BrokerFault"}


def test_the_five_stable_names_stand_right_below_the_base() -> None:
    assert {kind.__name__ for kind in errors.BrokerError.__subclasses__()} == STABLE


@pytest.mark.parametrize("kind", family()[1:])
def test_every_error_is_in_the_tree_of_the_module_and_in_the_page_for_callers(kind: type[errors.BrokerError]) -> None:
    assert errors.__doc__ is not None
    assert kind.__name__ in errors.__doc__
    page = Path("docs/http.md").read_text()
    assert f"| {kind.status} | `{kind.code}` |" in page


def test_the_description_of_one_error_alone_varies_by_cause() -> None:
    assert errors.InvalidRequest("reason", "Told.").description == "Told."
    assert errors.InvalidRequest("reason").description == "The request is malformed."
