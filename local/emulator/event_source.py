"""An event source mapping of Lambda: hands the messages of a queue to a function, and deletes those that it has done.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html. Batches come one after the other, and
without a batching window; there are no FIFO queues.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.aws.account import REGION, make_queue_url
from local.emulator.pool import LOG, Busy, Outcome, Pool

_WAIT_SECONDS = 20  # the longest that SQS lets a poll wait for a message
_PAUSE_SECONDS = 1.0  # after a poll that failed
Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EventSource:
    """`queues` is an SQS client with the function's credentials, since Lambda polls by the function's role."""

    queues: Any
    arn: str
    batch_size: int
    reports_failures: bool
    pool: Pool

    @classmethod
    def from_template(cls, properties: Mapping[str, Any], queues: Any, pool: Pool) -> "EventSource":
        """From the properties of an AWS::Lambda::EventSourceMapping."""
        is_reporting = "ReportBatchItemFailures" in properties.get("FunctionResponseTypes", [])
        return cls(queues, properties["EventSourceArn"], int(properties.get("BatchSize", 10)), is_reporting, pool)

    async def run(self) -> None:
        """Take batches until it is cancelled. A poll that fails is logged, and repeated."""
        while True:
            try:
                await self.take_batch()
            except (BotoCoreError, ClientError) as error:
                LOG.warning("the queue cannot be polled: %s", error)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def take_batch(self, wait_seconds: int = _WAIT_SECONDS) -> None:
        """Wait for messages, and hand them over. Raises BotoCoreError and ClientError."""
        url = make_queue_url(self.arn.rpartition(":")[2])
        # A thread, since boto3 blocks. It ends with its request, which ends with the server at the latest.
        answer = await asyncio.to_thread(
            self.queues.receive_message,
            QueueUrl=url,
            MaxNumberOfMessages=self.batch_size,
            WaitTimeSeconds=wait_seconds,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        messages = answer.get("Messages", [])
        if not messages:
            return
        event = {"Records": [self._make_record(message) for message in messages]}
        try:
            outcome = await self.pool.invoke(json.dumps(event).encode())
        except Busy:
            return  # as where Lambda throttles: the messages come again once they are visible
        if done := self._list_done(outcome, messages):
            await asyncio.to_thread(self.queues.delete_message_batch, QueueUrl=url, Entries=done)

    def _make_record(self, message: Message) -> dict[str, Any]:
        """https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event"""
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {
                name: {"stringValue": each.get("StringValue"), "dataType": each["DataType"]}
                for name, each in message.get("MessageAttributes", {}).items()
            },
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self.arn,
            "awsRegion": REGION,
        }

    def _list_done(self, outcome: Outcome, messages: list[Message]) -> list[dict[str, str]]:
        """The messages to delete. A report that cannot be read, or names another message, fails the whole batch.

        https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
        """
        if outcome.failed:
            return []
        failed: set[str] = set()
        if self.reports_failures:
            try:
                report = json.loads(outcome.payload) or {}
                failed = {each["itemIdentifier"] for each in report.get("batchItemFailures") or []}
            except (ValueError, TypeError, KeyError, AttributeError):
                return []
        if failed - {message["MessageId"] for message in messages}:
            return []
        return [
            {"Id": message["MessageId"], "ReceiptHandle": message["ReceiptHandle"]}
            for message in messages
            if message["MessageId"] not in failed
        ]
