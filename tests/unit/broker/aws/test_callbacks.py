"""Completions of callbacks: what Lambda and Step Functions are sent, and how their refusals are read."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from broker.aws.callbacks import SECONDS, Callbacks, Ending
from broker.base.errors import BrokerFault, TemporarilyUnavailable
from broker.base.net import OutOfReach
from broker.base.progress import Deadline

from tests.kit.brokers import aws_by
from tests.kit.clock import Clock
from tests.kit.web import Reply, Web, reply

CALLBACK_ID = "Ab+/9" * 100 + "=="
DURABLE_URL = f"https://lambda.us-east-1.amazonaws.com/2025-12-01/durable-execution-callbacks/{quote(CALLBACK_ID, '')}"
SUCCEED_URL, FAIL_URL = f"{DURABLE_URL}/succeed", f"{DURABLE_URL}/fail"
STATES_URL = "https://states.us-east-1.amazonaws.com/"
TOKEN = "the-task-token"
WELL = Ending({"ok": "ASSEMBLY_COMPLETED"})
BADLY = Ending({"error": "INVALID_FILE"}, "INVALID_FILE", "The Assembly failed.")


class Desk:
    def __init__(self, answer: Reply | None = None, kind: Any = "durable") -> None:
        self.clock = Clock()
        self.web = Web()
        self.kind = kind
        for url in (SUCCEED_URL, FAIL_URL, STATES_URL):
            self.web[url] = answer or reply({})

    def complete(self, ending: Ending = WELL, seconds: float = 15) -> bool:
        value = CALLBACK_ID if self.kind == "durable" else TOKEN
        return Callbacks(aws_by(self.web, self.clock)).complete(self.kind, value, ending, Deadline(self.clock, seconds))


def refusal(name: str, status: int = 400, **headers: str) -> Any:
    """Lambda names an error in a header, Step Functions in the body."""
    return reply({"__type": f"com.amazonaws#{name}", "message": "quotes"}, status, x_amzn_errortype=name)


def test_a_durable_function_s_callback_succeeds_with_the_result_as_json() -> None:
    desk = Desk()
    assert desk.complete()
    (call,) = desk.web.calls
    assert (call.method, call.url, json.loads(call.body)) == ("POST", SUCCEED_URL, {"ok": "ASSEMBLY_COMPLETED"})


def test_a_durable_function_s_callback_fails_under_the_error_s_name() -> None:
    desk = Desk()
    assert desk.complete(BADLY)
    (call,) = desk.web.calls
    assert (call.method, call.url) == ("POST", FAIL_URL)
    assert json.loads(call.body) == {
        "ErrorType": "INVALID_FILE",
        "ErrorMessage": "The Assembly failed.",
        "ErrorData": '{"error":"INVALID_FILE"}',
    }


def test_a_task_succeeds_with_the_result_as_json() -> None:
    desk = Desk(kind="task")
    assert desk.complete()
    (call,) = desk.web.calls
    assert call.headers["x-amz-target"] == "AWSStepFunctions.SendTaskSuccess"
    assert json.loads(call.body) == {"taskToken": TOKEN, "output": '{"ok":"ASSEMBLY_COMPLETED"}'}


def test_a_task_fails_under_the_error_s_name() -> None:
    desk = Desk(kind="task")
    assert desk.complete(BADLY)
    (call,) = desk.web.calls
    assert call.headers["x-amz-target"] == "AWSStepFunctions.SendTaskFailure"
    assert json.loads(call.body) == {"taskToken": TOKEN, "error": "INVALID_FILE", "cause": '{"error":"INVALID_FILE"}'}


@pytest.mark.parametrize("ending", [WELL, BADLY], ids=["well", "badly"])
@pytest.mark.parametrize("kind", ["durable", "task"])
def test_an_empty_answer_completes_a_callback_since_it_has_no_members(kind: str, ending: Ending) -> None:
    assert Desk(reply(b""), kind).complete(ending)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b" ", b"null"])
@pytest.mark.parametrize("kind", ["durable", "task"])
def test_an_answer_of_another_form_completes_nothing(kind: str, body: bytes) -> None:
    with pytest.raises(BrokerFault, match="callback cannot be completed"):
        Desk(reply(body), kind).complete()


@pytest.mark.parametrize(("seconds", "allowed"), [(15, SECONDS), (2.5, 2.0)])
def test_a_completion_ends_in_time(seconds: float, allowed: float) -> None:
    desk = Desk()
    desk.complete(seconds=seconds)
    assert desk.web.calls[0].seconds == pytest.approx(allowed)


def test_a_completion_that_failed_once_is_sent_again() -> None:
    desk = Desk()
    desk.web.then(SUCCEED_URL, refusal("ServiceException", 500))
    assert desk.complete()
    assert desk.web.count(SUCCEED_URL) == 2


@pytest.mark.parametrize(
    ("kind", "name", "status"),
    [
        ("durable", "CallbackTimeoutException", 400),
        ("durable", "ResourceNotFoundException", 404),
        ("task", "TaskTimedOut", 400),
        ("task", "TaskDoesNotExist", 400),
        ("task", "InvalidToken", 400),
    ],
)
@pytest.mark.parametrize("ending", [WELL, BADLY], ids=["well", "badly"])
def test_a_wait_that_is_over_is_no_failure(kind: str, name: str, status: int, ending: Ending) -> None:
    assert not Desk(refusal(name, status), kind).complete(ending)


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("durable", refusal("ServiceException", 500)),
        ("durable", refusal("TooManyRequestsException", 429)),
        ("durable", refusal("KMSDisabledException", 502)),
        ("task", refusal("ThrottlingException")),
        ("task", refusal("KmsThrottlingException")),
        ("task", reply(b"", 503)),
        ("durable", OutOfReach("timeout")),
        ("task", OutOfReach("connection")),
    ],
)
def test_a_completion_that_may_pass_the_next_time_is_temporarily_unavailable(kind: str, answer: Reply) -> None:
    with pytest.raises(TemporarilyUnavailable):
        Desk(answer, kind).complete()


@pytest.mark.parametrize(
    ("kind", "name", "status"),
    [
        ("durable", "InvalidParameterValueException", 400),
        ("durable", "AccessDeniedException", 403),
        ("task", "AccessDeniedException", 400),
        ("task", "InvalidOutput", 400),
        ("task", "KmsAccessDeniedException", 400),
    ],
)
def test_another_refusal_is_a_fault_that_names_it_and_quotes_nothing(kind: str, name: str, status: int) -> None:
    with pytest.raises(BrokerFault) as caught:
        Desk(refusal(name, status), kind).complete()
    assert caught.value.reason == f"callback cannot be completed: {name}"
