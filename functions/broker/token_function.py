"""The entry point for direct invocation: a function of its own, whose permission to invoke is the proof."""

import gc
import os
import time
from datetime import UTC, datetime
from functools import partial
from typing import Any

# The collector finds no garbage in what a start makes, and looking for some takes 14 of its 236 ms. So it is off before
# the imports, which make the most; `start` turns it on again.
gc.disable()

from aws_lambda_powertools.utilities.typing import LambdaContext

from broker.base.errors import BrokerError
from broker.base.invocation import Invocations
from broker.base.progress import Deadline
from broker.caller.invoke import read_invocation
from broker.response import granted
from broker.wiring import by_invocation, start

_name = os.environ["CALLER_NAME"]
_invocations = Invocations(os.environ)
_broker = start(os.environ, by_invocation)


def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
    """The success body and `expires_at` (RFC 3339).

    Raises InvalidRequest, AccessDenied, TemporarilyUnavailable, UpstreamRefused or BrokerFault and no class below them,
    since `Retry` and `Catch` match by the class's own name.
    """
    invocation = _invocations.begin(context)
    deadline = Deadline(time.time, context.get_remaining_time_in_millis() / 1000)
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
