"""SendMessage: what is sent to either kind of queue, and what is said of an error."""

import json
from typing import Any

import pytest
from broker.aws.sqs import SEND_SECONDS, NotSent, Queue
from broker.base.errors import TemporarilyUnavailable
from broker.base.net import OutOfReach
from broker.base.progress import Deadline

from tests.kit.brokers import aws_by
from tests.kit.clock import Clock
from tests.kit.web import Reply, Web, reply

SQS_URL = "https://sqs.us-east-1.amazonaws.com/"
QUEUE_URL = f"{SQS_URL}123456789012/dead-letters"
GOOD = reply({"MessageId": "m-1", "MD5OfMessageBody": "0"})


class Desk:
    def __init__(self, answer: Reply = GOOD, url: str = QUEUE_URL) -> None:
        self.clock = Clock()
        self.web = Web()
        self.web[SQS_URL] = answer
        self.queue = Queue(aws_by(self.web, self.clock), url)

    def send(self, seconds: float = 15, group_id: str | None = None) -> None:
        deadline = Deadline(self.clock, seconds)
        self.queue.send("the body \u00fc", {"Error": "AccessDenied", "Reason": "No."}, "message-1", group_id, deadline)

    def sent(self) -> dict[str, Any]:
        return dict(json.loads(self.web.calls[-1].body))


PLAIN = {
    "QueueUrl": QUEUE_URL,
    "MessageBody": "the body \u00fc",
    "MessageAttributes": {
        "Error": {"DataType": "String", "StringValue": "AccessDenied"},
        "Reason": {"DataType": "String", "StringValue": "No."},
    },
}


def test_a_message_is_sent_with_its_attributes() -> None:
    desk = Desk()
    desk.send(group_id="group-1")
    assert desk.sent() == PLAIN
    assert desk.web.calls[0].headers["x-amz-target"] == "AmazonSQS.SendMessage"


@pytest.mark.parametrize(("group_id", "sent"), [("group-1", "group-1"), (None, "message-1")])
def test_a_fifo_queue_gets_a_group_and_the_message_s_id_against_doubles(group_id: str | None, sent: str) -> None:
    desk = Desk(url=f"{QUEUE_URL}.fifo")
    desk.send(group_id=group_id)
    assert desk.sent() == PLAIN | {
        "QueueUrl": f"{QUEUE_URL}.fifo",
        "MessageGroupId": sent,
        "MessageDeduplicationId": "message-1",
    }


@pytest.mark.parametrize(("seconds", "allowed"), [(15, SEND_SECONDS), (2.5, 2.0)])
def test_sending_ends_in_time(seconds: float, allowed: float) -> None:
    desk = Desk()
    desk.send(seconds)
    assert desk.web.calls[0].seconds == pytest.approx(allowed)


def test_sending_with_no_time_left_makes_no_call() -> None:
    desk = Desk()
    with pytest.raises(TemporarilyUnavailable):
        desk.send(0.5)
    assert desk.web.calls == []


def test_a_call_that_failed_once_is_sent_again() -> None:
    desk = Desk()
    desk.web.then(SQS_URL, reply(b"", 500))
    desk.send()
    assert len(desk.web.calls) == 2


def error(kind: str, status: int = 400) -> Any:
    return reply({"__type": f"com.amazonaws.sqs#{kind}", "message": "would quote the-url"}, status)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (OutOfReach("timeout"), "SQS out of reach: timeout"),
        (reply(b"<html>", 503), "SQS: unknown"),
        (reply({}), "SQS: an answer without an id"),
        (error("RequestThrottled"), "SQS: RequestThrottled"),
        (error("QueueDoesNotExist"), "SQS: QueueDoesNotExist"),
        (error("AccessDeniedException", 403), "SQS: AccessDeniedException"),
        (error("the-url in a name"), "SQS: unknown"),
    ],
)
def test_what_keeps_a_message_from_being_sent_is_said_by_the_name_that_aws_gives_it(answer: Reply, words: str) -> None:
    with pytest.raises(NotSent) as raised:
        Desk(answer).send()
    assert str(raised.value) == words
