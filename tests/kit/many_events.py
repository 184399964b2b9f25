"""Many events of new objects at once, by the queue and by invocations, and what has become of each."""

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from local.aws.account import make_queue_url
from tests.kit.events import created, notified
from tests.kit.handlers import event
from tests.kit.kept import LETTERS, connect, read_messages, read_statuses
from tests.kit.processes import find_supervisor, paused
from tests.kit.stacks import Client
from tests.kit.waiting import wait_until

QUEUE = make_queue_url("AssemblyQueue")
TRIES = 3  # of Lambda for an asynchronous invocation
SECONDS = 100.0  # that a run takes at most
# Seconds after which a message that was not done comes again. As deployed it is six minutes.
_VISIBILITY = 2

type Disturb = Callable[["Run"], None]


@dataclass(frozen=True)
class Sent:
    """An event of the object `key`, which goes by the queue or by an invocation.

    `error`: the name under which it is refused. Without one it becomes an Assembly.
    """

    event: Any
    by_queue: bool
    key: str
    error: str = ""

    @property
    def body(self) -> str:
        return json.dumps(self.event)


@dataclass(frozen=True)
class Letter:
    """A dead letter: the event that failed, as it was sent, and why. `message` is the queue's."""

    body: str
    error: str
    reason: str
    message: dict[str, Any]


def make_events(count: int) -> list[Sent]:
    """Events of so many objects, a fifth of them doubled, and one in twenty more that is refused; in any order."""
    run, found = uuid.uuid4().hex, []
    for number in range(count):
        key, by_queue = f"{run}/a film+{number} ü%.mp4", number % 2 == 0
        found.append(_tell_of(key, by_queue))
        if number % 5 == 0:  # every second time by the other way
            found.append(_tell_of(key, by_queue if number % 10 else not by_queue))
    for number in range(count // 20):
        key, by_queue = f"{run}/refused {number}", number % 2 == 0
        if number % 4 < 2:
            found.append(_tell_of(key, by_queue, "another-bucket", "AccessDenied"))
        else:
            found.append(Sent({"template": "encode", "key": key, "fields": []}, by_queue, key, "InvalidRequest"))
    Random(1).shuffle(found)
    return found


def _tell_of(key: str, by_queue: bool, bucket: str = "originals", error: str = "") -> Sent:
    return Sent((notified if by_queue else created)(key, bucket), by_queue, key, error)


class Invocations:
    """Lambda's asynchronous invocations: three tries, then a message to the destination of failures.

    The pauses of a minute or two are left out: each round of tries waits for the one before.
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    """

    def __init__(self, stack: Client) -> None:
        self._stack = stack
        self.answers: list[Any] = []

    def run(self, bodies: Sequence[str]) -> None:
        left = [(body, None) for body in bodies]
        with ThreadPoolExecutor(4) as threads:
            for _ in range(TRIES):
                tried = threads.map(lambda each: (each[0], self._invoke(each[0])), left)
                left = [each for each in tried if is_failure(each[1])]
        for body, answer in left:
            self._keep(body, answer)

    def have_come_to(self, number: int) -> bool:
        return len(self.answers) >= number

    def count(self, *names: str) -> int:
        """How many ended with an error of one of these names."""
        return sum(is_failure(answer) and answer["errorType"] in names for answer in [*self.answers])

    def _invoke(self, body: str) -> Any:
        answer = self._stack.invoke(body.encode(), "AssemblyFunction").body
        self.answers.append(answer)
        return answer

    def _keep(self, body: str, answer: Any) -> None:
        """https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html"""
        context = {"condition": "RetriesExhausted", "approximateInvokeCount": TRIES}
        letter = {"requestContext": context, "requestPayload": json.loads(body), "responsePayload": answer}
        connect(self._stack, "sqs").send_message(QueueUrl=LETTERS, MessageBody=json.dumps(letter))


def is_failure(answer: Any) -> bool:
    return isinstance(answer, dict) and "errorType" in answer


class Run:
    """Events on their way through a stack, and what has become of them."""

    def __init__(self, stack: Client) -> None:
        self.stack = stack
        self.invocations = Invocations(stack)
        self.messages: dict[str, str] = {}  # the bodies by the messages' ids
        self.seconds = 0.0
        self._queues = connect(stack, "sqs")
        self._before = len(self._read_records())

    def send(self, events: Sequence[Sent], disturb: Sequence[Disturb] = ()) -> None:
        """Send the events and wait until all are done. Meanwhile each disturbance happens, at even distances."""
        begun, invoked = time.monotonic(), [sent.body for sent in events if not sent.by_queue]
        with self._impatient_queue(), ThreadPoolExecutor(1) as thread:
            self._send_messages([sent.body for sent in events if sent.by_queue])
            running = thread.submit(self.invocations.run, invoked)
            for place, act in enumerate(disturb):
                due = len(invoked) * place // len(disturb)
                wait_until(partial(self.invocations.have_come_to, due), SECONDS)
                act(self)
            running.result(SECONDS)
            wait_until(self._is_empty, SECONDS)
        self.seconds = time.monotonic() - begun

    def send_again(self, letters: Sequence[Letter]) -> None:
        """Move the letters into the queue, as docs/operations.md has it, and wait until all are done."""
        with self._impatient_queue():
            self._send_messages([letter.message["Body"] for letter in letters])
            wait_until(self._is_empty, SECONDS)
        for letter in letters:
            self._queues.delete_message(QueueUrl=LETTERS, ReceiptHandle=letter.message["ReceiptHandle"])

    def read_letters(self, events: Sequence[Sent]) -> list[Letter]:
        """The dead letters of these events."""
        found, bodies = map(_read_letter, read_messages(self.stack, LETTERS)), {sent.body for sent in events}
        return [letter for letter in found if letter.body in bodies]

    def count_assemblies(self, events: Sequence[Sent]) -> Counter[str]:
        """How many Assemblies there are of each of the objects."""
        keys = {sent.key for sent in events}
        made = (json.loads(status["params"]).get("fields", {}) for status in read_statuses(self.stack).values())
        return Counter(fields["key"] for fields in made if fields.get("key") in keys)

    def list_records(self) -> list[dict[str, Any]]:
        """The Assembly function's audit records since this began."""
        return self._read_records()[self._before :]

    def _read_records(self) -> list[dict[str, Any]]:
        lines = self.stack.logs()["AssemblyFunction-1.log"].splitlines()
        return [json.loads(line)["audit"] for line in lines if '"audit":{' in line]

    @contextmanager
    def _impatient_queue(self) -> Iterator[None]:
        name = "VisibilityTimeout"
        found = self._queues.get_queue_attributes(QueueUrl=QUEUE, AttributeNames=[name])["Attributes"][name]
        set_to = partial(self._queues.set_queue_attributes, QueueUrl=QUEUE)
        set_to(Attributes={name: str(_VISIBILITY)})
        # A poll that waits already would give out what it finds for as long as before. S3's test event ends it.
        self._queues.send_message(QueueUrl=QUEUE, MessageBody=json.dumps(event("s3-test")))
        wait_until(self._is_empty, SECONDS)
        try:
            yield
        finally:
            set_to(Attributes={name: found})

    def _send_messages(self, bodies: Sequence[str]) -> None:
        # moto loses a message that comes while another one is deleted. So the poller, which is the supervisor's, waits.
        with paused(find_supervisor(self.stack)):
            for first in range(0, len(bodies), 10):
                entries = [{"Id": str(at), "MessageBody": body} for at, body in enumerate(bodies[first : first + 10])]
                sent = self._queues.send_message_batch(QueueUrl=QUEUE, Entries=entries)["Successful"]
                self.messages |= {each["MessageId"]: bodies[first + int(each["Id"])] for each in sent}

    def _is_empty(self) -> bool:
        asked = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._queues.get_queue_attributes(QueueUrl=QUEUE, AttributeNames=asked)["Attributes"]
        return set(found.values()) == {"0"}


def _read_letter(message: dict[str, Any]) -> Letter:
    """The two kinds of letters that docs/operations.md names. One without a reason has an empty one."""
    body = json.loads(message["Body"])
    if "requestPayload" in body:
        answer = body["responsePayload"]
        return Letter(json.dumps(body["requestPayload"]), answer["errorType"], answer["errorMessage"], message)
    attributes = {name: each["StringValue"] for name, each in message.get("MessageAttributes", {}).items()}
    return Letter(message["Body"], attributes.get("Error", ""), attributes.get("Reason", ""), message)
