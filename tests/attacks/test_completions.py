"""Callbacks are completed by what api2 says, once, and whatever fails brings its notification back."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from broker.base.net import OutOfReach

from tests.kit.brokers import SECRETS_URL
from tests.kit.notifications import (
    ASSEMBLY_ID,
    FAIL_URL,
    KEY,
    LAMBDA_URL,
    SECRET,
    STATES_URL,
    STATUS_URL,
    SUCCEED_URL,
    TASK,
    Reception,
    sign,
)
from tests.kit.web import reply

OTHER_ID = "fedcba98765443218fedcba987654321"
CREDENTIAL = ("transloadit/default", "AWSCURRENT")
BEFORE = ("transloadit/default", "AWSPREVIOUS")
NEW_KEY, NEWEST_KEY = "22" * 32, "33" * 32


def test_what_api2_says_counts_whatever_the_notification_says() -> None:
    """The secret may have leaked, or a notification of an earlier state may come late."""
    for code, done in (("INVALID_FILE_META_DATA", "failed"), ("ASSEMBLY_CANCELED", "failed")):
        reception = Reception()
        reception.says(code)
        assert reception.post().body == {"status": done}
        assert [told["ErrorType"] for _, told in reception.completions] == [code]
    reception = Reception()
    assert reception.post(reception.text("INVALID_FILE_META_DATA")).body == {"status": "completed"}
    assert [name for name, _ in reception.completions] == ["succeed"]


@pytest.mark.parametrize("code", ["ASSEMBLY_UPLOADING", "ASSEMBLY_EXECUTING", "ASSEMBLY_REPLAYING"])
def test_a_notification_of_an_end_that_api2_does_not_know_yet_brings_it_back_later(code: str) -> None:
    reception = Reception()
    reception.says(code)
    for body in ("ASSEMBLY_COMPLETED", "ASSEMBLY_CANCELED", "REQUEST_ABORTED", "INVALID_FILE_META_DATA"):
        assert reception.refuses(reception.post(reception.text(body)), 503)
    reception.says("ASSEMBLY_COMPLETED")
    assert reception.post().body == {"status": "completed"}


@pytest.mark.parametrize(
    "code", ["ASSEMBLY_UPLOADING", "ASSEMBLY_EXECUTING", "ASSEMBLY_REPLAYING", "ASSEMBLY_NEW_STATE"]
)
def test_a_notification_of_an_assembly_that_runs_completes_nothing(code: str) -> None:
    reception = Reception()
    reception.says(code)
    assert reception.post(reception.text(code)).body == {"status": "none"}
    assert reception.completions == []
    assert reception.record.assembly is not None
    assert reception.record.assembly.callback == "none"


def test_a_code_that_nobody_knows_completes_nothing_and_is_no_failure() -> None:
    reception = Reception()
    reception.says("ASSEMBLY_NEW_STATE")
    assert reception.post().body == {"status": "none"}
    assert reception.completions == []


@pytest.mark.parametrize("code", ["ASSEMBLY_CANCELED", "REQUEST_ABORTED"])
def test_ok_of_an_assembly_that_was_stopped_is_no_success(code: str) -> None:
    reception = Reception()
    reception.says(code)
    assert reception.post(reception.text(code)).body == {"status": "failed"}
    assert [name for name, _ in reception.completions] == ["fail"]


def test_an_error_beside_the_ok_of_success_is_a_failure() -> None:
    reception = Reception()
    reception.says("ASSEMBLY_COMPLETED", error="INTERNAL_COMMAND_ERROR")
    assert reception.post().body == {"status": "failed"}


@pytest.mark.parametrize("error", ["no code", 7, {}, "", "a" * 65, "CODE\n"])
def test_an_error_that_is_no_code_is_no_success_and_reaches_no_callback(error: Any) -> None:
    reception = Reception()
    reception.says("ASSEMBLY_COMPLETED", error=error)
    assert reception.refuses(reception.post(), 503)


@pytest.mark.parametrize("workspace", ["others", "ACME", "", None])
def test_an_assembly_of_another_workspace_completes_nothing_and_is_alarmed(workspace: str | None) -> None:
    reception = Reception()
    reception.says("ASSEMBLY_COMPLETED", account_slug=workspace)
    assert reception.refuses(reception.post(), 403)
    assert reception.record.alarms == {"ForeignAssembly"}


@pytest.mark.parametrize(
    "notify_url",
    [
        "https://evil.example/",
        f"https://tokens.example.com/notifications/{ASSEMBLY_ID}?c=AAAA",
        f"https://tokens.example.com/notifications/{OTHER_ID}?c=",
        "",
    ],
)
def test_an_assembly_that_notifies_somebody_else_completes_nothing_and_is_alarmed(notify_url: str) -> None:
    reception = Reception()
    reception.says("ASSEMBLY_COMPLETED", notify_url=notify_url)
    assert reception.refuses(reception.post(), 403)
    assert reception.record.alarms == {"ForeignAssembly"}


def test_a_callback_of_the_same_assembly_that_was_sealed_for_another_caller_completes_nothing() -> None:
    """A second caller of one key gets the status, and its callback never became the Assembly's."""
    reception = Reception()
    assert reception.refuses(reception.post(c=reception.seal(TASK)), 403)


def test_a_status_without_notify_url_is_taken() -> None:
    reception = Reception()
    reception.says("ASSEMBLY_COMPLETED", notify_url=None)
    assert reception.post().status == 200


def test_no_url_of_the_body_is_ever_called() -> None:
    reception = Reception()
    evil = "https://evil.example/assemblies/x"
    text = reception.text(assembly_url=evil, assembly_ssl_url=evil, notify_url=evil, results={"a": [{"url": evil}]})
    assert reception.post(text).status == 200
    assert {call.url for call in reception.web.calls} == {SECRETS_URL, STATUS_URL, SUCCEED_URL}


@pytest.mark.parametrize(
    "answer",
    [
        reply({"error": "ASSEMBLY_NOT_FOUND"}, 404),
        reply({"error": "ASSEMBLY_STATUS_FETCHING_RATE_LIMIT_REACHED", "info": {"retryIn": 7}}, 429),
        reply(b"", 503),
        OutOfReach("timeout"),
    ],
    ids=str,
)
def test_an_outage_of_api2_brings_it_back_later(answer: Any) -> None:
    reception = Reception()
    reception.web[STATUS_URL] = answer
    assert reception.refuses(reception.post(), 503)


@pytest.mark.parametrize("answer", [b"<html>", b"{}", b'{"ok": "ASSEMBLY_COMPLETED"}', b"[]"])
def test_nonsense_of_api2_completes_nothing(answer: bytes) -> None:
    reception = Reception()
    reception.web[STATUS_URL] = reply(answer)
    assert reception.refuses(reception.post(), 503)


def test_the_status_of_another_assembly_completes_nothing() -> None:
    reception = Reception()
    reception.says("ASSEMBLY_COMPLETED", assembly_id=OTHER_ID)
    assert reception.refuses(reception.post(), 503)


def test_a_notification_that_comes_twice_is_answered_twice_and_completes_once() -> None:
    reception = Reception()
    over = reply({"message": "x"}, 400, x_amzn_errortype="CallbackTimeoutException")
    reception.web.then(SUCCEED_URL, reply(b""), over)
    assert [reception.post().body for _ in range(2)] == [{"status": "completed"}, {"status": "late"}]
    assert [record.status for record in reception.records] == [200, 200]


@pytest.mark.parametrize(("name", "status"), [("CallbackTimeoutException", 400), ("ResourceNotFoundException", 404)])
def test_a_durable_function_that_waits_no_more_needs_no_further_notification(name: str, status: int) -> None:
    reception = Reception()
    reception.web[SUCCEED_URL] = reply({"message": "x"}, status, x_amzn_errortype=name)
    assert reception.post().body == {"status": "late"}


@pytest.mark.parametrize("name", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_a_task_that_waits_no_more_needs_no_further_notification(name: str) -> None:
    reception = Reception()
    reception.sealed = reception.seal(TASK)
    reception.says("ASSEMBLY_COMPLETED")
    reception.web[STATES_URL] = reply({"__type": name}, 400)
    assert reception.post().body == {"status": "late"}


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (OutOfReach("timeout"), 503),
        (reply({}, 500, x_amzn_errortype="ServiceException"), 503),
        (reply({}, 429, x_amzn_errortype="TooManyRequestsException"), 503),
        (reply({}, 403, x_amzn_errortype="AccessDeniedException"), 500),
        (reply({}, 400, x_amzn_errortype="InvalidParameterValueException"), 500),
        (reply(b"<html>"), 500),
    ],
    ids=str,
)
def test_a_completion_that_did_not_happen_brings_api2_back_later(answer: Any, status: int) -> None:
    reception = Reception()
    reception.web[SUCCEED_URL] = answer
    got = reception.post()
    assert (got.status, reception.record.status) == (status, status)
    reception.web[SUCCEED_URL] = reply({})
    assert reception.post().body == {"status": "completed"}


def test_an_outage_of_secrets_manager_brings_api2_back_later() -> None:
    reception = Reception()
    reception.vault.is_down = True
    assert reception.refuses(reception.post(), 503)
    reception.vault.is_down = False
    assert reception.post().body == {"status": "completed"}


def test_an_outage_of_secrets_manager_is_no_refusal_of_a_signature_that_may_be_good() -> None:
    reception = Reception()
    reception.post()
    reception.vault.is_down = True
    reception.vault.reads.clear()
    text = reception.text()
    for _ in range(3):
        assert reception.post(text, sign(text, "new-secret")).status == 503
    assert len(reception.completions) == 1
    assert len(reception.vault.reads) == 2  # one read, sent again once


def test_an_invocation_without_time_completes_nothing() -> None:
    reception = Reception()
    text = reception.text()
    body = urlencode({"transloadit": text, "signature": sign(text)})
    assert reception.refuses(reception.send(body, seconds=0.5), 503)


def test_neither_answer_nor_record_says_more_than_it_must() -> None:
    reception = Reception()
    answers = [reception.post().text, reception.post(c="AAAA").text, reception.post(signature="sha256:x").text]
    reception.says("ASSEMBLY_COMPLETED", account_slug="others")
    answers.append(reception.post().text)
    said = "".join(answers) + repr(reception.records)
    for secret in (ASSEMBLY_ID, reception.sealed, SECRET, KEY, LAMBDA_URL, "the-auth-key", sign(reception.text())):
        assert secret not in said
    for address in ("https://", "acme"):
        assert address not in "".join(answers)
    assert len(reception.records) == len(answers)


@pytest.mark.parametrize("shows_id", [True, False])
@pytest.mark.parametrize("code", ["ASSEMBLY_COMPLETED", "INVALID_FILE_META_DATA"])
def test_the_result_holds_no_url_and_the_id_only_where_the_policy_says_so(code: str, shows_id: bool) -> None:
    for callback in ("durable", "task"):
        reception = Reception()
        reception.sealed = reception.seal(*([TASK] if callback == "task" else []), shows_id=shows_id)
        reception.says(code)
        assert reception.post().status == 200
        ((_, told),) = reception.completions
        assert (ASSEMBLY_ID in json.dumps(told)) == shows_id
        assert "https:" not in json.dumps(told)


def test_a_defect_leaves_its_record_and_completes_nothing() -> None:
    def broken() -> Any:
        raise RuntimeError("quotes the-auth-secret")

    reception = Reception()
    reception.web[STATUS_URL] = broken
    assert reception.refuses(reception.post(), 500)
    assert SECRET not in repr(reception.record)
    assert reception.web.count(FAIL_URL) == 0
