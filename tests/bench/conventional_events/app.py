"""What a good engineer would write in an afternoon for pipelines: each new object of S3 becomes one Assembly.

Powertools' idempotency with its table, the vendor's SDK, and its Auth Secret in the environment. It is measured, never
shipped.
"""

import os
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes import S3EventBridgeNotificationEvent, event_source
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function
from aws_lambda_powertools.utilities.typing import LambdaContext
from transloadit.client import Transloadit

logger = Logger()
metrics = Metrics(namespace="Conventional")
transloadit = Transloadit(os.environ["AUTH_KEY"], os.environ["AUTH_SECRET"], service=os.environ["API2_URL"])
idempotency = IdempotencyConfig(expires_after_seconds=24 * 60 * 60)
table = DynamoDBPersistenceLayer(table_name=os.environ["TABLE"])


@idempotent_function(  # type: ignore[untyped-decorator]
    data_keyword_argument="created", persistence_store=table, config=idempotency
)
def make_assembly(*, created: dict[str, str | None]) -> dict[str, str]:
    bucket, key = created["bucket"], created["key"]
    options = {"template_id": os.environ["TEMPLATE_ID"], "fields": {"bucket": bucket, "key": key}}
    assembly = transloadit.new_assembly(options)
    answer = assembly.create().data
    if not isinstance(answer, dict) or "error" in answer:
        raise RuntimeError(f"no Assembly: {answer}")
    logger.info("made", bucket=bucket, key=key, assembly_id=answer["assembly_id"])
    metrics.add_metric(name="Made", unit=MetricUnit.Count, value=1)
    return {
        "assembly_id": answer["assembly_id"],
        "assembly_url": answer["assembly_ssl_url"],
        "status": answer["ok"],
    }


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
@event_source(data_class=S3EventBridgeNotificationEvent)
def handler(event: S3EventBridgeNotificationEvent, context: LambdaContext) -> dict[str, Any]:
    idempotency.register_lambda_context(context)
    found = event.detail.object
    created = {"bucket": event.detail.bucket.name, "key": found.key, "version": found.version_id}
    answer: dict[str, Any] = make_assembly(created=created)
    return answer
