"""Rows of one DynamoDB table. No call is repeated: the second could meet what the first one wrote."""

import base64
import math
from collections.abc import Mapping
from typing import Any

from broker.aws import Aws, Reply, Service
from broker.deadline import Clock, Deadline
from broker.net import Http, OutOfReach
from broker.settings import AwsAccess

CALL_SECONDS = 0.5
MAX_BYTES = 600 * 1024  # an item has at most 400 KB, a third more in base64
SERVICE = Service("dynamodb", "DynamoDB_20120810", "1.0")

# Every row has `id`, its key, and `expires`, whole seconds since the epoch: also what DynamoDB's TTL deletes by, late.
Row = Mapping[str, str | float | bytes]


class NoAnswer(Exception):
    """None that can be used: out of reach, too slow, throttled, denied, nonsense. Fixed words and AWS's name for it."""


class Table:
    """Each call takes CALL_SECONDS at most. Raises NoAnswer, and TemporarilyUnavailable once the deadline has passed.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB.html
    """

    def __init__(self, http: Http, clock: Clock, access: AwsAccess, name: str, endpoint: str | None = None) -> None:
        """`endpoint`: of the local stack; None means the Region's own."""
        self._aws = Aws(http, clock, access, SERVICE, endpoint)
        self._name = name
        self.origin = self._aws.origin

    def get(self, row_id: str, deadline: Deadline, *, consistent: bool) -> Row | None:
        """The row, if there is one. `consistent`: also one written just before, at twice the price."""
        request = {"Key": {"id": {"S": row_id}}, "ConsistentRead": consistent}
        item = self._call("GetItem", request, deadline).get("Item")
        return None if item is None else _row(item)

    def put(self, row: Row, deadline: Deadline) -> None:
        """Write the row, whatever is there."""
        self._call("PutItem", {"Item": _item(row)}, deadline)

    def put_if_free(self, row: Row, now: float, deadline: Deadline) -> bool:
        """Write the row unless one of its id is there that expires after `now`. Whether it was written.

        NoAnswer leaves open whether it was written.
        """
        condition = {
            "ConditionExpression": "attribute_not_exists(id) OR expires <= :now",
            "ExpressionAttributeValues": {":now": _value(now)},
        }
        return self._call("PutItem", {"Item": _item(row), **condition}, deadline).status == 200

    def delete(self, row_id: str, holder: str, deadline: Deadline) -> None:
        """Delete the row if `holder` is its own."""
        condition = {"ConditionExpression": "holder = :mine", "ExpressionAttributeValues": {":mine": {"S": holder}}}
        self._call("DeleteItem", {"Key": {"id": {"S": row_id}}, **condition}, deadline)

    def _call(self, operation: str, request: Mapping[str, Any], deadline: Deadline) -> Reply:
        """The answer where the call was done, or its condition failed."""
        seconds = deadline.left(CALL_SECONDS)
        try:
            reply = self._aws.call(operation, {"TableName": self._name, **request}, seconds, MAX_BYTES)
        except OutOfReach as error:
            raise NoAnswer(f"DynamoDB out of reach: {error}") from error
        is_done = reply.status == 200 and reply.document is not None
        if not is_done and reply.error != "ConditionalCheckFailedException":
            raise NoAnswer(f"DynamoDB: {reply.error}")
        return reply


def _item(row: Row) -> dict[str, dict[str, str]]:
    return {name: _value(value) for name, value in row.items()}


def _value(value: str | float | bytes) -> dict[str, str]:
    if isinstance(value, bytes):
        return {"B": base64.b64encode(value).decode()}
    return {"S": value} if isinstance(value, str) else {"N": repr(value)}


def _row(item: Any) -> Row:
    """What is there in the forms that we write; the rest, whoever wrote it, is left out."""
    if not isinstance(item, dict):
        raise NoAnswer("DynamoDB: no item")
    values = {name: _read(value) for name, value in item.items()}
    return {name: value for name, value in values.items() if value is not None}


def _read(value: Any) -> str | float | bytes | None:
    if not isinstance(value, dict) or len(value) != 1:
        return None
    ((kind, text),) = value.items()
    if not isinstance(text, str) or kind not in ("S", "N", "B"):
        return None
    try:
        return text if kind == "S" else _number(text) if kind == "N" else base64.b64decode(text, validate=True)
    except ValueError:
        return None


def _number(text: str) -> float | None:
    """A whole number as one, so that it is the same bytes when it is sealed again."""
    if text.lstrip("-").isdigit() and len(text) < 20:
        return int(text)
    number = float(text)
    return number if math.isfinite(number) else None
