"""The entry point for API Gateway's HTTP API events: callers with a JWT."""

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
from broker.base.settings import public_url
from broker.policy.jwk import ALGORITHMS
from broker.request.http import read_event
from broker.request.request import read_token_request
from broker.response import Response, healthy, metadata, preflight, respond, without_body
from broker.wiring import by_jwt, start

_public_url = public_url(os.environ)
_invocations = Invocations(os.environ)
_broker = start(os.environ, by_jwt)


def handler(event: Any, context: LambdaContext) -> Response:
    """Answers `ANY /token`, the metadata, `GET` and `HEAD /health`. Raises BrokerFault for all other events."""
    invocation = _invocations.begin(context)
    http = read_event(event, _public_url)
    if http.route == "GET /health":
        return healthy(_broker.policy)
    if http.route == "HEAD /health":
        return without_body(healthy(_broker.policy))
    if http.route == "GET /.well-known/oauth-authorization-server":
        return metadata(http, ALGORITHMS)
    if http.route != "ANY /token":
        raise BrokerFault("no such route")
    if http.method == "OPTIONS":
        return preflight()
    deadline = Deadline(time.time, context.get_remaining_time_in_millis() / 1000)
    outcome = _broker.exchange(http.request_id, partial(read_token_request, http), invocation, deadline)
    return respond(outcome, http, time.time())
