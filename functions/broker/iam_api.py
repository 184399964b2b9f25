"""The entry point for IAM principals: a function of its own, behind API Gateway's IAM authorizer and nothing else.

Whoever may invoke it directly can claim to be any principal; `docs/security.md` says who must not hold that right.
"""

import gc
import os
import time
from functools import partial
from typing import Any

# The collector finds no garbage in what a start makes, and looking for some takes 14 of its 236 ms. So it is off before
# the imports, which make the most; `start` turns it on again.
gc.disable()

from aws_lambda_powertools.utilities.typing import LambdaContext

from broker.base.errors import BrokerFault
from broker.base.invocation import Invocations
from broker.base.progress import Deadline
from broker.caller.iam import read_iam_request
from broker.request.http import read_event
from broker.response import Response, preflight, respond
from broker.wiring import by_iam, start

_invocations = Invocations(os.environ)
_broker = start(os.environ, by_iam)


def handler(event: Any, context: LambdaContext) -> Response:
    """Answers `ANY /iam/token`. Raises BrokerFault for events of any other route."""
    invocation = _invocations.begin(context)
    http = read_event(event, None)
    if http.route != "ANY /iam/token":
        raise BrokerFault("no such route")
    if http.method == "OPTIONS":
        return preflight()
    deadline = Deadline(time.time, context.get_remaining_time_in_millis() / 1000)
    outcome = _broker.exchange(http.request_id, partial(read_iam_request, http, event), invocation, deadline)
    return respond(outcome, http, time.time())
