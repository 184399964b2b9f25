"""Messages of SQS: each is answered by itself, and is done, comes again, or goes to the dead letters."""

import json
import logging
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from broker.answering import Outcome
from broker.aws.sqs import Queue
from broker.base.errors import (
    AccessDenied,
    BrokerError,
    BrokerFault,
    InvalidRequest,
    OverBudget,
    TemporarilyUnavailable,
    UpstreamRefused,
)
from broker.base.invocation import Invocation
from broker.base.progress import Deadline
from broker.caller.invoke import InvokeProof
from broker.messages import MESSAGE_SECONDS, Messages, is_batch
from broker.request.assembly import AssemblyRequest
from broker.request.events import Events, Read

from tests.kit.brokers import aws_by
from tests.kit.clock import Clock
from tests.kit.handlers import event
from tests.kit.logs import failures
from tests.kit.web import Web, reply

EVENTS = Events(InvokeProof("originals"), "encode", frozenset({"mybucket"}))
INVOCATION = Invocation("invocation-1", False, None)
SQS_URL = "https://sqs.us-east-1.amazonaws.com/"
DEAD_LETTERS = f"{SQS_URL}123456789012/dead-letters"
MAX_RECEIVES = 5
Result = BrokerError | str


class Desk:
    """Answers each request by `results`, whose keys are those of requests in the own form; others are done."""

    def __init__(self, results: dict[str, Result] | None = None, dead_letters: str | None = DEAD_LETTERS) -> None:
        self.clock, self.web = Clock(), Web()
        self.web[SQS_URL] = reply({"MessageId": "m"})
        self.results = results or {}
        self.given: list[tuple[str, str]] = []  # the ids of messages, each with the key of a request
        self.meanwhile: Callable[[], None] = lambda: None
        queue = Queue(aws_by(self.web, self.clock), dead_letters) if dead_letters else None
        self.messages = Messages(EVENTS, self._give, queue, MAX_RECEIVES)

    def _give(
        self, request_id: str, read: Read[InvokeProof], invocation: Invocation, deadline: Deadline
    ) -> Outcome[Any]:
        assert invocation is INVOCATION
        request: AssemblyRequest[InvokeProof] | None = None
        try:
            request = read()
        except BrokerError as error:
            self.given.append((request_id, ""))
            return Outcome(None, error)
        self.given.append((request_id, request.key))
        self.meanwhile()
        return Outcome(request, self.results.get(request.key, "made"))

    def answer(self, records: list[dict[str, Any]], seconds: float = 60) -> list[str]:
        """The ids of messages that come again."""
        answer = self.messages.answer(records, INVOCATION, Deadline(self.clock, seconds))
        assert answer.keys() == {"batchItemFailures"}
        return [item["itemIdentifier"] for item in answer["batchItemFailures"]]

    def letters(self) -> list[tuple[str, str, str]]:
        """Body, error and reason of each message that was sent to the dead letters."""
        sent = [json.loads(call.body) for call in self.web.calls]
        return [
            (each["MessageBody"], *(each["MessageAttributes"][name]["StringValue"] for name in ("Error", "Reason")))
            for each in sent
        ]


def message(body: Any, number: int = 1, receives: int = 1, sample: str = "sqs") -> dict[str, Any]:
    """The sample message with another body, id and number of receives."""
    record: dict[str, Any] = event(sample)["Records"][0]
    record["attributes"]["ApproximateReceiveCount"] = str(receives)
    return record | {"messageId": f"message-{number}", "body": body if isinstance(body, str) else json.dumps(body)}


def own(key: str) -> dict[str, Any]:
    return {"template": "encode", "key": key}


def batch(keys: Iterable[str], **parts: Any) -> list[dict[str, Any]]:
    return [message(own(key), number, **parts) for number, key in enumerate(keys, 1)]


def two_objects() -> dict[str, Any]:
    """A notification of two objects."""
    sent = event("s3-notification")
    sent["Records"] *= 2
    return sent


@pytest.mark.parametrize("name", ["sqs", "sqs-fifo"])
def test_aws_s_samples_are_batches(name: str) -> None:
    assert is_batch(event(name))


RECORD = event("sqs")["Records"][0]


@pytest.mark.parametrize(
    "sent",
    [
        None,
        [],
        {},
        {"Records": None},
        {"Records": []},
        {"Records": {}},
        {"Records": [None]},
        event("s3-notification"),
        {"Records": [RECORD, event("s3-notification")["Records"][0]]},
        {"Records": [RECORD | {"messageId": None}]},
        {"Records": [RECORD | {"body": {}}]},
        {"Records": [RECORD | {"attributes": {}}]},
        {"Records": [RECORD | {"attributes": {"ApproximateReceiveCount": "-1"}}]},
        {"Records": [RECORD | {"attributes": {"ApproximateReceiveCount": 1}}]},
        {"Records": [RECORD | {"eventSourceARN": None}]},
    ],
    ids=lambda sent: str(sent)[-40:],
)
def test_what_is_not_wholly_of_sqs_is_no_batch(sent: Any) -> None:
    assert not is_batch(sent)


def test_the_sample_s_bodies_are_no_requests_and_go_to_the_dead_letters() -> None:
    desk = Desk()
    assert desk.answer(event("sqs")["Records"]) == []
    description = "The message's body is not JSON; send the function's own form or an event of S3."
    assert desk.letters() == [("Test message.", "InvalidRequest", description)] * 2


def test_every_form_of_event_can_be_in_a_message() -> None:
    desk = Desk()
    created = event("object-created")
    created["detail"]["bucket"]["name"] = "mybucket"
    bodies = [own("a"), created, event("s3-notification"), event("s3-test")]
    assert desk.answer([message(body, number) for number, body in enumerate(bodies)]) == []
    assert [given for given, _ in desk.given] == ["message-0", "message-1", "message-2"]
    assert desk.letters() == []


def test_each_object_of_a_message_is_asked_for_under_the_message_s_id() -> None:
    desk = Desk()
    assert desk.answer([message(two_objects())]) == []
    assert [given for given, _ in desk.given] == ["message-1", "message-1"]


@pytest.mark.parametrize(
    "error", [InvalidRequest("i", "Why."), AccessDenied("a", "Why."), UpstreamRefused("u", "Why.")]
)
def test_a_message_that_no_retry_helps_goes_to_the_dead_letters_at_once(error: BrokerError) -> None:
    desk = Desk({"bad": error})
    assert desk.answer(batch(["good", "bad", "fine"])) == []
    assert desk.letters() == [(json.dumps(own("bad")), type(error).__name__, "Why.")]
    assert len(desk.given) == 3


PASSING = [TemporarilyUnavailable("t"), OverBudget("o"), BrokerFault("f")]


@pytest.mark.parametrize("error", PASSING)
def test_a_message_that_a_retry_may_help_comes_again(error: BrokerError) -> None:
    desk = Desk({"busy": error})
    assert desk.answer(batch(["good", "busy", "fine"], receives=MAX_RECEIVES - 1)) == ["message-2"]
    assert desk.letters() == []


@pytest.mark.parametrize("error", PASSING)
def test_a_message_that_is_received_for_the_last_time_goes_to_the_dead_letters(error: BrokerError) -> None:
    desk = Desk({"busy": error})
    assert desk.answer(batch(["busy"], receives=MAX_RECEIVES)) == []
    assert desk.letters() == [(json.dumps(own("busy")), error.stable.__name__, error.description)]


def test_the_class_of_a_dead_letter_is_the_stable_one() -> None:
    desk = Desk({"busy": OverBudget("o")})
    desk.answer(batch(["busy"], receives=MAX_RECEIVES))
    assert desk.letters()[0][1] == "TemporarilyUnavailable"


def test_a_batch_that_fails_as_a_whole_is_reported_and_not_raised() -> None:
    desk = Desk({"busy": TemporarilyUnavailable("t")})
    assert desk.answer(batch(["busy", "busy"])) == ["message-1", "message-2"]


def test_a_message_with_one_object_refused_and_one_put_off_comes_again() -> None:
    key = '["s3", "mybucket", "HappyFace.jpg", "version", "096fKKXTRTtl3on89fVO.nfljtsv6qko"]'
    desk = Desk({key: TemporarilyUnavailable("t")})
    sent = two_objects()
    sent["Records"][1] = sent["Records"][1] | {"eventName": "ObjectRemoved:Delete"}
    assert desk.answer([message(sent)]) == ["message-1"]
    assert desk.letters() == []
    assert desk.answer([message(sent, receives=MAX_RECEIVES)]) == []
    assert desk.letters()[0][1] == "InvalidRequest"


@pytest.mark.parametrize("status", [403, 500])
def test_a_message_that_cannot_be_sent_to_the_dead_letters_comes_again(status: int) -> None:
    desk = Desk({"bad": AccessDenied("a")})
    desk.web[SQS_URL] = reply({"__type": "AccessDeniedException"}, status)
    with failures() as logged:
        assert desk.answer(batch(["bad", "good"])) == ["message-1"]
    (line,) = logged()
    assert line["message"].startswith("dead letter not sent: ")
    assert line["level"] == "ERROR"


def test_without_a_queue_for_dead_letters_every_failure_comes_again() -> None:
    """Then SQS moves it by itself, without a reason."""
    desk = Desk({"bad": AccessDenied("a")}, dead_letters=None)
    with failures() as logged:
        assert desk.answer(batch(["bad", "good"], receives=MAX_RECEIVES)) == ["message-1"]
    assert logged() == []


def test_messages_that_the_time_does_not_allow_to_begin_come_again() -> None:
    desk = Desk()
    desk.meanwhile = lambda: desk.clock.advance(20)
    again = desk.answer(batch(["a", "b", "c", "d"]), seconds=60.4 + MESSAGE_SECONDS)
    assert again == ["message-4"]
    assert [key for _, key in desk.given] == ["a", "b", "c"]


def test_a_message_that_is_received_for_the_last_time_when_no_time_is_left_is_for_sqs_to_move() -> None:
    desk = Desk()
    desk.meanwhile = lambda: desk.clock.advance(100)
    with failures() as logged:
        assert desk.answer(batch(["a", "b"], receives=MAX_RECEIVES)) == ["message-2"]
    assert [line["message"] for line in logged()] == ["dead letter not sent: deadline"]


def test_a_fifo_queue_s_messages_after_a_failure_come_again_in_their_order() -> None:
    desk = Desk({"busy": TemporarilyUnavailable("t")})
    again = desk.answer(batch(["good", "busy", "c", "d"], sample="sqs-fifo"))
    assert again == ["message-2", "message-3", "message-4"]
    assert [key for _, key in desk.given] == ["good", "busy"]


def test_a_fifo_queue_s_batch_that_fails_as_a_whole_is_reported_and_not_raised() -> None:
    desk = Desk({"busy": TemporarilyUnavailable("t")})
    assert desk.answer(batch(["busy", "a"], sample="sqs-fifo")) == ["message-1", "message-2"]


def test_a_fifo_queue_s_messages_after_a_dead_letter_are_answered() -> None:
    desk = Desk({"bad": AccessDenied("a")}, f"{DEAD_LETTERS}.fifo")
    assert desk.answer(batch(["bad", "good"], sample="sqs-fifo")) == []
    sent = json.loads(desk.web.calls[0].body)
    assert (sent["MessageGroupId"], sent["MessageDeduplicationId"]) == ("1", "message-1")
    assert [key for _, key in desk.given] == ["bad", "good"]


def test_a_batch_after_another_knows_nothing_of_it() -> None:
    desk = Desk({"busy": TemporarilyUnavailable("t")})
    assert desk.answer(batch(["busy"], sample="sqs-fifo")) == ["message-1"]
    assert desk.answer(batch(["good"], sample="sqs-fifo")) == []


def test_a_defect_is_logged_without_its_message_and_its_message_comes_again(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()

    def fail() -> None:
        raise ZeroDivisionError("would quote a secret")

    desk.meanwhile = fail
    with caplog.at_level(logging.DEBUG), failures() as logged:
        assert desk.answer(batch(["a"])) == ["message-1"]
    (line,) = logged()
    assert line["exception_name"] == "ZeroDivisionError"
    assert "secret" not in f"{line} {caplog.text}"
