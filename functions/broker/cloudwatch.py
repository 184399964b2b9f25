"""Audit records and their metrics as log lines in the layout that CloudWatch reads: JSON, one line a record."""

import sys
from datetime import UTC, datetime

from msgspec.json import encode

from broker.audit import AuditRecord, counts, fields
from broker.deadline import Clock

NAMESPACE = "TokenBroker"


class CloudWatch:
    """A `Sink` on standard output.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """

    def __init__(self, service: str, clock: Clock) -> None:
        """`service`: the dimension of every metric, which tells deployments apart."""
        self._service = service
        self._clock = clock

    def __call__(self, record: AuditRecord) -> None:
        now = self._clock()
        metrics: dict[str, float] = {**counts(record), "Duration": record.milliseconds}
        units = [{"Name": name, "Unit": "Milliseconds" if name == "Duration" else "Count"} for name in metrics]
        directive = {"Namespace": NAMESPACE, "Dimensions": [["service"]], "Metrics": units}
        line = {
            # Lambda filters by these two; the level is fixed, since an audit record is no matter of log level.
            "level": "INFO",
            "timestamp": datetime.fromtimestamp(now, UTC),
            "message": "audit",
            "service": self._service,
            "audit": fields(record),
            "_aws": {"Timestamp": int(now * 1000), "CloudWatchMetrics": [directive]},
            **metrics,
        }
        # One write, so that neither the record nor its metrics are there without the other.
        sys.stdout.write(encode(line).decode() + "\n")
        sys.stdout.flush()
