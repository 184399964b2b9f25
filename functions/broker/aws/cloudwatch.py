"""What the function writes to its log, by Powertools: audit records with their metrics, and failures of its own."""

import sys
from datetime import UTC, datetime

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics
from msgspec.json import encode

from broker.base.audit import AuditRecord, counts, fields
from broker.base.errors import trace_places
from broker.base.progress import Clock

# Lambda drops a line whose time is not in RFC 3339. A caller may write the trace header, so none of it is written; and
# the location would always be below.
logger = Logger(use_rfc3339=True, serialize_stacktrace=False, xray_trace_id=None, location=None)


class CloudWatch:
    """A `Sink` on standard output: each record and its metrics are one line, in CloudWatch's embedded metric format."""

    def __init__(self, service: str, clock: Clock) -> None:
        """`service`: the dimension of every metric, which tells deployments apart."""
        self._dimensions = {"service": service}
        self._metrics = Metrics(service, "TokenBroker")
        self._clock = clock

    def __call__(self, record: AuditRecord) -> None:
        metrics: dict[str, object] = {name: {"Unit": "Count", "Value": count} for name, count in counts(record).items()}
        metrics["Duration"] = {"Unit": "Milliseconds", "Value": record.milliseconds}
        metadata = {
            # Lambda filters by these two; the level is fixed, since an audit record is no matter of log level.
            "level": "INFO",
            "timestamp": datetime.fromtimestamp(self._clock(), UTC),
            "message": "audit",
            "audit": fields(record),
        }
        # Handed over whole: what was added to `Metrics` piece by piece, and then could not be written, would go out
        # with the record of the next caller. `flush_metrics` writes twice, and a variable silences it.
        line = self._metrics.serialize_metric_set(metrics, self._dimensions, metadata)
        sys.stdout.write(encode(line).decode() + "\n")
        sys.stdout.flush()


def log_failure(message: str, failure: Exception, **keys: str) -> None:
    """A line of level ERROR: what failed and where, without the exception's message, which could quote a secret."""
    keys |= {"exception_name": type(failure).__name__, "stack_trace": " > ".join(trace_places(failure))}
    logger.error(message, extra=keys)
