"""The entry point for pipelines: each form of event, what is answered, and what is raised."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from broker.base.errors import AccessDenied, BrokerError, InvalidRequest, TemporarilyUnavailable, UpstreamRefused
from broker.token.budget import CALLER_LIMIT

from tests.kit.assemblies import ASSEMBLIES_URL, KEY_ID, REQUEST, Pipeline
from tests.kit.handlers import Context, Function, event, loaded_on
from tests.kit.policies import assemble_form, assemble_rule
from tests.kit.web import reply

SQS_URL = "https://sqs.us-east-1.amazonaws.com/"
ENVIRONMENT = {
    "CALLER_NAME": "originals",
    "PIPELINE_SECRET": KEY_ID,
    "ASSEMBLY_TEMPLATE": "encode",
    "ASSEMBLY_BUCKETS": "mybucket,amzn-s3-demo-bucket1",
    "DEAD_LETTER_QUEUE": f"{SQS_URL}123456789012/dead-letters",
    "MAX_RECEIVES": "5",
    "AWS_LAMBDA_FUNCTION_NAME": "broker-Assembly",
}


class Desk(Pipeline):
    """`desk.function(event)` is an invocation of the real entry point, on the pipeline's web."""

    function: Function


def opened(shows_id: bool = True) -> Iterator[Desk]:
    rule = assemble_rule(assemble={"encode": assemble_form(shows_id=shows_id)})
    desk = Desk(assemble_rules=[rule])
    desk.web[SQS_URL] = reply({"MessageId": "m"})
    with loaded_on(desk.web, "assembly_function", desk.trust, **ENVIRONMENT) as desk.function:
        yield desk


@pytest.fixture
def desk() -> Iterator[Desk]:
    yield from opened()


@pytest.fixture
def silent() -> Iterator[Desk]:
    yield from opened(shows_id=False)


def messages(*bodies: Any) -> dict[str, Any]:
    """The sample batch with these bodies, as messages 0, 1 and so on."""
    sample = event("sqs")["Records"][0]
    return {
        "Records": [sample | {"messageId": str(n), "body": json.dumps(body)} for n, body in enumerate(bodies)],
    }


def two_objects(second: str) -> dict[str, Any]:
    """S3's notification of two objects, the second one with this event's name."""
    sent = event("s3-notification")
    other = copy.deepcopy(sent["Records"][0])
    other["eventName"] = second
    other["s3"]["object"]["key"] = "second.jpg"
    sent["Records"].insert(0, other)
    return sent


@pytest.mark.parametrize("sent", [REQUEST, event("object-created")], ids=["own form", "EventBridge"])
def test_the_answer_is_id_url_and_status(desk: Desk, sent: dict[str, Any]) -> None:
    answer = desk.function(sent)
    (made,) = desk.api2.assemblies
    url = f"https://api2-vesta.transloadit.com/assemblies/{made}"
    assert answer == {"assembly_id": made, "assembly_url": url, "status": "ASSEMBLY_EXECUTING"}


def test_a_rule_without_output_keeps_id_and_url_out_of_the_answer(silent: Desk) -> None:
    assert silent.function(REQUEST) == {"status": "ASSEMBLY_EXECUTING"}


def test_an_event_that_comes_twice_makes_one_assembly(desk: Desk) -> None:
    assert desk.function(event("object-created")) == desk.function(event("object-created"))
    assert len(desk.api2.assemblies) == 1


def test_a_notification_of_s3_makes_an_assembly_and_is_not_answered(desk: Desk) -> None:
    assert desk.function(event("s3-notification")) is None
    assert desk.api2.params["fields"] == {"source": "s3", "bucket": "mybucket", "key": "HappyFace.jpg"}


def test_s3_s_test_event_is_not_answered_and_leaves_no_record(desk: Desk) -> None:
    assert desk.function(event("s3-test")) is None
    assert desk.function.records() == []


def test_every_object_of_a_notification_is_made_though_the_first_one_is_refused(desk: Desk) -> None:
    with pytest.raises(InvalidRequest):
        desk.function(two_objects("ObjectRemoved:Delete"))
    assert len(desk.api2.assemblies) == 1
    outcomes = [record["outcome"] for record in desk.function.records()]
    assert outcomes == ["InvalidRequest", "granted"]


def test_each_object_of_a_notification_is_an_assembly_of_its_own(desk: Desk) -> None:
    assert desk.function(two_objects("ObjectCreated:Put")) is None
    assert len(desk.api2.assemblies) == 2


def test_each_message_of_a_batch_has_a_record_under_its_own_id(desk: Desk) -> None:
    answer = desk.function(messages(REQUEST, event("s3-notification"), event("object-created"), event("s3-test")))
    assert answer == {"batchItemFailures": []}
    assert len(desk.api2.assemblies) == 3
    records = desk.function.records()
    assert [record["request_id"] for record in records] == ["0", "1", "2"]
    assert [record["assembly_source"] for record in records] == ["invocation", "s3", "eventbridge"]
    assert {record["function_request_id"] for record in records} == {Context.aws_request_id}


def test_a_message_that_no_retry_helps_goes_to_the_dead_letters_and_the_others_are_made(desk: Desk) -> None:
    assert desk.function(messages(REQUEST | {"template": "unknown"}, REQUEST)) == {"batchItemFailures": []}
    assert len(desk.api2.assemblies) == 1
    (letter,) = [json.loads(call.body) for call in desk.web.calls if call.url == SQS_URL]
    assert json.loads(letter["MessageBody"]) == REQUEST | {"template": "unknown"}
    assert letter["QueueUrl"] == ENVIRONMENT["DEAD_LETTER_QUEUE"]


def test_a_message_that_api2_is_too_busy_for_comes_again(desk: Desk) -> None:
    desk.web.serve_under(ASSEMBLIES_URL, lambda call: reply({"error": "RATE_LIMIT_REACHED"}, 429))
    assert desk.function(messages(REQUEST)) == {"batchItemFailures": [{"itemIdentifier": "0"}]}


def test_an_event_of_another_bucket_is_denied_by_the_name_of_the_parameter(desk: Desk) -> None:
    sent = event("object-created")
    sent["detail"]["bucket"]["name"] = "another"
    with pytest.raises(AccessDenied, match="AssemblyBuckets"):
        desk.function(sent)
    assert desk.posts == 0


@pytest.mark.parametrize("sent", [None, [], {}, {"Records": []}, {"Records": [{"eventSource": "aws:sns"}]}], ids=str)
def test_what_is_no_event_is_refused_and_recorded(desk: Desk, sent: Any) -> None:
    with pytest.raises(InvalidRequest):
        desk.function(sent)
    (record,) = desk.function.records()
    assert (record["outcome"], record["request_id"]) == ("InvalidRequest", Context.aws_request_id)


def test_an_error_says_after_how_many_whole_seconds_to_try_again(desk: Desk) -> None:
    busy = {"error": "RATE_LIMIT_REACHED", "info": {"retryIn": 2.2}}
    desk.web.serve_under(ASSEMBLIES_URL, lambda call: reply(busy, 429))
    with pytest.raises(TemporarilyUnavailable, match=r"\(retry_after: 3\)$") as raised:
        desk.function(REQUEST)
    assert type(raised.value) is TemporarilyUnavailable


def test_an_error_below_a_stable_class_is_raised_as_that_class(desk: Desk) -> None:
    """`Retry` and `Catch` would not know OverBudget."""
    desk.api2.tokens = set()  # each invocation mints two, until the budget ends
    kinds = []
    for _ in range(CALLER_LIMIT[0]):
        with pytest.raises(BrokerError) as raised:
            desk.function(REQUEST)
        kinds.append(type(raised.value))
    assert {*kinds} == {UpstreamRefused, TemporarilyUnavailable}
    assert desk.function.records()[-1]["outcome"] == "OverBudget"


def test_an_error_of_api2_is_raised_with_its_code(desk: Desk) -> None:
    refusal = {"error": "TEMPLATE_NOT_FOUND"}
    desk.web.serve_under(ASSEMBLIES_URL, lambda call: reply(refusal, 400))
    with pytest.raises(UpstreamRefused, match="TEMPLATE_NOT_FOUND") as raised:
        desk.function(REQUEST)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
