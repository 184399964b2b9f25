"""SendMessage of Amazon SQS."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from broker.base.net import OutOfReach
from broker.base.progress import Deadline
from broker.base.values import Value

if TYPE_CHECKING:
    from broker.aws.client import Aws

SEND_SECONDS = 3.0
MAX_BYTES = 64 * 1024  # of the answer, which holds ids and digests


class NotSent(Exception):
    """The message was not sent, or its answer was lost.

    The message of the exception holds no data, only fixed words and AWS's name of the error.
    """


class Queue(Value, frozen=True):
    """Sends messages. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html"""

    aws: "Callable[[], Aws]"  # makes it when it is first needed
    url: str

    def send(
        self, body: str, attributes: Mapping[str, str], message_id: str, group_id: str | None, deadline: Deadline
    ) -> None:
        """Send a text with attributes that are texts.

        A FIFO queue drops a second message of one `message_id` within five minutes, so a message that is sent again
        after an answer was lost is there once. It keeps the order within `group_id`. Other queues take neither.
        Raises NotSent, and TemporarilyUnavailable once the deadline has passed.
        """
        request = {
            "QueueUrl": self.url,
            "MessageBody": body,
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()
            },
        }
        if self.url.endswith(".fifo"):
            request |= {"MessageGroupId": group_id or message_id, "MessageDeduplicationId": message_id}
        try:
            reply = self.aws().call(
                "sqs.send_message", request, deadline, seconds=SEND_SECONDS, limit=MAX_BYTES, tries=2
            )
        except OutOfReach as error:
            raise NotSent(f"SQS out of reach: {error}") from error
        if not reply.members.get("MessageId"):
            raise NotSent(f"SQS: {reply.error or 'an answer without an id'}")
