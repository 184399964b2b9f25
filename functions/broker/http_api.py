"""The entry point for API Gateway's HTTP API events."""

import os
import time
from pathlib import Path
from typing import Any, Protocol

from broker.cloudwatch import CloudWatch
from broker.deadline import Deadline
from broker.errors import BrokerFault
from broker.request import read_event
from broker.response import Response, healthy
from broker.wiring import build

# The compiled policy lies beside the package in the artifact.
_exchange = build(Path(__file__).parent.parent / "policy.json", os.environ, CloudWatch())


class Context(Protocol):
    """What is used of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int: ...


def handler(event: Any, context: Context) -> Response:
    """Answers `ANY /token` and `GET /health`. Raises BrokerFault for events that are not API Gateway's."""
    http = read_event(event)
    if http.route == "GET /health":
        return healthy()
    if http.route != "ANY /token":
        raise BrokerFault("no such route")
    return _exchange(http, Deadline(time.time, context.get_remaining_time_in_millis() / 1000))
