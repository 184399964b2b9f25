"""A DynamoDB table in memory, behind the wire format: the three calls and the two conditions that the broker knows."""

import base64
import json
import threading
from collections import Counter
from typing import Any

from broker.base.net import Answer, Call, OutOfReach

from tests.kit.web import reply

Item = dict[str, dict[str, str]]
FREE = "attribute_not_exists(id) OR expires <= :now"
IF_HOLDER = "holder = :holder"


class Rows:
    """`items` by their id, as they are on the wire; `calls` counts operations; `fault` is answered in place of all."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.calls: Counter[str] = Counter()
        self.fault: Answer | OutOfReach | None = None
        self._lock = threading.Lock()

    def of(self, kind: str) -> list[Item]:
        """The rows of a kind: token, lease, refused or once."""
        return [item for name, item in self.items.items() if name.startswith(f"{kind}/")]

    def everything(self) -> bytes:
        """All that a reader of the table sees, binary attributes decoded."""
        values = [value["B"] for item in self.items.values() for value in item.values() if "B" in value]
        return b"\n".join([json.dumps(self.items).encode(), *map(base64.b64decode, values)])

    def answer(self, call: Call) -> Answer:
        operation = call.headers["x-amz-target"].removeprefix("DynamoDB_20120810.")
        self.calls[operation] += 1
        if isinstance(self.fault, OutOfReach):
            raise self.fault
        if self.fault is not None:
            return self.fault
        with self._lock:
            return self._done(operation, json.loads(call.body))

    def _done(self, operation: str, request: dict[str, Any]) -> Answer:
        row_id = (request.get("Key") or request["Item"])["id"]["S"]
        old = self.items.get(row_id)
        if operation == "GetItem":
            return reply({} if old is None else {"Item": old})
        if not self._may(request, old):
            kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
            return reply({"__type": kind, "message": "The conditional request failed"}, 400)
        if operation == "PutItem":
            self.items[row_id] = request["Item"]
        else:
            assert operation == "DeleteItem"
            self.items.pop(row_id, None)
        return reply({})

    @staticmethod
    def _may(request: dict[str, Any], old: Item | None) -> bool:
        condition, values = request.get("ConditionExpression"), request.get("ExpressionAttributeValues", {})
        if condition == FREE:
            # A comparison with a value of another type is false.
            return old is None or float(old["expires"].get("N", "inf")) <= float(values[":now"]["N"])
        if condition == IF_HOLDER:
            return old is not None and old["holder"] == values[":holder"]
        assert condition is None
        return True
