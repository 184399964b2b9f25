"""Assemblies as pipelines make them, and what may happen to them: outsiders, losses, forgeries, a late status."""

import json
from typing import Any

import pytest

from tests.kit.api2 import KEY, OTHERS, UPLOADS, Api2, sign
from tests.kit.receivers import Receiver
from tests.kit.waiting import wait_until

ID = "0123456789abcdef0123456789abcdef"
IMPORT = {
    "imported": {"robot": "/s3/import", "credentials": "mine", "bucket": "${fields.bucket}", "path": "${fields.key}"},
    "encoded": {"robot": "/video/encode", "use": "imported"},
}


def make(api2: Api2, url: str | None = None) -> dict[str, Any]:
    """An Assembly that imports its file, made under an id of one's own with a bearer token."""
    told = {"notify_url": url} if url else {}
    fields = {"bucket": "originals", "key": "a.mp4"}
    token = api2.bearer("assemblies:write", UPLOADS)
    status, body = api2.by(token, "POST", f"/assemblies/{ID}", steps=IMPORT, fields=fields, **told)
    assert status == 200, body
    return dict(body)


def test_an_assembly_that_only_imports_ends_by_itself_and_tells_so_with_the_secret_of_its_key(
    api2: Api2, receiver: Receiver
) -> None:
    made = make(api2, receiver.url)
    assert (made["ok"], made["account_slug"], made["assembly_id"]) == ("ASSEMBLY_EXECUTING", "sandbox", ID)
    assert json.loads(made["params"])["fields"] == {"bucket": "originals", "key": "a.mp4"}
    api2.advance(10)
    wait_until(lambda: len(receiver.got) == 1)
    (got,) = receiver.got
    assert json.loads(got["transloadit"])["ok"] == "ASSEMBLY_COMPLETED"
    assert json.loads(got["transloadit"])["notify_url"] == receiver.url
    assert got["signature"] == sign(got["transloadit"], UPLOADS)


def test_it_shows_the_tokens_and_signatures_that_it_has_given_out(api2: Api2, receiver: Receiver) -> None:
    make(api2, receiver.url)
    api2.advance(10)
    wait_until(lambda: len(receiver.got) == 1)
    token = api2.bearer("assemblies:write", UPLOADS)
    shown = api2.send("GET", "/_sandbox/secrets")[1]
    assert (shown["tokens"][-1], shown["signatures"]) == (token, [receiver.got[0]["signature"]])


def test_an_outsider_who_knows_the_id_cancels_and_the_notification_says_so(api2: Api2, receiver: Receiver) -> None:
    make(api2, receiver.url)
    assert api2.send("DELETE", f"/assemblies/{ID}")[0] == 200
    wait_until(lambda: len(receiver.got) == 1)
    assert json.loads(receiver.got[0]["transloadit"])["ok"] == "ASSEMBLY_CANCELED"


def test_another_workspace_may_take_an_id_first(api2: Api2) -> None:
    assert api2.signed("POST", f"/assemblies/{ID}", key=OTHERS, steps=IMPORT)[0] == 200
    token = api2.bearer("assemblies:write", UPLOADS)
    assert api2.by(token, "POST", f"/assemblies/{ID}", steps=IMPORT)[1]["error"] == "DO_NOT_REUSE_ASSEMBLY_IDS"
    assert api2.send("GET", f"/assemblies/{ID}")[1]["account_slug"] == "others"


def test_an_assembly_becomes_one_of_another_workspace_or_of_other_params_when_that_is_asked_for(api2: Api2) -> None:
    made = make(api2)
    assert api2.control("squat", assembly_id=ID, workspace="others")[0] == 200
    assert api2.status(made)["account_slug"] == "others"
    assert api2.control("squat", assembly_id=ID, params={"template_id": "another"})[0] == 200
    assert api2.status(made)["params"] == '{"template_id": "another"}'


def test_a_status_is_as_old_as_the_lag_until_the_reset(api2: Api2, receiver: Receiver) -> None:
    made = make(api2, receiver.url)
    assert api2.control("lag", seconds=60)[0] == 200
    api2.advance(10)
    wait_until(lambda: len(receiver.got) == 1)
    assert json.loads(receiver.got[0]["transloadit"])["ok"] == "ASSEMBLY_COMPLETED"
    assert api2.status(made)["ok"] == "ASSEMBLY_EXECUTING"
    api2.control("reset")
    assert api2.status(made)["ok"] == "ASSEMBLY_COMPLETED"


def test_assemblies_execute_for_as_long_as_is_asked_for_until_the_reset(api2: Api2) -> None:
    assert api2.control("execution", seconds=60)[0] == 200
    made = make(api2)
    api2.advance(59)
    assert api2.status(made)["ok"] == "ASSEMBLY_EXECUTING"
    api2.advance(1)
    assert api2.status(made)["ok"] == "ASSEMBLY_COMPLETED"
    api2.control("reset")
    other = api2.assembly()
    api2.advance(10)
    assert api2.status(other)["ok"] == "ASSEMBLY_COMPLETED"


def test_notifications_that_are_lost_never_come(api2: Api2, receiver: Receiver) -> None:
    made = make(api2, receiver.url)
    assert api2.control("notifications", lost=True)[0] == 200
    api2.advance(10)
    wait_until(lambda: api2.status(made)["notify_status"] == "failed")
    assert api2.status(made)["notify_error"] == "lost, as it was asked for"
    assert receiver.got == []
    api2.control("reset")
    api2.advance(4)
    wait_until(lambda: len(receiver.got) == 1)


def test_a_forged_notification_says_what_it_is_told_by_a_secret_that_is_not_the_key_s(
    api2: Api2, receiver: Receiver
) -> None:
    make(api2, receiver.url)
    answer = api2.control("forge", assembly_id=ID, status={"ok": "ASSEMBLY_COMPLETED"})
    assert answer == (200, {"status": 200, "body": "taken", "error": None})
    (got,) = receiver.got
    assert json.loads(got["transloadit"])["ok"] == "ASSEMBLY_COMPLETED"
    assert got["signature"].startswith("sha384:")
    assert got["signature"] != sign(got["transloadit"], UPLOADS)
    api2.control("forge", assembly_id=ID, secret=KEY.secret)
    assert receiver.got[1]["signature"] == sign(receiver.got[1]["transloadit"], KEY)


@pytest.mark.parametrize(
    ("what", "body", "says"),
    [
        ("squat", {"assembly_id": ID, "workspace": "nowhere"}, "no Auth Key of the Workspace nowhere"),
        ("squat", {}, "send such as"),
        ("lag", {"seconds": -1}, "seconds is a number"),
        ("notifications", {"lost": 1}, "lost is true or false"),
        ("forge", {"assembly_id": ID}, "name a url"),
    ],
    ids=str,
)
def test_a_control_that_cannot_be_says_what_to_send(api2: Api2, what: str, body: dict[str, Any], says: str) -> None:
    make(api2)
    status, answer = api2.control(what, **body)
    assert status == 400
    assert says in answer["message"]
