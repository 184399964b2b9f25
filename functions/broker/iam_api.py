"""The entry point for IAM principals: a function of its own, behind API Gateway's IAM authorizer and nothing else.

Whoever may invoke it directly can claim to be any principal; `docs/security.md` says who must not hold that right.
"""

import os
import time
from typing import Any

from broker.cloudwatch import CloudWatch
from broker.deadline import Context, Deadline
from broker.errors import BrokerFault
from broker.event import read_event
from broker.request import read_iam_request
from broker.response import Response, respond
from broker.wiring import build, by_iam

_sink = CloudWatch(os.environ["SERVICE_NAME"], time.time)
_broker = build(os.environ, _sink, by_iam)
_broker.prepare()


def handler(event: Any, context: Context) -> Response:
    """Answers `ANY /iam/token`. Raises BrokerFault for events of any other route."""
    http = read_event(event, None)
    if http.method == "OPTIONS":
        return {"statusCode": 204}
    if http.route != "ANY /iam/token":
        raise BrokerFault("no such route")
    deadline = Deadline.of(context, time.time)
    return respond(
        _broker.exchange(http.request_id, lambda: read_iam_request(http, event), deadline), http, time.time()
    )
