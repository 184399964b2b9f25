"""The Assembly function as deployed, on the sandbox's Assemblies: every form of event, and messages of its queue."""

import json
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest

from local.aws.account import make_queue_url
from local.aws.services import client as aws_client
from tests.kit.callers import Answer
from tests.kit.events import created, notified
from tests.kit.handlers import event
from tests.kit.stacks import Client
from tests.kit.waiting import wait_until


def invoke(client: Client, sent: Any) -> Answer:
    return client.invoke(json.dumps(sent).encode(), "AssemblyFunction")


def own(**members: Any) -> dict[str, Any]:
    """The own form, with a key that no other test has."""
    return {"template": "encode", "key": str(uuid4()), "fields": {"bucket": "originals", "key": "a.mp4"}} | members


def records_of(client: Client, request_id: str) -> list[dict[str, Any]]:
    return [record for record in client.records() if record["request_id"] == request_id]


@pytest.mark.parametrize("sent", [own(), created("by eventbridge+1.mp4")], ids=["own form", "EventBridge"])
def test_an_event_is_answered_with_an_assembly_that_api2_has(client: Client, sent: dict[str, Any]) -> None:
    answer = invoke(client, sent)
    assert "x-amz-function-error" not in answer.headers
    assert answer.body.keys() == {"assembly_id", "assembly_url", "status"}
    found = json.loads(client.api2.raw("GET", answer.body["assembly_url"]).data)
    assert found["assembly_id"] == answer.body["assembly_id"]
    fields = sent.get("fields", {"bucket": "originals", "key": "by eventbridge+1.mp4"})
    assert json.loads(found["params"])["fields"] == fields
    assert invoke(client, sent).body["assembly_id"] == answer.body["assembly_id"]


def test_an_object_that_eventbridge_and_s3_tell_of_is_one_assembly(client: Client) -> None:
    bridged, told = created("both ways.mp4"), notified("both ways.mp4")
    made = invoke(client, bridged).body["assembly_id"]
    assert invoke(client, told).body is None
    shown = sha256(made.encode()).hexdigest()
    found = [record for record in client.records() if record.get("assembly_id_sha256") == shown]
    is_new = {record["assembly_source"]: record["assembly_is_new"] for record in found}
    assert is_new == {"eventbridge": True, "s3": False}


def test_a_rule_without_output_shows_the_status_alone(client: Client) -> None:
    assert invoke(client, own(template="quiet")).body.keys() == {"status"}


@pytest.mark.parametrize(
    ("sent", "name", "words"),
    [
        ([], "InvalidRequest", "Send an object of template, key, fields, attempt and callback, with no other member."),
        ({"Records": []}, "InvalidRequest", "Records is a list"),
        (event("object-created") | {"detail-type": "Object Deleted"}, "InvalidRequest", "Object Created"),
        (created("a.mp4", bucket="another"), "AccessDenied", "AssemblyBuckets"),
    ],
    ids=["no object", "no records", "another event", "another bucket"],
)
def test_a_failure_is_raised_under_its_stable_name(client: Client, sent: Any, name: str, words: str) -> None:
    answer = invoke(client, sent)
    assert answer.headers["x-amz-function-error"] == "Unhandled"
    assert answer.body["errorType"] == name
    assert words in answer.body["errorMessage"]


def test_an_event_that_api2_is_too_busy_for_says_when_to_try_again(clean: Client) -> None:
    clean.api2.fault(path="/assemblies/*", error="RATE_LIMIT_REACHED", status=429, times=1)
    answer = invoke(clean, own())
    assert answer.body["errorType"] == "TemporarilyUnavailable"
    assert "(retry_after: " in answer.body["errorMessage"]


def test_messages_of_the_queue_become_assemblies_or_dead_letters_with_a_reason(client: Client) -> None:
    queues = aws_client("sqs", client.stack["aws_endpoint_url"], client.principal)
    url = make_queue_url("AssemblyQueue")
    bodies = [json.dumps(notified("by queue.mp4")), json.dumps(event("s3-test")), json.dumps(created("b", "another"))]
    good, tested, bad = (queues.send_message(QueueUrl=url, MessageBody=body)["MessageId"] for body in bodies)
    wait_until(lambda: bool(records_of(client, good) and records_of(client, bad)))
    (record,) = records_of(client, good)
    assert (record["outcome"], record["assembly_source"]) == ("granted", "s3")
    assert records_of(client, tested) == []
    letters: list[Any] = []

    def receive() -> bool:
        asked = {"MessageAttributeNames": ["All"], "WaitTimeSeconds": 1}
        letters.extend(
            queues.receive_message(QueueUrl=make_queue_url("AssemblyDeadLetters"), **asked).get("Messages", [])
        )
        return any(letter["Body"] == bodies[2] for letter in letters)

    wait_until(receive)
    (letter,) = (letter for letter in letters if letter["Body"] == bodies[2])
    attributes = {name: each["StringValue"] for name, each in letter["MessageAttributes"].items()}
    assert attributes["Error"] == "AccessDenied"
    assert "AssemblyBuckets" in attributes["Reason"]
