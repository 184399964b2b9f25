"""What the function writes to its log, by Powertools: audit records with their metrics, and failures of its own."""

import sys
from datetime import UTC, datetime

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics
from msgspec.json import encode

from broker.base.audit import AuditRecord, count_metrics, make_fields
from broker.base.errors import trace_places
from broker.base.progress import Clock

# Lambda drops a line whose time is not in RFC 3339. The trace id is left out, since a caller may write the trace
# header. The location would always be this module.
logger = Logger(use_rfc3339=True, serialize_stacktrace=False, xray_trace_id=None, location=None)


class CloudWatch:
    """A `Sink` on standard output: each record and its metrics are one line, in CloudWatch's embedded metric format."""

    def __init__(self, service: str, clock: Clock) -> None:
        """`service`: the dimension of every metric, which tells deployments apart."""
        self._dimensions = {"service": service}
        self._metrics = Metrics(service, "TokenBroker")
        self._clock = clock

    def __call__(self, record: AuditRecord) -> None:
        metrics: dict[str, object] = {
            name: {"Unit": "Count", "Value": count} for name, count in count_metrics(record).items()
        }
        metrics["Duration"] = {"Unit": "Milliseconds", "Value": record.milliseconds}
        metadata = {
            # Lambda filters by level and timestamp. The level is always INFO, so that no log setting but this one drops
            # audit records.
            # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
            "level": "INFO",
            "timestamp": datetime.fromtimestamp(self._clock(), UTC),
            "message": "audit",
            "audit": make_fields(record),
        }
        # `Metrics` keeps what is added to it piece by piece until it is written. A record that could not be written
        # would go out with the record of the next caller. So it is handed over whole. `flush_metrics` is not used: it
        # writes twice, and a variable silences it, so that somebody could switch the audit off.
        line = self._metrics.serialize_metric_set(metrics, self._dimensions, metadata)
        sys.stdout.write(encode(line).decode() + "\n")
        sys.stdout.flush()


def log_failure(message: str, failure: Exception, **keys: str) -> None:
    """A line of level ERROR: what failed and where, without the exception's message, which could quote a secret."""
    keys |= {"exception_name": type(failure).__name__, "stack_trace": " > ".join(trace_places(failure))}
    logger.error(message, extra=keys)
