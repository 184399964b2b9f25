"""Rows of one DynamoDB table. No write is repeated: the second could meet what the first one wrote."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from broker.base.net import OutOfReach
from broker.base.progress import Deadline

if TYPE_CHECKING:
    from broker.aws.client import Aws, Reply

CALL_SECONDS = 0.5
MAX_BYTES = 600 * 1024  # an item has at most 400 KB, a third more in base64

# Every row has `id`, its key, and `expires`, whole seconds since the epoch: also what DynamoDB's TTL deletes by, late.
Row = Mapping[str, str | float | bytes]


class NoAnswer(Exception):
    """None that can be used: out of reach, too slow, throttled, denied, nonsense. Fixed words and AWS's name for it."""


class Table:
    """Each call takes CALL_SECONDS at most. Raises NoAnswer, and TemporarilyUnavailable once the deadline has passed.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB.html
    """

    def __init__(self, aws: "Callable[[], Aws]", name: str) -> None:
        """`aws`: makes it when it is first needed."""
        self._aws = aws
        self._name = name

    def origin(self) -> str:
        """Where the calls go. Raises OutOfReach."""
        return self._aws().origin("dynamodb")

    def get(self, row_id: str, deadline: Deadline, *, consistent: bool) -> Row | None:
        """The row, if there is one. `consistent`: also one written just before, at twice the price."""
        request = {"Key": {"id": {"S": row_id}}, "ConsistentRead": consistent}
        item = self._call("get_item", request, deadline, tries=2).members.get("Item")
        return None if item is None else _row(item)

    def put(self, row: Row, deadline: Deadline) -> None:
        """Write the row, whatever is there."""
        self._call("put_item", {"Item": _item(row)}, deadline)

    def put_if_free(self, row: Row, now: float, deadline: Deadline) -> bool:
        """Write the row unless one of its id is there that expires after `now`. Whether it was written.

        NoAnswer leaves open whether it was written.
        """
        condition = {
            "ConditionExpression": "attribute_not_exists(id) OR expires <= :now",
            "ExpressionAttributeValues": {":now": _value(now)},
        }
        return self._call("put_item", {"Item": _item(row), **condition}, deadline).error is None

    def delete(self, row_id: str, holder: str, deadline: Deadline) -> None:
        """Delete the row if `holder` is its own."""
        condition = {"ConditionExpression": "holder = :mine", "ExpressionAttributeValues": {":mine": {"S": holder}}}
        self._call("delete_item", {"Key": {"id": {"S": row_id}}, **condition}, deadline)

    def _call(self, method: str, request: Mapping[str, Any], deadline: Deadline, tries: int = 1) -> "Reply":
        """The answer where the call was done, or its condition failed."""
        operation, named = f"dynamodb.{method}", {"TableName": self._name, **request}
        try:
            reply = self._aws().call(operation, named, deadline, seconds=CALL_SECONDS, limit=MAX_BYTES, tries=tries)
        except OutOfReach as error:
            raise NoAnswer(f"DynamoDB out of reach: {error}") from error
        if reply.error not in (None, "ConditionalCheckFailedException"):
            raise NoAnswer(f"DynamoDB: {reply.error}")
        return reply


def _item(row: Row) -> dict[str, dict[str, str | bytes]]:
    return {name: _value(value) for name, value in row.items()}


def _value(value: str | float | bytes) -> dict[str, str | bytes]:
    """Not by boto3's TypeSerializer, which takes no float."""
    if isinstance(value, bytes):
        return {"B": value}
    return {"S": value} if isinstance(value, str) else {"N": repr(value)}


def _row(item: Mapping[str, Mapping[str, Any]]) -> Row:
    """What is there in the forms that we write; the rest, whoever wrote it, is left out."""
    values = {name: _read(value) for name, value in item.items()}
    return {name: value for name, value in values.items() if value is not None}


def _read(value: Mapping[str, Any]) -> str | float | bytes | None:
    match value:
        case {"S": str(text)}:
            return text
        case {"B": bytes(data)}:
            return data
        case {"N": str(text)}:
            return _number(text)
    return None


def _number(text: str) -> float | None:
    """A whole number as one, so that it is the same bytes when it is sealed again."""
    try:
        number = int(text) if text.lstrip("-").isdigit() and len(text) < 20 else float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
