"""The entry point for API Gateway's HTTP API events: callers with a JWT."""

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
from broker.invocation import Invocations
from broker.jwk import ALGORITHMS
from broker.request import read_token_request
from broker.response import Response, healthy, metadata, preflight, respond, without_body
from broker.settings import public_url
from broker.wiring import build, by_jwt

_public_url = public_url(os.environ)
_invocations = Invocations(os.environ)
_sink = CloudWatch(os.environ["SERVICE_NAME"], time.time)
_broker = build(os.environ, _sink, by_jwt)
_broker.prepare()
gc.freeze()
gc.enable()


def handler(event: Any, context: Context) -> Response:
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
    deadline = Deadline.of(context, time.time)
    outcome = _broker.exchange(http.request_id, partial(read_token_request, http), invocation, deadline)
    return respond(outcome, http, time.time())
