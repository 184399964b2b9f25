"""The entry point for API Gateway's HTTP API events: callers with a JWT."""

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
from broker.policy.jwk import ALGORITHMS
from broker.policy.scopes import SCOPES
from broker.request.http import read_event
from broker.request.request import read_token_request
from broker.request.signature import read_signature_request
from broker.response import Response, answer_preflight, describe_server, refuse_login, report_health, respond
from broker.wiring import by_jwt, start

_invocations = Invocations(os.environ, time.time)
_broker = start(os.environ, by_jwt, _early)


def handler(event: Any, context: LambdaContext) -> Response:
    """The answer of each route below. Raises BrokerFault for the events of others."""
    invocation, deadline = _invocations.begin(context)
    http = read_event(event, _broker.settings.public_url)
    if http.route in ("GET /health", "HEAD /health"):
        return report_health(http, _broker.policy)
    if http.route == "GET /.well-known/oauth-authorization-server":
        return describe_server(http, ALGORITHMS, SCOPES)
    if http.route == "GET /authorize":
        return refuse_login(http)
    if http.route not in ("ANY /token", "ANY /signature"):
        raise BrokerFault("no such route")
    if http.method == "OPTIONS":
        return answer_preflight()
    exchange, now = _broker.exchange, time.time
    if http.route == "ANY /signature":
        read_signature = partial(read_signature_request, http)
        return respond(exchange.give_signature(http.request_id, read_signature, invocation, deadline), http, now())
    read_token = partial(read_token_request, http)
    return respond(exchange.give_token(http.request_id, read_token, invocation, deadline), http, now())
