"""A DynamoDB table in memory for Powertools' idempotency. moto's server would take ten times as long for each call.

It knows the three calls that Powertools makes, and one condition: that an id is new.
"""

import json
from typing import Any

from aiohttp import web


def create_app() -> web.Application:
    """The table, by DynamoDB's wire format, whatever its name."""
    items: dict[str, dict[str, Any]] = {}

    async def answer(request: web.Request) -> web.Response:
        operation = request.headers["x-amz-target"].removeprefix("DynamoDB_20120810.")
        asked = json.loads(await request.read())
        id_ = (asked.get("Key") or asked["Item"])["id"]["S"]
        if operation == "PutItem":
            if id_ in items:
                kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
                refusal = {"__type": kind, "message": "The conditional request failed", "Item": items[id_]}
                return web.json_response(refusal, status=400)
            items[id_] = asked["Item"]
        elif operation == "UpdateItem":
            values = asked["ExpressionAttributeValues"]
            items[id_] |= {
                "data": values[":response_data"],
                "status": values[":status"],
                "expiration": values[":expiry"],
            }
        else:
            assert operation == "DeleteItem"
            items.pop(id_, None)
        return web.json_response({})

    app = web.Application()
    app.router.add_post("/", answer)
    return app
