"""Batches of SQS messages, each answered by itself: it is done, comes again, or goes to the dead letters.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from broker.answering import Outcome
from broker.aws.cloudwatch import log_failure
from broker.aws.sqs import NotSent, Queue
from broker.base.errors import (
    AccessDenied,
    BrokerError,
    BrokerFault,
    InvalidRequest,
    TemporarilyUnavailable,
    UpstreamRefused,
)
from broker.base.invocation import Invocation
from broker.base.progress import Deadline
from broker.base.values import Value
from broker.request.events import Events, Read
from broker.request.proof import AnyProof

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch import BatchProcessor
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

MESSAGE_SECONDS = 3.0  # that must be left for a message to be begun
_NO_RETRY_HELPS = (InvalidRequest, AccessDenied, UpstreamRefused)

type Give[P: AnyProof] = Callable[[str, Read[P], Invocation, Deadline], Outcome[Any]]


def is_batch(event: Any) -> bool:
    """Whether an event is one or more messages of SQS."""
    records = event.get("Records") if isinstance(event, dict) else None
    return isinstance(records, list) and bool(records) and all(map(_is_message, records))


def _is_message(record: Any) -> bool:
    match record:
        case {
            "eventSource": "aws:sqs",
            "eventSourceARN": str(),
            "messageId": str(),
            "body": str(),
            "attributes": {"ApproximateReceiveCount": str(count)},
        }:
            return count.isdecimal()
    return False


class Messages[P: AnyProof](Value, frozen=True):
    """What becomes of messages. `max_receives`: how often SQS hands one to the function at most."""

    events: Events[P]
    give: Give[P]
    dead_letters: Queue | None
    max_receives: int

    def answer(self, records: list[dict[str, Any]], invocation: Invocation, deadline: Deadline) -> dict[str, Any]:
        """`batchItemFailures`, the messages that SQS is to hand over again. The others it deletes."""

        def handle(record: "SQSRecord") -> None:
            try:
                self._handle(record, invocation, deadline)
            except BrokerError:
                raise
            except Exception as defect:  # noqa: BLE001 - the processor would hold it back
                # The exception's message, which the processor writes at level DEBUG, could quote a secret.
                log_failure("defect", defect, function_request_id=invocation.function_request_id)
                raise BrokerFault("defect") from None

        processor = _make_processor(records)
        with processor(records, handle):
            processor.process()
        return dict(processor.response())

    def _handle(self, record: "SQSRecord", invocation: Invocation, deadline: Deadline) -> None:
        """Raises a BrokerError where the message is to come again."""
        errors = self._find_errors(record, invocation, deadline)
        if not errors:
            return
        lasting = [error for error in errors if isinstance(error, _NO_RETRY_HELPS)]
        is_last = int(record.attributes.approximate_receive_count) >= self.max_receives
        # Of several objects in one message some may still come to be. What is there already is found again by its id.
        if self.dead_letters is None or (len(lasting) < len(errors) and not is_last):
            raise errors[0]
        self._bury(record, (lasting or errors)[0], self.dead_letters, deadline)

    def _find_errors(self, record: "SQSRecord", invocation: Invocation, deadline: Deadline) -> list[BrokerError]:
        try:
            # Lambda would end the function in the middle, and every message of the batch would come again.
            if deadline.left() < MESSAGE_SECONDS:
                raise TemporarilyUnavailable("deadline")
        except TemporarilyUnavailable as error:
            return [error]
        reads = self.events.split_text(record.body)
        results = [self.give(record.message_id, read, invocation, deadline).result for read in reads]
        return [result for result in results if isinstance(result, BrokerError)]

    def _bury(self, record: "SQSRecord", error: BrokerError, queue: Queue, deadline: Deadline) -> None:
        """Send the message to the dead letters with the reason, which SQS would not tell when it moves one."""
        reasons = {"Error": error.stable.__name__, "Reason": error.description}
        group = record.attributes.message_group_id
        try:
            queue.send(record.body, reasons, record.message_id, group, deadline)
        except (NotSent, TemporarilyUnavailable) as failure:
            log_failure(f"dead letter not sent: {failure}", failure)
            # Then it comes again, or SQS itself moves it.
            raise error from failure


def _make_processor(records: list[dict[str, Any]]) -> "BatchProcessor":
    """A processor of Powertools that reports what failed; of a FIFO queue also all that follows it, for the order."""
    # Imported by the first batch: 60 ms that other events need not wait for.
    from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, SqsFifoPartialProcessor

    is_fifo = records[0]["eventSourceARN"].endswith(".fifo")
    processor = SqsFifoPartialProcessor() if is_fifo else BatchProcessor(event_type=EventType.SQS)
    # Else it raises when all fail, and the function's errors would count what is reported already.
    processor.raise_on_entire_batch_failure = False
    return processor
