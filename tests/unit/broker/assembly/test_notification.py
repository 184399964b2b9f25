"""A notification: its event, its two fields, and the text that was signed. Bodies in disguise are in tests/attacks."""

from typing import Any

import pytest
from broker.assembly.notification import (
    Notification,
    make_notification_request,
    read_notification,
    says_ended,
)
from broker.base.errors import BrokerFault, InvalidRequest
from broker.request.http import read_event

from tests.kit.handlers import event
from tests.kit.notifications import ASSEMBLY_ID


def request(**changes: Any) -> Any:
    sent = event("notification", **changes)
    return make_notification_request(read_event(sent, None), sent)


def test_the_request_is_the_path_s_id_and_the_query_s_callback() -> None:
    made = request()
    assert (made.assembly_id, made.proof.text) == (ASSEMBLY_ID, "c2VhbGVk")
    assert read_notification(made.http) == Notification("{}", "x")


@pytest.mark.parametrize("query", [None, {}, {"C": "x"}, {"c": ""}])
def test_a_request_without_a_callback_has_an_empty_one(query: Any) -> None:
    assert request(queryStringParameters=query).proof.text == ""


@pytest.mark.parametrize("path", [None, {}, [], {"name": "x"}])
def test_a_route_without_an_id_is_a_fault_of_the_deployment(path: Any) -> None:
    with pytest.raises(BrokerFault, match="no id in the route"):
        request(pathParameters=path)


def test_no_representation_shows_the_callback_or_the_id() -> None:
    made = request()
    assert "c2VhbGVk" not in repr(made)
    assert ASSEMBLY_ID not in repr(made)


@pytest.mark.parametrize(
    ("members", "ended"),
    [
        ('"ok": "ASSEMBLY_COMPLETED"', True),
        ('"ok": "ASSEMBLY_CANCELED"', True),
        ('"ok": "REQUEST_ABORTED"', True),
        ('"error": "INVALID_FILE_META_DATA"', True),
        ('"error": null, "ok": "ASSEMBLY_EXECUTING"', False),
        ('"ok": "ASSEMBLY_REPLAYING"', False),
        ('"ok": "ASSEMBLY_NEW_STATE"', False),
        ('"ok": ["ASSEMBLY_COMPLETED"]', False),
        ('"other": 1', False),
    ],
)
def test_a_notification_says_whether_its_assembly_has_ended(members: str, ended: bool) -> None:
    assert says_ended(f'{{"assembly_id": "{ASSEMBLY_ID}", {members}}}', ASSEMBLY_ID) is ended


def test_a_notification_of_another_assembly_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        says_ended('{"assembly_id": "x"}', ASSEMBLY_ID)
