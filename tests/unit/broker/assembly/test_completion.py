"""From a notification to a completed callback, as it goes where nothing is wrong."""

from typing import Any

import pytest
from broker.assembly.completion import make_ending
from broker.assembly.endpoint import Status
from broker.assembly.identity import hash_id
from broker.aws.callbacks import Ending
from broker.base.audit import AssemblyNotes

from tests.kit.notifications import ASSEMBLY_ID, STATUS_URL, TASK, Reception, sign

SHOWN = {"assembly_id": ASSEMBLY_ID}


def test_a_notification_of_success_completes_the_callback_of_a_durable_function() -> None:
    reception = Reception()
    answer = reception.post()
    assert (answer.status, answer.body) == (200, {"status": "completed"})
    assert answer.headers["cache-control"] == "no-store"
    assert reception.completions == [("succeed", {"ok": "ASSEMBLY_COMPLETED"} | SHOWN)]
    (asked,) = (call for call in reception.web.calls if call.url == STATUS_URL)
    assert (asked.method, "authorization" in asked.headers) == ("GET", False)


def test_a_notification_of_failure_fails_the_callback_under_api2_s_code() -> None:
    reception = Reception()
    reception.says("INVALID_FILE_META_DATA")
    assert reception.post(reception.text("INVALID_FILE_META_DATA")).body == {"status": "failed"}
    ((name, told),) = reception.completions
    assert (name, told["ErrorType"]) == ("fail", "INVALID_FILE_META_DATA")
    assert told["ErrorMessage"] == "The Assembly ended with INVALID_FILE_META_DATA."


@pytest.mark.parametrize(
    ("code", "operation"), [("ASSEMBLY_COMPLETED", "SendTaskSuccess"), ("INVALID_FILE_META_DATA", "SendTaskFailure")]
)
def test_a_task_of_a_state_machine_is_completed_by_its_token(code: str, operation: str) -> None:
    reception = Reception()
    reception.sealed = reception.seal(TASK)
    reception.says(code)
    assert reception.post().status == 200
    ((name, told),) = reception.completions
    assert (name, told["taskToken"]) == (operation, TASK.value)


def test_a_file_whose_metadata_end_with_half_a_character_keeps_no_callback_from_completion() -> None:
    reception = Reception()
    uploads = [{"name": "a.jpg", "meta": {"title": "cut \ud83d"}}]
    reception.says("ASSEMBLY_COMPLETED", uploads=uploads)
    assert reception.post(reception.text(uploads=uploads)).body == {"status": "completed"}


def test_each_notification_leaves_one_record_with_the_hash_of_its_assembly() -> None:
    reception = Reception()
    reception.post()
    (record,) = reception.records
    assert (record.outcome, record.status, record.proof) == ("granted", 200, "sealed callback")
    assert record.assembly == AssemblyNotes(
        source="notification", id_sha256=hash_id(ASSEMBLY_ID), status="ASSEMBLY_COMPLETED", callback="completed"
    )
    reception.post(signature=sign("another text"))
    assert reception.records[1].reason == "signature"
    assert reception.records[1].assembly == AssemblyNotes(source="notification", id_sha256=hash_id(ASSEMBLY_ID))


def test_the_record_of_a_completion_that_failed_says_what_api2_said() -> None:
    reception = Reception()
    reception.says("ASSEMBLY_EXECUTING")
    assert reception.post().status == 503
    assert reception.record.assembly is not None
    assert (reception.record.assembly.status, reception.record.assembly.callback) == ("ASSEMBLY_EXECUTING", None)


def test_secrets_are_read_once_for_many_notifications() -> None:
    reception = Reception()
    for _ in range(20):
        assert reception.post().status == 200
    assert len(reception.vault.reads) == 3  # the pipeline key, the one before it, the Auth Secret


def status(code: str, has_failed: bool) -> Status:
    return Status(ASSEMBLY_ID, f"https://a.example/{ASSEMBLY_ID}", code, has_failed, "acme", None, {}, None)


@pytest.mark.parametrize(
    ("code", "has_failed", "ending"),
    [
        ("ASSEMBLY_COMPLETED", False, Ending({"ok": "ASSEMBLY_COMPLETED"} | SHOWN)),
        ("ASSEMBLY_EXECUTING", False, None),
        ("ASSEMBLY_REPLAYING", False, None),
        ("ASSEMBLY_NEW_STATE", False, None),
        *(
            (code, True, Ending({"error": code} | SHOWN, code, f"The Assembly ended with {code}."))
            for code in ("ASSEMBLY_CANCELED", "REQUEST_ABORTED", "INVALID_FILE_META_DATA", "ASSEMBLY_COMPLETED")
        ),
    ],
)
def test_a_wait_ends_as_the_assembly_did(code: str, has_failed: bool, ending: Any) -> None:
    assert make_ending(status(code, has_failed), shows_id=True) == ending


def test_the_id_is_left_out_where_the_policy_says_so() -> None:
    ending = make_ending(status("ASSEMBLY_COMPLETED", False), shows_id=False)
    assert ending == Ending({"ok": "ASSEMBLY_COMPLETED"})
