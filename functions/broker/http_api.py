"""The entry point for API Gateway's HTTP API events: callers with a JWT."""

import os
import time
from typing import Any

from broker.cloudwatch import CloudWatch
from broker.deadline import Context, Deadline
from broker.errors import BrokerFault
from broker.event import read_event
from broker.jwk import ALGORITHMS
from broker.request import read_token_request
from broker.response import Response, healthy, metadata, respond
from broker.wiring import build, by_jwt

_PUBLIC_URL = os.environ.get("PUBLIC_URL")
_sink = CloudWatch(os.environ["SERVICE_NAME"], time.time)
_broker = build(os.environ, _sink, by_jwt)
_broker.prepare()


def handler(event: Any, context: Context) -> Response:
    """Answers `ANY /token`, the metadata and `GET /health`. Raises BrokerFault for all other events."""
    http = read_event(event, _PUBLIC_URL)
    if http.method == "OPTIONS":
        return {"statusCode": 204}
    if http.route == "GET /health":
        return healthy()
    if http.route == "GET /.well-known/oauth-authorization-server":
        return metadata(http.origin, ALGORITHMS)
    if http.route != "ANY /token":
        raise BrokerFault("no such route")
    outcome = _broker.exchange(http.request_id, lambda: read_token_request(http), Deadline.of(context, time.time))
    return respond(outcome, http, time.time())
