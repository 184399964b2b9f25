"""The entry point for IAM principals: a function of its own, behind API Gateway's IAM authorizer and nothing else.

Whoever may invoke it directly can claim to be any principal; `docs/security.md` says who must not hold that right.
"""

import gc
import os
import time
from functools import partial
from typing import Any

# What a start makes is no garbage, and to look for some takes 14 of its 236 ms. Above the imports, which make the most.
gc.disable()

from broker.cloudwatch import CloudWatch
from broker.deadline import Context, Deadline
from broker.errors import BrokerFault
from broker.event import read_event
from broker.iam import read_iam_request
from broker.invocation import Invocations
from broker.response import Response, preflight, respond
from broker.wiring import build, by_iam

_invocations = Invocations(os.environ)
_sink = CloudWatch(os.environ["SERVICE_NAME"], time.time)
_broker = build(os.environ, _sink, by_iam)
_broker.prepare()
gc.freeze()
gc.enable()


def handler(event: Any, context: Context) -> Response:
    """Answers `ANY /iam/token`. Raises BrokerFault for events of any other route."""
    invocation = _invocations.begin(context)
    http = read_event(event, None)
    if http.route != "ANY /iam/token":
        raise BrokerFault("no such route")
    if http.method == "OPTIONS":
        return preflight()
    deadline = Deadline.of(context, time.time)
    outcome = _broker.exchange(http.request_id, partial(read_iam_request, http, event), invocation, deadline)
    return respond(outcome, http, time.time())
