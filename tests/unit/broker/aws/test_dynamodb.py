"""One table: the requests, the meaning of each answer, and that no write is sent twice."""

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from broker.aws.dynamodb import CALL_SECONDS, NoAnswer, Table
from broker.base.errors import TemporarilyUnavailable
from broker.base.net import OutOfReach
from broker.base.progress import Deadline

from tests.kit.brokers import TABLE_URL, aws_by
from tests.kit.clock import Clock
from tests.kit.web import Reply, Web, reply

FAILED = {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message": "no"}


class Desk:
    def __init__(self, answer: Reply) -> None:
        self.clock = Clock()
        self.web = Web()
        self.web[TABLE_URL] = answer
        self.table = Table(aws_by(self.web, self.clock), "the-table")

    def deadline(self, seconds: float = 15) -> Deadline:
        return Deadline(self.clock, seconds)

    @property
    def sent(self) -> tuple[str, Any]:
        (call,) = self.web.calls
        return call.headers["x-amz-target"], json.loads(call.body)


@pytest.mark.parametrize("consistent", [True, False])
def test_a_row_is_read_by_its_id(consistent: bool) -> None:
    item = {"id": {"S": "a"}, "expires": {"N": "12"}, "at": {"N": "1.5"}, "sealed": {"B": "AAEC"}}
    desk = Desk(reply({"Item": item}))
    row = desk.table.get("a", desk.deadline(), consistent=consistent)
    assert row == {"id": "a", "expires": 12, "at": 1.5, "sealed": b"\0\1\2"}
    request = {"TableName": "the-table", "Key": {"id": {"S": "a"}}, "ConsistentRead": consistent}
    assert desk.sent == ("DynamoDB_20120810.GetItem", request)


def test_a_row_that_is_not_there_is_none() -> None:
    desk = Desk(reply({}))
    assert desk.table.get("a", desk.deadline(), consistent=True) is None


@pytest.mark.parametrize(
    "value",
    [{"N": "1e999"}, {"N": "NaN"}, {"N": "x"}, {"N": "\u00b2"}, {"N": "--1"}, {"N": 5}, {"M": {}}, {"NULL": True}, {}],
    ids=str,
)
def test_an_attribute_of_another_form_is_as_if_absent(value: Any) -> None:
    desk = Desk(reply({"Item": {"id": {"S": "a"}, "odd": value}}))
    assert desk.table.get("a", desk.deadline(), consistent=True) == {"id": "a"}


@pytest.mark.parametrize("value", [{"B": "AAE"}, 5, "text"], ids=str)
def test_an_answer_with_an_attribute_that_dynamodb_never_sends_is_a_failure(value: Any) -> None:
    desk = Desk(reply({"Item": {"id": {"S": "a"}, "odd": value}}))
    with pytest.raises(NoAnswer):
        desk.table.get("a", desk.deadline(), consistent=True)


def test_a_whole_number_stays_one() -> None:
    desk = Desk(reply({"Item": {"a": {"N": "5"}, "b": {"N": "5.0"}, "c": {"N": "-3"}}}))
    row = desk.table.get("a", desk.deadline(), consistent=True)
    assert row is not None
    assert [type(value) for value in row.values()] == [int, float, int]


def test_the_largest_row_that_dynamodb_holds_is_read() -> None:
    """If such a row were a failure, anybody who may write one could put the table out of use for all."""
    junk = b64encode(bytes(400 * 1024)).decode()
    desk = Desk(reply({"Item": {"id": {"S": "a"}, "junk": {"B": junk}}}))
    row = desk.table.get("a", desk.deadline(), consistent=True)
    assert row is not None
    assert row["id"] == "a"


def test_a_row_is_written_whatever_is_there() -> None:
    desk = Desk(reply({}))
    desk.table.put({"id": "a", "expires": 12, "at": 0.25, "sealed": b"\0\1\2"}, desk.deadline())
    item = {"id": {"S": "a"}, "expires": {"N": "12"}, "at": {"N": "0.25"}, "sealed": {"B": "AAEC"}}
    assert desk.sent == ("DynamoDB_20120810.PutItem", {"TableName": "the-table", "Item": item})


def test_a_row_may_be_written_only_where_there_is_none_or_an_expired_one() -> None:
    desk = Desk(reply({}))
    assert desk.table.put_if_free({"id": "a", "expires": 12}, 10.5, desk.deadline())
    operation, request = desk.sent
    assert operation == "DynamoDB_20120810.PutItem"
    assert request["ConditionExpression"] == "attribute_not_exists(id) OR expires <= :now"
    assert request["ExpressionAttributeValues"] == {":now": {"N": "10.5"}}


def test_a_row_that_has_not_expired_is_not_written_over() -> None:
    desk = Desk(reply(FAILED, 400))
    assert not desk.table.put_if_free({"id": "a", "expires": 12}, 10, desk.deadline())


@pytest.mark.parametrize("answer", [reply({}), reply(FAILED, 400)], ids=["deleted", "another's"])
def test_a_row_is_deleted_if_it_is_one_s_own(answer: Reply) -> None:
    desk = Desk(answer)
    desk.table.delete("a", "me", desk.deadline())
    operation, request = desk.sent
    assert operation == "DynamoDB_20120810.DeleteItem"
    assert request["ConditionExpression"] == "holder = :holder"
    assert request["ExpressionAttributeValues"] == {":holder": {"S": "me"}}


CALLS: list[Callable[[Desk], object]] = [
    lambda desk: desk.table.get("a", desk.deadline(), consistent=True),
    lambda desk: desk.table.put({"id": "a"}, desk.deadline()),
    lambda desk: desk.table.put_if_free({"id": "a"}, 10, desk.deadline()),
    lambda desk: desk.table.delete("a", "me", desk.deadline()),
]


def aws_error(kind: str, status: int = 400) -> Any:
    return reply({"__type": f"com.amazonaws.dynamodb.v20120810#{kind}", "message": "quotes"}, status)


@pytest.mark.parametrize(
    ("answer", "told", "reads"),
    [
        (OutOfReach("timeout"), "DynamoDB out of reach: timeout", 2),
        (aws_error("ProvisionedThroughputExceededException"), "DynamoDB: ProvisionedThroughputExceededException", 1),
        (aws_error("AccessDeniedException"), "DynamoDB: AccessDeniedException", 1),
        (aws_error("ResourceNotFoundException"), "DynamoDB: ResourceNotFoundException", 1),
        (aws_error("InternalServerError", 500), "DynamoDB: InternalServerError", 2),
        (reply(b"<html>", 503), "DynamoDB: unknown", 2),
        (reply(b"<html>", 200), "DynamoDB: unknown", 1),
        (reply(b"", 200), "DynamoDB: unknown", 1),
        (reply({}, 302), "DynamoDB: unknown", 1),
    ],
)
def test_any_other_answer_is_a_failure_and_no_write_is_sent_again(answer: Reply, told: str, reads: int) -> None:
    for call, times in zip(CALLS, (reads, 1, 1, 1), strict=True):
        desk = Desk(answer)
        with pytest.raises(NoAnswer) as raised:
            call(desk)
        assert (str(raised.value), len(desk.web.calls)) == (told, times)


def test_a_read_that_failed_once_is_sent_again_within_the_same_time() -> None:
    desk = Desk(reply({"Item": {"id": {"S": "a"}}}))
    desk.web.then(TABLE_URL, aws_error("InternalServerError", 500))
    assert desk.table.get("a", desk.deadline(0.7), consistent=True) == {"id": "a"}
    assert [call.seconds for call in desk.web.calls] == pytest.approx([0.2, 0.2])


@pytest.mark.parametrize("item", [5, [], "text"])
def test_an_answer_whose_item_is_no_item_is_a_failure(item: Any) -> None:
    desk = Desk(reply({"Item": item}))
    with pytest.raises(NoAnswer):
        desk.table.get("a", desk.deadline(), consistent=True)


@pytest.mark.parametrize(("seconds", "allowed"), [(15, CALL_SECONDS), (0.7, 0.2)])
def test_a_call_ends_in_time(seconds: float, allowed: float) -> None:
    desk = Desk(reply({}))
    desk.table.get("a", desk.deadline(seconds), consistent=True)
    assert desk.web.calls[0].seconds == pytest.approx(allowed)


def test_a_call_with_no_time_left_is_not_made() -> None:
    desk = Desk(reply({}))
    with pytest.raises(TemporarilyUnavailable):
        desk.table.get("a", desk.deadline(0.5), consistent=True)
    assert desk.web.calls == []
