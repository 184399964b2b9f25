"""The same for S3's notifications in a queue."""

from typing import Any

from app import idempotency, make_assembly  # type: ignore[import-not-found]  # beside this file in the artifact
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
metrics = Metrics(namespace="Conventional")
processor = BatchProcessor(event_type=EventType.SQS)


def handle_message(record: SQSRecord) -> None:
    for event in record.decoded_nested_s3_event.records:
        found = event.s3.get_object
        make_assembly(created={"bucket": event.s3.bucket.name, "key": found.key, "version": found.version_id})


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    idempotency.register_lambda_context(context)
    return process_partial_response(event=event, record_handler=handle_message, processor=processor, context=context)
