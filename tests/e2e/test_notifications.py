"""Real signed notifications of the sandbox, through the gateway, and what strangers send there."""

import hashlib
import json
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from urllib3.filepost import encode_multipart_formdata

from tests.kit.callers import Answer
from tests.kit.forms import FORM
from tests.kit.notifications import sign
from tests.kit.recorded import Site
from tests.kit.servers import serving
from tests.kit.stacks import Client
from tests.kit.waiting import wait_until

CALLBACK_ID = "Ab+/9cd=="


@pytest.fixture(scope="module")
def waits(client: Client) -> Iterator[Site]:
    """What serves durable executions in place of AWS's runner: every callback is completed."""
    site = Site(lambda asked, number: {})
    with serving(site.app, port=urlsplit(client.stack["durable_url"]).port or 0):
        yield site


def make(client: Client, template: str = "encode", **callback: str) -> dict[str, Any]:
    """A new Assembly, by the Assembly function."""
    fields = {"bucket": "originals", "key": "a.mp4"}
    event = {"template": template, "key": uuid.uuid4().hex, "fields": fields, "callback": callback}
    answer = client.invoke(json.dumps(event).encode(), "AssemblyFunction")
    assert "x-amz-function-error" not in answer.headers, answer.text
    return dict(client.api2.status({"assembly_ssl_url": answer.body["assembly_url"]}))


def notified(client: Client, assembly: dict[str, Any]) -> dict[str, Any]:
    """The status of an Assembly after its notification was accepted, be it at the second try."""
    wait_until(lambda: client.api2.status(assembly)["notify_status"] == "successful")
    return client.api2.status(assembly)


def records_of(client: Client, assembly: dict[str, Any]) -> list[dict[str, Any]]:
    id_sha256 = hashlib.sha256(assembly["assembly_id"].encode()).hexdigest()
    records = [record for record in client.records() if record.get("assembly_id_sha256") == id_sha256]
    return [record for record in records if record["assembly_source"] == "notification"]


def test_the_end_of_an_assembly_completes_the_callback_that_it_was_made_with(clean: Client, waits: Site) -> None:
    waits.reset()
    assembly = make(clean, durable=CALLBACK_ID)
    told = notified(clean, assembly)
    assert (told["notify_response_code"], json.loads(told["notify_response_data"])) == (200, {"status": "completed"})
    (asked,) = waits.asked
    assert asked.path == f"/2025-12-01/durable-execution-callbacks/{CALLBACK_ID}/succeed"
    assert json.loads(asked.body) == {"ok": "ASSEMBLY_COMPLETED", "assembly_id": assembly["assembly_id"]}
    record = records_of(clean, assembly)[-1]
    assert (record["status"], record["assembly_callback"], record["proof"]) == (200, "completed", "sealed callback")


def test_a_task_that_nobody_waits_for_any_more_is_late_and_api2_does_not_come_again(clean: Client, waits: Site) -> None:
    waits.reset()
    waits.then(400, {"__type": "TaskTimedOut"})
    told = notified(clean, make(clean, "encode-by-states", task="AAAAKgAAAAIAAAAA"))
    assert json.loads(told["notify_response_data"]) == {"status": "late"}
    (asked,) = waits.asked
    assert asked.headers["x-amz-target"] == "AWSStepFunctions.SendTaskSuccess"
    assert json.loads(asked.body)["taskToken"] == "AAAAKgAAAAIAAAAA"


def send(client: Client, url: str, text: str, signature: str, as_multipart: bool = False) -> Answer:
    """A notification to the path and query of this URL."""
    parts, fields = urlsplit(url), {"transloadit": text, "signature": signature}
    body, content_type = encode_multipart_formdata(fields) if as_multipart else (urlencode(fields).encode(), FORM)
    return client.send("POST", f"{parts.path}?{parts.query}", body=body, headers={"content-type": content_type})


def test_a_reader_of_the_status_learns_the_url_and_can_do_nothing_with_it(clean: Client, waits: Site) -> None:
    assembly = notified(clean, make(clean, durable=CALLBACK_ID))
    url = assembly["notify_url"]
    waits.reset()
    text, (sealed,) = json.dumps(assembly), parse_qs(urlsplit(url).query)["c"]
    other = url.replace(assembly["assembly_id"], uuid.uuid4().hex)
    secret = clean.stack["auth_secret"]
    outcomes = [
        send(clean, url, text, sign(text, "forged")).outcome,
        send(clean, url, text, sign(text, secret).partition(":")[2]).outcome,
        send(clean, other, text, sign(text, secret)).outcome,
        send(clean, url.replace(sealed, sealed[:-4]), text, sign(text, secret)).outcome,
        send(clean, f"{url}&c=x", text, sign(text, secret)).outcome,
        send(clean, url, "{}", sign("{}", secret)).outcome,
        send(clean, url, text + " " * 1_000_000, "").outcome,
    ]
    refused, malformed = (403, "access_denied"), (400, "invalid_request")
    assert outcomes == [refused, refused, *[malformed] * 4, (413, "invalid_request")]
    assert waits.asked == []


def test_a_replayed_notification_in_either_form_is_answered_by_what_became_of_the_callback(
    clean: Client, waits: Site
) -> None:
    assembly = notified(clean, make(clean, durable=CALLBACK_ID))
    text = json.dumps(assembly)
    over = {"x_amzn_errortype": "CallbackTimeoutException"}
    waits.then(400, {"Message": "The callback has been closed."}, times=2, **over)
    for as_multipart in (False, True):
        answer = send(clean, assembly["notify_url"], text, sign(text, clean.stack["auth_secret"]), as_multipart)
        assert (answer.status, answer.body) == (200, {"status": "late"})
