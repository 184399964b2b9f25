"""Audit records as log lines and metrics in the layouts that CloudWatch reads, by Powertools."""

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from broker.audit import AuditRecord, counts, fields

NAMESPACE = "TokenBroker"


class CloudWatch:
    """A `Sink`. https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format.html"""

    def __init__(self) -> None:
        # Powertools takes the service's name, which tells deployments apart, from POWERTOOLS_SERVICE_NAME.
        # The level is fixed: an audit record is no matter of log level.
        self._logger = Logger(level="INFO")
        self._metrics = Metrics(namespace=NAMESPACE)

    def __call__(self, record: AuditRecord) -> None:
        self._logger.info("audit", extra={"audit": fields(record)})
        for name, count in counts(record).items():
            self._metrics.add_metric(name=name, unit=MetricUnit.Count, value=count)
        self._metrics.add_metric(name="Duration", unit=MetricUnit.Milliseconds, value=record.milliseconds)
        self._metrics.flush_metrics()
