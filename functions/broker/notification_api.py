"""The entry point for notifications of api2: an Assembly is done, and somebody waits for it.

The route has no authorizer. The callback that is sealed into the URL, and api2's signature, prove that it may be
completed.
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

from broker.assembly.notification import make_notification_request
from broker.base.errors import BrokerFault
from broker.base.invocation import Invocations
from broker.request.http import read_event
from broker.response import Response, acknowledge
from broker.wiring import start_notifications

_invocations = Invocations(os.environ, time.time)
_receiver = start_notifications(os.environ, _early)


def handler(event: Any, context: LambdaContext) -> Response:
    """Answers `POST /notifications/{id}`. Raises BrokerFault for events of any other route."""
    invocation, deadline = _invocations.begin(context)
    http = read_event(event, None)
    if http.route != "POST /notifications/{id}":
        raise BrokerFault("no such route")
    read = partial(make_notification_request, http, event)
    complete = _receiver.completer.complete
    return acknowledge(_receiver.answering.answer(http.request_id, read, complete, invocation, deadline), http)
