"""The entry point for notifications, as Lambda loads it."""

from collections.abc import Iterator
from typing import Any

import pytest
from broker.base.errors import BrokerFault

from tests.kit.handlers import Function, event, loaded
from tests.kit.jwts import Signer


@pytest.fixture(scope="module")
def function(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Function]:
    with loaded("notification_api", tmp_path_factory.mktemp("function"), Signer()) as made:
        yield made


def test_a_notification_is_answered_and_leaves_one_record_also_while_aws_is_out_of_reach(function: Function) -> None:
    function.forget()
    answer = function(event("notification"))
    assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "1")
    (record,) = function.records()
    assert (record["status"], record["assembly_source"]) == (503, "notification")


@pytest.mark.parametrize("route", ["ANY /token", "POST /notifications", "ANY /notifications/{id}", "$default"])
def test_an_event_of_another_route_is_a_fault(function: Function, route: str) -> None:
    with pytest.raises(BrokerFault, match="no such route"):
        function(event("notification", routeKey=route))


@pytest.mark.parametrize("other", [{}, {"Records": []}, None])
def test_an_event_of_another_source_is_a_fault(function: Function, other: Any) -> None:
    with pytest.raises(BrokerFault):
        function(other)
