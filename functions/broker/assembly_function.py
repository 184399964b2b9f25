"""The entry point for pipelines: an Assembly for each event, whose token and signature never leave this function."""

import gc
import os
import time
from math import ceil
from typing import Any

# A start makes no garbage, and the collector's search for some takes 14 of its 236 ms. `start` turns it on again.
gc.disable()

from broker.early import begin_start

_early = begin_start()  # before the other imports, which take longest

from aws_lambda_powertools.utilities.typing import LambdaContext

from broker.assembly.maker import Made
from broker.base.errors import BrokerError, TemporarilyUnavailable
from broker.base.invocation import Invocations
from broker.caller.invoke import InvokeProof
from broker.messages import Messages, is_batch
from broker.request.events import Events
from broker.wiring import by_invocation, start

_invocations = Invocations(os.environ, time.time)
_broker = start(os.environ, by_invocation, _early)
_settings, _give = _broker.settings, _broker.exchange.give_assembly
_events = Events(InvokeProof(_settings.caller_name), _settings.assembly_template, _settings.assembly_buckets)
_messages = Messages(_events, _give, _broker.dead_letters, _settings.max_receives)


def handler(event: Any, context: LambdaContext) -> dict[str, Any] | None:
    """The Assembly of the own form or of EventBridge's event; None for S3's notifications, whose answer nobody reads;
    for messages of SQS, those that are to come again.

    Raises InvalidRequest, AccessDenied, TemporarilyUnavailable, UpstreamRefused or BrokerFault and no class below them,
    since `Retry` and `Catch` match by the class's own name. A batch raises none.
    """
    invocation, deadline = _invocations.begin(context)
    if is_batch(event):
        return _messages.answer(event["Records"], invocation, deadline)
    reads = _events.split(event)
    results = [_give(context.aws_request_id, read, invocation, deadline).result for read in reads]
    # All of them first: a notification of several objects must not end with the first that fails.
    made = [_unwrap(result) for result in results]
    return _show(made[0]) if made and "Records" not in event else None


def _unwrap(result: Made | BrokerError) -> Made:
    if not isinstance(result, BrokerError):
        return result
    text = result.description
    if isinstance(result, TemporarilyUnavailable):
        text += f" (retry_after: {ceil(result.retry_after)})"
    # What Lambda reports of an exception is its message: so that holds what a caller may know, never the reason.
    raise result.stable(text) from None


def _show(made: Made) -> dict[str, Any]:
    """Id and URL are the right to read and to cancel the Assembly, so a rule can keep them out of histories."""
    shown = {"assembly_id": made.assembly_id, "assembly_url": made.url} if made.shows_id else {}
    return shown | {"status": made.status}
