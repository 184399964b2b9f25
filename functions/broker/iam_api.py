"""The entry point for IAM principals: a function of its own, behind API Gateway's IAM authorizer and nothing else.

Whoever may invoke it directly can claim to be any principal; `docs/security.md` says who must not hold that right.
"""

import gc
import os
import time
from functools import partial
from typing import Any

# A start makes no garbage, and the collector's search for some takes 14 of its 236 ms. `start` turns it on again.
gc.disable()

from broker.early import begin_start

_early = begin_start()  # before the other imports, which take longest

from aws_lambda_powertools.utilities.typing import LambdaContext

from broker.base.errors import BrokerFault
from broker.base.invocation import Invocations
from broker.caller.iam import read_iam_request
from broker.request.http import read_event
from broker.response import Response, answer_preflight, respond
from broker.wiring import by_iam, start

_invocations = Invocations(os.environ, time.time)
_broker = start(os.environ, by_iam, _early)


def handler(event: Any, context: LambdaContext) -> Response:
    """Answers `ANY /iam/token`. Raises BrokerFault for events of any other route."""
    invocation, deadline = _invocations.begin(context)
    http = read_event(event, None)
    if http.route != "ANY /iam/token":
        raise BrokerFault("no such route")
    if http.method == "OPTIONS":
        return answer_preflight()
    outcome = _broker.exchange.give_token(http.request_id, partial(read_iam_request, http, event), invocation, deadline)
    return respond(outcome, http, time.time())
