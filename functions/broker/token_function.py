"""The entry point for direct invocation: a function of its own, whose permission to invoke is the proof."""

import gc
import os
import time
from datetime import UTC, datetime
from functools import partial
from typing import Any

# A start makes no garbage, and the collector's search for some takes 14 of its 236 ms. `start` turns it on again.
gc.disable()

from broker.early import begin_start

_early = begin_start()  # before the other imports, which take longest

from aws_lambda_powertools.utilities.typing import LambdaContext

from broker.base.errors import BrokerError
from broker.base.invocation import Invocations
from broker.caller.invoke import read_invocation
from broker.response import show_token
from broker.wiring import by_invocation, start

_invocations = Invocations(os.environ, time.time)
_broker = start(os.environ, by_invocation, _early)


def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
    """The success body and `expires_at` (RFC 3339).

    Raises InvalidRequest, AccessDenied, TemporarilyUnavailable, UpstreamRefused or BrokerFault and no class below them,
    since `Retry` and `Catch` match by the class's own name.
    """
    invocation, deadline = _invocations.begin(context)
    read = partial(read_invocation, event, _broker.settings.caller_name)
    outcome = _broker.exchange.give_token(context.aws_request_id, read, invocation, deadline)
    result = outcome.result
    if isinstance(result, BrokerError):
        # A caller's `Retry` and `Catch` compare the name of the class alone, and what Lambda reports of an exception is
        # its message. So the class is the stable one, and the message what a caller may know; never the reason.
        raise result.stable(result.description) from None
    expires_at = datetime.fromtimestamp(int(result.expires_at), UTC).isoformat().replace("+00:00", "Z")
    return show_token(result, time.time()) | {"expires_at": expires_at}
