"""Rows of one DynamoDB table. No write is repeated: the second could meet what the first one wrote."""

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from broker.base.net import OutOfReach
from broker.base.progress import Deadline
from broker.base.values import Value

if TYPE_CHECKING:
    from broker.aws.client import Aws, Reply

CALL_SECONDS = 0.5
MAX_BYTES = 600 * 1024  # an item has at most 400 KB, a third more in base64
MAX_DIGITS = 19  # of a number that is read as a whole one

# Every row has `id`, its key, and `expires`, whole seconds since the epoch. DynamoDB's TTL uses `expires` too, but
# deletes up to days late, so it is compared where a row is read.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
Row = Mapping[str, str | float | bytes]


class NoAnswer(Exception):
    """The call gave no usable answer: out of reach, too slow, throttled, denied, nonsense.

    The message holds no data, only fixed words and AWS's name of the error.
    """


class Table(Value, frozen=True):
    """Each call takes CALL_SECONDS at most. Raises NoAnswer, and TemporarilyUnavailable once the deadline has passed.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB.html
    """

    aws: "Callable[[], Aws]"  # makes it when it is first needed
    name: str

    def find_origin(self) -> str:
        """Where the calls go. Raises OutOfReach."""
        return self.aws().find_origin("dynamodb")

    def get(self, row_id: str, deadline: Deadline, *, consistent: bool) -> Row | None:
        """The row, if there is one. `consistent`: also one written just before, at twice the price."""
        request = {"Key": {"id": {"S": row_id}}, "ConsistentRead": consistent}
        item = self._call("get_item", request, deadline, tries=2).members.get("Item")
        if item is None:
            return None
        # Attributes of the types that we write. Others are ignored, whoever wrote them.
        values = {name: _read(value) for name, value in item.items()}
        return {name: value for name, value in values.items() if value is not None}

    def put(self, row: Row, deadline: Deadline) -> None:
        """Write the row in place of any other."""
        self._call("put_item", {"Item": _write(row)}, deadline)

    def put_if_free(self, row: Row, now: float, deadline: Deadline) -> bool:
        """Write the row unless one of its id is there that expires after `now`. Whether it was written.

        NoAnswer leaves open whether it was written.
        """
        # Two environments could both read that there is no row, and both write one. DynamoDB checks the condition and
        # writes in one step.
        condition = {
            "ConditionExpression": "attribute_not_exists(id) OR expires <= :now",
            "ExpressionAttributeValues": {":now": {"N": repr(now)}},
        }
        return self._call("put_item", {"Item": _write(row), **condition}, deadline).error is None

    def delete(self, row_id: str, holder: str, deadline: Deadline) -> None:
        """Delete the row if `holder` is its own. A row that another has taken over meanwhile stays."""
        condition = {"ConditionExpression": "holder = :holder", "ExpressionAttributeValues": {":holder": {"S": holder}}}
        self._call("delete_item", {"Key": {"id": {"S": row_id}}, **condition}, deadline)

    def _call(self, method: str, request: Mapping[str, Any], deadline: Deadline, tries: int = 1) -> "Reply":
        """The answer where the call was done, or its condition failed."""
        operation, named = f"dynamodb.{method}", {"TableName": self.name, **request}
        try:
            reply = self.aws().call(operation, named, deadline, seconds=CALL_SECONDS, limit=MAX_BYTES, tries=tries)
        except OutOfReach as error:
            raise NoAnswer(f"DynamoDB out of reach: {error}") from error
        if reply.error not in (None, "ConditionalCheckFailedException"):
            raise NoAnswer(f"DynamoDB: {reply.error}")
        return reply


def _write(row: Row) -> dict[str, dict[str, str | bytes]]:
    """The row as an item. Not by boto3's TypeSerializer, which takes no float."""
    kinds = {str: "S", bytes: "B"}
    return {
        name: {kinds[type(value)]: value} if isinstance(value, (str, bytes)) else {"N": repr(value)}
        for name, value in row.items()
    }


def _read(value: Mapping[str, Any]) -> str | float | bytes | None:
    match value:
        case {"S": str(content)} | {"B": bytes(content)}:
            return content
        case {"N": str(text)}:
            # Integers stay `int`: `expires` is part of what a seal authenticates, and `5.0` would not match `5`.
            read = int if text.lstrip("-").isdigit() and len(text) <= MAX_DIGITS else float
            with suppress(ValueError):
                return number if math.isfinite(number := read(text)) else None
    return None
