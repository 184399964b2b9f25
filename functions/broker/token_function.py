"""The entry point for direct invocation: a function of its own, whose permission to invoke is the proof."""

import gc
import os
import time
from datetime import UTC, datetime
from functools import partial
from typing import Any

# What a start makes is no garbage, and to look for some takes 14 of its 236 ms. Above the imports, which make the most.
gc.disable()

from broker.cloudwatch import CloudWatch
from broker.deadline import Context, Deadline
from broker.errors import BrokerError
from broker.invocation import Invocations
from broker.invoke import read_invocation
from broker.response import granted
from broker.wiring import build, by_invocation

_name = os.environ["CALLER_NAME"]
_invocations = Invocations(os.environ)
_sink = CloudWatch(os.environ["SERVICE_NAME"], time.time)
_broker = build(os.environ, _sink, by_invocation)
_broker.prepare()
gc.freeze()
gc.enable()


def handler(event: Any, context: Context) -> dict[str, Any]:
    """The success body and `expires_at` (RFC 3339).

    Raises InvalidRequest, AccessDenied, TemporarilyUnavailable, UpstreamRefused or BrokerFault and no class below them,
    since `Retry` and `Catch` match by the class's own name.
    """
    invocation = _invocations.begin(context)
    deadline = Deadline.of(context, time.time)
    read = partial(read_invocation, event, _name)
    outcome = _broker.exchange(context.aws_request_id, read, invocation, deadline)
    result = outcome.result
    if isinstance(result, BrokerError):
        raise _named(result) from None
    expires_at = datetime.fromtimestamp(int(result.expires_at), UTC).isoformat().replace("+00:00", "Z")
    return granted(result, time.time()) | {"expires_at": expires_at}


def _named(error: BrokerError) -> BrokerError:
    """The error under its stable name, with what a caller may know of it."""
    return error.stable(error.description)
