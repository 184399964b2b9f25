"""The event source mapping of the stack: what the function gets of a queue, and what is deleted afterwards."""

import asyncio
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from local.aws.account import make_arn, make_queue_url
from local.emulator.event_source import EventSource
from local.emulator.pool import Busy, Outcome
from tests.kit.gateways import Function

MAPPING = {
    "EventSourceArn": make_arn("sqs", "AssemblyQueue"),
    "FunctionName": "AssemblyFunction",
    "BatchSize": 2,
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
}
SENT = {"ApproximateReceiveCount": "1", "SentTimestamp": "1800000000000"}


def message(number: int) -> dict[str, Any]:
    return {
        "MessageId": f"id-{number}",
        "ReceiptHandle": f"handle-{number}",
        "Body": f"body {number}",
        "Attributes": SENT,
        "MD5OfBody": "0" * 32,
        "MessageAttributes": {"Reason": {"StringValue": "why", "DataType": "String"}},
    }


class Queues:
    """An SQS client with these messages, which keeps what it was asked."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.messages = messages
        self.asked: dict[str, Any] = {}
        self.deleted: list[str] = []

    def receive_message(self, **asked: Any) -> dict[str, Any]:
        self.asked = asked
        return {"Messages": [*self.messages]} if self.messages else {}

    def delete_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> None:
        assert QueueUrl == make_queue_url("AssemblyQueue")
        assert all(each["ReceiptHandle"] == each["Id"].replace("id", "handle") for each in Entries)
        self.deleted += [each["Id"] for each in Entries]


def take(queues: Queues, returns: Any, **changes: Any) -> Function:
    function = Function(returns)
    asyncio.run(EventSource.from_template(MAPPING | changes, queues, function).take_batch(0))
    return function


def test_messages_come_in_the_form_of_lambda_s_event_and_are_deleted() -> None:
    queues = Queues(message(1), message(2))
    function = take(queues, {"batchItemFailures": []})
    (event,) = function.events
    assert event["Records"][0] == {
        "messageId": "id-1",
        "receiptHandle": "handle-1",
        "body": "body 1",
        "attributes": SENT,
        "messageAttributes": {"Reason": {"stringValue": "why", "dataType": "String"}},
        "md5OfBody": "0" * 32,
        "eventSource": "aws:sqs",
        "eventSourceARN": make_arn("sqs", "AssemblyQueue"),
        "awsRegion": "us-east-1",
    }
    assert queues.asked["QueueUrl"] == make_queue_url("AssemblyQueue")
    assert queues.asked["MaxNumberOfMessages"] == 2
    assert queues.deleted == ["id-1", "id-2"]


@pytest.mark.parametrize(
    ("returns", "deleted"),
    [
        (None, ["id-1", "id-2"]),
        ({}, ["id-1", "id-2"]),
        ({"batchItemFailures": None}, ["id-1", "id-2"]),
        ({"batchItemFailures": [{"itemIdentifier": "id-1"}]}, ["id-2"]),
        ({"batchItemFailures": [{"itemIdentifier": "id-1"}, {"itemIdentifier": "id-2"}]}, []),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, []),
        ({"batchItemFailures": [{"itemIdentifier": "id-9"}]}, []),
        ({"batchItemFailures": [{}]}, []),
        ("text", []),
        (Outcome(b"no JSON", failed=False), []),
        (Outcome(b'{"errorType": "X", "errorMessage": "y"}', failed=True), []),
        (Busy(), []),
    ],
    ids=str,
)
def test_what_is_reported_as_failed_stays_and_a_report_that_makes_no_sense_fails_all(
    returns: Any, deleted: list[str]
) -> None:
    queues = Queues(message(1), message(2))
    take(queues, Outcome(b"null", failed=False) if returns is None else returns)
    assert queues.deleted == deleted


def test_a_mapping_that_takes_no_reports_deletes_the_whole_batch() -> None:
    queues = Queues(message(1))
    take(queues, {"batchItemFailures": [{"itemIdentifier": "id-1"}]}, FunctionResponseTypes=[])
    assert queues.deleted == ["id-1"]


def test_an_empty_queue_invokes_nothing() -> None:
    assert take(Queues(), {}).events == []


def test_a_poll_that_fails_is_repeated() -> None:
    class Unreachable(Queues):
        def receive_message(self, **asked: Any) -> dict[str, Any]:
            if not self.asked:
                self.asked = asked
                raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")
            return super().receive_message(**asked)

    async def poll_until_taken(queues: Queues, function: Function) -> None:
        polling = asyncio.create_task(EventSource.from_template(MAPPING, queues, function).run())
        while not queues.deleted:
            await asyncio.sleep(0.01)
        polling.cancel()

    queues, function = Unreachable(message(1)), Function({})
    asyncio.run(asyncio.wait_for(poll_until_taken(queues, function), 20))
    assert function.events[0]["Records"][0]["messageId"] == "id-1"
