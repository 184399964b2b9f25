"""The lines of the function's Logger, caught in this process."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

from broker.aws.cloudwatch import logger


@contextmanager
def failures() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Lines of the log within the context, without the audit records."""
    (handler,) = logger.handlers
    assert isinstance(handler, logging.StreamHandler)
    written = StringIO()
    before = handler.setStream(written)
    try:
        yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    finally:
        handler.setStream(before)
