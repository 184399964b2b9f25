"""Notifications of Assemblies that have ended: their content, their signature, and repeated attempts."""

import json
from typing import Any

import pytest

from tests.kit.api2 import KEY, OTHERS, PINNED, Api2, sign
from tests.kit.receivers import Receiver
from tests.kit.waiting import wait_until


def replay(api2: Api2, made: dict[str, Any], **options: Any) -> tuple[int, Any]:
    return api2.signed("POST", f"/assembly_notifications/{made['assembly_id']}/replay", **options)


def test_the_status_is_posted_once_signed_by_the_key_that_made_the_assembly(api2: Api2, receiver: Receiver) -> None:
    made = api2.assembly(notify_url=receiver.url)
    api2.advance(10)
    wait_until(lambda: api2.status(made)["notify_status"] == "successful")
    (got,) = receiver.got
    assert got.keys() == {"transloadit", "signature"}
    assert got["signature"] == sign(got["transloadit"], KEY)
    assert json.loads(got["transloadit"])["ok"] == "ASSEMBLY_COMPLETED"
    told = {"notify_url": receiver.url, "notify_response_code": 200, "notify_response_data": "taken"}
    assert told.items() <= api2.status(made).items()


def test_a_notification_of_a_bearer_s_assembly_is_signed_by_the_token_s_key_and_algorithm(
    api2: Api2, receiver: Receiver
) -> None:
    api2.signed("PUT", f"/auth_keys/{PINNED.id}", scope="write")
    token = api2.bearer(key=PINNED)
    api2.by(token, "POST", "/assemblies", steps={"a": {"robot": "/image/resize"}}, notify_url=receiver.url)
    api2.advance(10)
    wait_until(lambda: len(receiver.got) == 1)
    assert receiver.got[0]["signature"] == sign(receiver.got[0]["transloadit"], PINNED, "sha256")


def test_five_attempts_are_made_within_a_minute_and_each_is_recorded(api2: Api2, receiver: Receiver) -> None:
    receiver.status = 503
    made = api2.assembly(notify_url=receiver.url)
    path = f"/assembly_notifications/{made['assembly_id']}"

    def tried() -> int:
        return int(api2.send("GET", path)[1]["count"])

    def next_try_after(seconds: int) -> None:
        before = tried()
        api2.advance(seconds)
        wait_until(lambda: tried() == before + 1)

    for seconds in (10, 4, 8, 16, 32):
        next_try_after(seconds)
    api2.advance(3600)
    assert api2.status(made)["notify_status"] == "failed"
    items = api2.send("GET", path)[1]["items"]
    assert [(item["url"], item["response_code"]) for item in items] == [(receiver.url, 503)] * 5
    assert len(receiver.got) == 5


def test_a_replay_goes_out_again_there_or_elsewhere(api2: Api2, receiver: Receiver) -> None:
    made = api2.assembly()
    api2.advance(10)
    status, body = replay(api2, made, notify_url=receiver.url)
    assert (status, body["ok"], body["success"]) == (200, "ASSEMBLY_NOTIFICATION_REPLAYED", True)
    assert len(receiver.got) == 1
    shown = api2.send("GET", f"/assembly_notifications/{made['assembly_id']}")[1]["items"]
    assert [item["id"] for item in shown] == [body["notification_id"]]
    assert replay(api2, made, notify_url=receiver.url, wait=False)[1]["ok"] == "ASSEMBLY_NOTIFICATION_REPLAYING"
    wait_until(lambda: len(receiver.got) == 2)


def test_a_replay_elsewhere_leaves_the_notify_url_of_the_assembly_as_it_was(api2: Api2, receiver: Receiver) -> None:
    made = api2.assembly(notify_url=receiver.url)
    api2.advance(10)
    wait_until(lambda: api2.status(made)["notify_status"] == "successful")
    elsewhere = f"{receiver.url}?replayed"
    replay(api2, made, notify_url=elsewhere)
    shown = api2.send("GET", f"/assembly_notifications/{made['assembly_id']}")[1]["items"]
    assert [item["url"] for item in shown] == [receiver.url, elsewhere]
    assert api2.status(made)["notify_url"] == receiver.url


@pytest.mark.parametrize(("status", "told"), [(204, "successful"), (299, "successful"), (302, "failed")])
def test_a_notification_is_taken_by_every_2xx_and_by_no_redirect(
    api2: Api2, receiver: Receiver, status: int, told: str
) -> None:
    receiver.status = status
    made = api2.assembly(notify_url=receiver.url)
    api2.advance(10)
    wait_until(lambda: api2.status(made)["notify_status"] is not None)
    assert (api2.status(made)["notify_status"], api2.status(made)["notify_response_code"]) == (told, status)


def test_a_notification_is_never_sent_off_this_machine(api2: Api2) -> None:
    made = api2.assembly(notify_url="https://hook.example/")
    api2.advance(10)
    wait_until(lambda: api2.status(made)["notify_status"] == "failed")
    assert api2.status(made)["notify_error"] == "the sandbox notifies this machine only"


def test_a_receiver_that_is_not_there_is_a_failed_try(api2: Api2) -> None:
    made = api2.assembly()
    api2.advance(10)
    replay(api2, made, notify_url="http://127.0.0.1:9/")
    assert api2.status(made)["notify_error"] == "ClientConnectorError"


@pytest.mark.parametrize(
    ("seconds", "options", "error"),
    [
        (0, {}, "ASSEMBLY_NOT_FINISHED"),
        (10, {}, "ASSEMBLY_NO_NOTIFY_URL"),
        (10, {"notify_url": "ftp://a"}, "ASSEMBLY_INVALID_NOTIFY_URL"),
        (10, {"key": OTHERS}, "ASSEMBLY_ACCOUNT_MISMATCH"),
    ],
    ids=str,
)
def test_a_replay_that_cannot_be_is_refused(api2: Api2, seconds: int, options: dict[str, Any], error: str) -> None:
    made = api2.assembly()
    api2.advance(seconds)
    assert replay(api2, made, **options)[1]["error"] == error
