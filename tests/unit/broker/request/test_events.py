"""What invokes the Assembly function: AWS's own sample events, what may differ in them, and everything malformed."""

import json
from typing import Any
from urllib.parse import quote_plus

import pytest
from broker.base.errors import AccessDenied, BrokerError, InvalidRequest
from broker.caller.invoke import InvokeProof
from broker.request.assembly import AssemblyRequest, read_assembly
from broker.request.events import Events

from tests.kit.handlers import event

PROOF = InvokeProof("originals")
BUCKETS = frozenset({"amzn-s3-demo-bucket1", "mybucket"})
EVENTS = Events(PROOF, "encode", BUCKETS)
OWN: dict[str, Any] = {"template": "thumbs", "fields": {"a": "b"}, "key": "k", "attempt": 1}


def read(sent: Any, events: Events[InvokeProof] = EVENTS) -> AssemblyRequest[InvokeProof]:
    (only,) = events.split(sent)
    return only()


def by_eventbridge(**changes: Any) -> dict[str, Any]:
    """The sample, its object changed; a member that is None is left out."""
    sent = event("object-created")
    sent["detail"]["object"] = _change(sent["detail"]["object"], changes)
    return sent


def by_s3(**changes: Any) -> dict[str, Any]:
    sent = event("s3-notification")
    sent["Records"][0]["s3"]["object"] = _change(sent["Records"][0]["s3"]["object"], changes)
    return sent


def _change(members: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    changed = members | {name.replace("_", "-"): value for name, value in changes.items()}
    return {name: value for name, value in changed.items() if value is not None}


def refuses(sent: Any, kind: type[BrokerError] = InvalidRequest, events: Events[InvokeProof] = EVENTS) -> str:
    """The description with which the only request of an event is refused."""
    with pytest.raises(kind) as raised:
        read(sent, events)
    assert raised.value.description.isascii()
    assert not set('"\\') & set(raised.value.description)
    return raised.value.description


def test_the_sample_of_eventbridge_is_a_request_for_the_template_of_events() -> None:
    version = "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e"
    fields = {
        "bucket": "amzn-s3-demo-bucket1",
        "key": "example-key",
        "version_id": version,
        "etag": "b1946ac92492d2347c6235b4d2611184",
        "size": "5",
    }
    key = f'["s3", "amzn-s3-demo-bucket1", "example-key", "version", "{version}"]'
    assert read(event("object-created")) == AssemblyRequest(PROOF, "encode", fields, key, source="eventbridge")


def test_the_sample_of_s3_is_a_request_for_the_template_of_events() -> None:
    version = "096fKKXTRTtl3on89fVO.nfljtsv6qko"
    fields = {
        "bucket": "mybucket",
        "key": "HappyFace.jpg",
        "version_id": version,
        "etag": "d41d8cd98f00b204e9800998ecf8427e",
        "size": "1024",
    }
    key = f'["s3", "mybucket", "HappyFace.jpg", "version", "{version}"]'
    assert read(event("s3-notification")) == AssemblyRequest(PROOF, "encode", fields, key, source="s3")


def test_s3_s_test_event_is_no_request() -> None:
    assert EVENTS.split(event("s3-test")) == []


def test_a_folder_that_somebody_made_is_no_request() -> None:
    bridge, notification = event("object-created"), event("s3-notification")
    bridge["detail"]["object"] |= {"key": "films/", "size": 0}
    notification["Records"][0]["s3"]["object"] |= {"key": "films/", "size": 0}
    assert EVENTS.split(bridge) == EVENTS.split(notification) == []
    bridge["detail"]["object"] |= {"size": 1}
    notification["Records"][0]["s3"]["object"] |= {"key": "films"}
    assert [len(EVENTS.split(each)) for each in (bridge, notification)] == [1, 1]


def test_everything_else_is_the_own_form() -> None:
    assert read(OWN) == read_assembly(OWN, PROOF)


@pytest.mark.parametrize("sent", [None, [], "text", 7, {}, {"bucket": "mybucket"}], ids=str)
def test_what_is_neither_of_them_is_refused_with_the_own_form_s_description(sent: Any) -> None:
    assert "template" in refuses(sent)


def test_an_event_by_text_is_read_as_the_event_itself() -> None:
    for sent in (OWN, event("object-created"), event("s3-notification")):
        (only,) = EVENTS.split_text(json.dumps(sent))
        assert only() == read(sent)
    assert EVENTS.split_text(json.dumps(event("s3-test"))) == []


def test_an_asynchronous_invocation_that_lambda_kept_is_read_as_what_was_sent() -> None:
    for sent in (OWN, event("object-created"), event("s3-notification")):
        (only,) = EVENTS.split_text(json.dumps(event("failed-invocation") | {"requestPayload": sent}))
        assert only() == read(sent)


def test_a_kept_invocation_within_a_kept_one_is_refused() -> None:
    inner = event("failed-invocation") | {"requestPayload": OWN}
    (only,) = EVENTS.split_text(json.dumps(event("failed-invocation") | {"requestPayload": inner}))
    with pytest.raises(InvalidRequest):
        only()


@pytest.mark.parametrize("body", ["Test message.", "", '{"a": 1, "a": 2}', '{"a": NaN}', "\ud800", "[" * 100_000])
def test_a_text_that_is_not_json_is_refused(body: str) -> None:
    (only,) = EVENTS.split_text(body)
    with pytest.raises(InvalidRequest) as raised:
        only()
    assert "not JSON" in raised.value.description


def test_each_record_of_a_notification_is_a_request_of_its_own() -> None:
    sent = by_s3()
    sent["Records"] += by_s3(key="second.jpg")["Records"]
    sent["Records"] += by_s3(key=None)["Records"]
    first, second, third = EVENTS.split(sent)
    assert [first().fields["key"], second().fields["key"]] == ["HappyFace.jpg", "second.jpg"]
    with pytest.raises(InvalidRequest):
        third()


# Keys as S3 stores them, with the spelling of a form that S3's notifications use.
KEYS = ["red flower.jpg", "a+b.jpg", "100%25.jpg", "50%.jpg", "\u00fcber.jpg", "a/b c/d", "\U0001f600.jpg", "%2B"]


@pytest.mark.parametrize("key", KEYS)
def test_the_key_of_a_notification_is_decoded_once(key: str) -> None:
    assert read(by_s3(key=quote_plus(key, safe="/"))).fields["key"] == key


# The longest keys of S3, whose bytes count as they are: in NFKC each sign of the second is 33 bytes.
@pytest.mark.parametrize("key", ["x" * 1024, "\ufdfa" * 341], ids=["ascii", "ligatures"])
def test_a_key_has_as_many_bytes_as_s3_allows(key: str) -> None:
    assert read(by_s3(key=quote_plus(key))).fields["key"] == read(by_eventbridge(key=key)).fields["key"] == key


@pytest.mark.parametrize("key", KEYS)
def test_the_key_of_eventbridge_is_taken_as_it_is(key: str) -> None:
    assert read(by_eventbridge(key=key)).fields["key"] == key


def same_object(key: str, version: str | None, sequencer: str = "0055AED6DCD90281E5") -> tuple[Any, Any]:
    """The event of one object by EventBridge and by S3's notification."""
    bridged = by_eventbridge(key=key, version_id=version, etag="e", size=7, sequencer=sequencer)
    bridged["detail"]["bucket"]["name"] = "mybucket"
    return bridged, by_s3(key=quote_plus(key), versionId=version, eTag="e", size=7, sequencer=sequencer)


@pytest.mark.parametrize("version", ["v1", "null", "", None])
@pytest.mark.parametrize("key", KEYS)
def test_an_object_by_eventbridge_and_by_s3_is_one_event_with_one_set_of_fields(key: str, version: str | None) -> None:
    bridged, notified = map(read, same_object(key, version))
    assert (bridged.key, bridged.fields) == (notified.key, notified.fields)


@pytest.mark.parametrize("version", ["null", "", None])
def test_two_objects_without_a_version_at_one_key_are_two_events(version: str | None) -> None:
    first, second = (read(by_s3(versionId=version, sequencer=number)) for number in ("0055AED6", "0055AED7"))
    assert first.key != second.key
    assert "version_id" not in first.fields


def test_the_case_of_a_sequencer_does_not_count() -> None:
    """It is a hexadecimal number."""
    upper, lower = (read(by_s3(versionId=None, sequencer=number)) for number in ("0055AED6", "0055aed6"))
    assert upper.key == lower.key


def test_events_of_one_version_are_one_event_whatever_their_sequencer() -> None:
    assert read(by_s3(sequencer="01")).key == read(by_s3(sequencer=None)).key


def test_texts_that_only_join_to_the_same_are_not_the_same_event() -> None:
    keys = {
        read(by_s3(key=quote_plus(key), versionId=version)).key
        for key, version in [('a", "version", "b', "c"), ("a", 'b", "version", "c'), ("a", "b"), ("ab", "c")]
    }
    keys.add(read(by_s3(key="a", versionId=None, sequencer="b")).key)
    assert len(keys) == 5


@pytest.mark.parametrize("absent", ["etag", "size"])
def test_what_an_event_lacks_is_no_field(absent: str) -> None:
    assert absent not in read(by_eventbridge(**{absent: None})).fields


@pytest.mark.parametrize("name", ["Object Deleted", "Object Restore Completed", "ObjectCreated:Put", None, 7])
def test_other_events_of_eventbridge_are_refused(name: Any) -> None:
    assert "Object Created" in refuses(event("object-created") | {"detail-type": name})


def test_an_object_created_of_another_source_is_refused() -> None:
    """An account that may put events on a bus chooses their source, but not one of AWS's own."""
    assert "aws.s3" in refuses(event("object-created") | {"source": "my.app"})


@pytest.mark.parametrize("name", ["ObjectRemoved:Delete", "ObjectRestore:Completed", "ObjectCreated", "s3:TestEvent"])
def test_other_notifications_of_s3_are_refused(name: str) -> None:
    sent = event("s3-notification")
    sent["Records"][0]["eventName"] = name
    assert "ObjectCreated" in refuses(sent)


@pytest.mark.parametrize("name", ["ObjectCreated:Put", "ObjectCreated:CompleteMultipartUpload", "ObjectCreated:Copy"])
def test_every_way_to_create_an_object_counts(name: str) -> None:
    sent = event("s3-notification")
    sent["Records"][0]["eventName"] = name
    assert read(sent).source == "s3"


@pytest.mark.parametrize("sent", [event("object-created"), event("s3-notification")], ids=["eventbridge", "s3"])
@pytest.mark.parametrize(
    ("template", "buckets"),
    [("encode", frozenset({"another"})), ("encode", frozenset()), ("", BUCKETS)],
    ids=["another bucket", "no bucket", "no template"],
)
def test_an_event_that_the_deployment_does_not_name_is_denied(
    sent: Any, template: str, buckets: frozenset[str]
) -> None:
    assert "AssemblyBuckets" in refuses(sent, AccessDenied, Events(PROOF, template, buckets))


@pytest.mark.parametrize(
    "changes",
    [
        {"key": None},
        {"key": ""},
        {"key": 7},
        {"key": ["a"]},
        {"version_id": None, "sequencer": None},
        {"version_id": "null", "sequencer": None},
        {"version_id": 7},
        {"version_id": None, "sequencer": 7},
        {"etag": 7},
        {"size": True},
        {"size": 1.5},
        {"size": [5]},
        {"key": "a${b}"},
        {"key": "a\nb"},
        {"key": "a\u202eb"},
        {"key": "x" * 1025},
        {"version_id": "x" * 1025},
        {"version_id": None, "sequencer": "x" * 1025},
    ],
    ids=lambda changes: ascii(changes)[:50],
)
def test_an_object_with_a_member_that_cannot_be_a_field_is_refused(changes: dict[str, Any]) -> None:
    refuses(by_eventbridge(**changes))
    spelt = {"version_id": "versionId", "etag": "eTag"}
    refuses(by_s3(**{spelt.get(name, name): value for name, value in changes.items()}))


@pytest.mark.parametrize("detail", [None, [], "text", 7, {}, {"bucket": {}}, {"bucket": None, "object": None}], ids=str)
def test_a_detail_of_another_form_is_refused(detail: Any) -> None:
    refuses(event("object-created") | {"detail": detail})


def test_a_bucket_without_a_name_is_refused() -> None:
    sent = event("object-created")
    for bucket in ({}, {"name": 7}, {"name": ["mybucket"]}, {"name": ""}):
        sent["detail"]["bucket"] = bucket
        refuses(sent)


RECORD = event("s3-notification")["Records"][0]


@pytest.mark.parametrize(
    "record",
    [
        None,
        [],
        "text",
        7,
        {},
        RECORD | {"s3": None},
        RECORD | {"s3": {"bucket": {"name": "mybucket"}}},
        RECORD | {"s3": {"object": RECORD["s3"]["object"]}},
        RECORD | {"eventName": None},
        RECORD | {"eventSource": "aws:sns"},
        event("sqs")["Records"][0],
    ],
    ids=lambda record: str(record)[-40:],
)
def test_a_record_of_another_form_is_refused(record: Any) -> None:
    refuses({"Records": [record]})


@pytest.mark.parametrize("records", [None, [], {}, "text"], ids=str)
def test_records_that_are_no_list_of_records_are_refused(records: Any) -> None:
    assert "Records" in refuses({"Records": records})


def test_a_key_whose_bytes_are_no_utf_8_is_refused() -> None:
    """Two such keys would both be read as a question mark, and be one event."""
    assert "form" in refuses(by_s3(key="%ff.jpg"))


def test_nothing_of_an_event_is_in_the_representation_of_its_request() -> None:
    assert "HappyFace" not in repr(read(event("s3-notification")))
