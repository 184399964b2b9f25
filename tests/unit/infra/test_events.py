"""EventBridge and S3 in front of the Assembly function: which events match, and what the function reads of them.

Delivery is AWS's and is not executed here. Patterns are matched by moto; AWS's own events are in tests/events.
"""

import json
import re
from copy import deepcopy
from fnmatch import fnmatchcase
from typing import Any

import pytest
from broker.base.errors import AccessDenied
from broker.caller.invoke import InvokeProof
from broker.request.assembly import AssemblyRequest
from broker.request.events import Events
from moto.events.models import EventPattern

from local.aws.template import sections_of
from tests.kit.deployed import FUNCTION_ARN, ROOT, of_kind
from tests.kit.pipelines import read_template

BUCKET = "amzn-s3-demo-bucket1"  # of AWS's own event
QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012:broker-AssemblyQueue-1"
EVENTS = Events(InvokeProof("originals"), "encode", frozenset({BUCKET}))
HOSTILE = ['a "film".mp4', "a\\b.mp4", 'a", "attempt": 1, "x": "', "Ünïcode/a b+c%20.mp4", "<event>"]


def resources(name: str, **parameters: str) -> dict[str, Any]:
    return sections_of((ROOT / f"infra/{name}.yaml").read_text(), parameters)["Resources"]


def rules(**parameters: str) -> dict[str, Any]:
    found = resources("events", AssemblyFunctionArn=FUNCTION_ARN, Bucket=BUCKET, **parameters)
    return {name: entry["Properties"] for name, entry in found.items() if entry["Type"] == "AWS::Events::Rule"}


def sample(name: str) -> Any:
    return json.loads((ROOT / f"tests/events/{name}.json").read_text())


def object_created(**changes: Any) -> Any:
    """AWS's own event of EventBridge; `key` and `bucket` are the object's, the others members of the event."""
    event = deepcopy(sample("object-created"))
    event["detail"]["object"]["key"] = changes.pop("key", event["detail"]["object"]["key"])
    event["detail"]["bucket"]["name"] = changes.pop("bucket", BUCKET)
    return event | {name.replace("_", "-"): value for name, value in changes.items()}


def matches(rule: str, event: Any, **parameters: str) -> bool:
    pattern = rules(**parameters)[rule]["EventPattern"]
    return EventPattern(json.dumps(pattern), pattern).matches_event(event)


def read(event: Any) -> AssemblyRequest[InvokeProof]:
    """The only request that the function reads in an event."""
    (read_it,) = EVENTS.split(event)
    return read_it()


def transform(transformer: Any, event: Any) -> Any:
    """What EventBridge makes of an event: a placeholder without quotes around it becomes JSON.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
    """
    found = {}
    for name, path in transformer["InputPathsMap"].items():
        value = event
        for member in path.removeprefix("$.").split("."):
            value = value[member]
        found[name] = json.dumps(value)
    return json.loads(re.sub("<([a-z]+)>", lambda placeholder: found[placeholder[1]], transformer["InputTemplate"]))


@pytest.mark.parametrize("name", ["events", "pipeline", "state-machine"])
def test_a_folder_of_the_console_of_s3_is_no_new_object_and_a_file_is(name: str) -> None:
    pattern = read_template(f"{name}.yaml")["NewObjects"]["Properties"]["EventPattern"]
    file, folder = object_created(bucket="originals"), object_created(bucket="originals", key="films/")
    folder["detail"]["object"]["size"] = 0
    taken = [EventPattern(json.dumps(pattern), pattern).matches_event(event) for event in (folder, file)]
    assert taken == [False, True]


def test_the_rule_for_objects_matches_aws_s_own_event_of_this_bucket() -> None:
    assert matches("NewObjects", object_created())
    assert matches("NewObjects", object_created(key="films/a.mp4"), Prefix="films/")


@pytest.mark.parametrize(
    ("event", "parameters"),
    [
        (object_created(bucket="another"), {}),
        (object_created(detail_type="Object Deleted"), {}),
        (object_created(source="example.shop"), {}),
        (object_created(key="pictures/a.png"), {"Prefix": "films/"}),
    ],
    ids=["bucket", "kind", "source", "prefix"],
)
def test_the_rule_for_objects_matches_nothing_else(event: Any, parameters: dict[str, str]) -> None:
    assert not matches("NewObjects", event, **parameters)


@pytest.mark.parametrize("key", HOSTILE)
def test_an_object_s_key_reaches_the_function_as_it_is_whatever_it_holds(key: str) -> None:
    (target,) = rules()["NewObjects"]["Targets"]
    assert target["Arn"] == FUNCTION_ARN
    assert not {"Input", "InputPath", "InputTransformer"} & target.keys()
    assert read(object_created(key=key)).fields["key"] == key


@pytest.mark.parametrize("film", HOSTILE)
def test_a_field_of_an_application_s_event_is_one_field_whatever_it_holds(film: str) -> None:
    event = {"id": "1", "source": "example.shop", "detail-type": "Product Filmed", "detail": {"film": film}}
    assert matches("OwnEvents", event)
    (target,) = rules()["OwnEvents"]["Targets"]
    request = read(transform(target["InputTransformer"], event))
    assert (request.template, request.key, request.attempt, request.fields) == ("film", "1", 0, {"key": film})


def test_no_placeholder_stands_between_quotes() -> None:
    (target,) = rules()["OwnEvents"]["Targets"]
    template = target["InputTransformer"]["InputTemplate"]
    # Between quotes it would stay a part of a text.
    assert json.loads(re.sub("<[a-z]+>", "0", template)) == {"template": "film", "key": 0, "fields": {"key": 0}}


@pytest.mark.parametrize("event", [object_created(), {"source": "example.shop", "detail-type": "Other", "detail": {}}])
def test_the_rule_for_an_application_matches_its_own_events_alone(event: Any) -> None:
    assert not matches("OwnEvents", event)


def test_each_rule_may_invoke_the_function_and_keeps_what_lambda_did_not_take() -> None:
    found = resources("events", AssemblyFunctionArn=FUNCTION_ARN, Bucket=BUCKET)
    permissions = [each["Properties"] for each in found.values() if each["Type"] == "AWS::Lambda::Permission"]
    assert {each["SourceArn"] for each in permissions} == {f"{name}.Arn" for name in rules()}
    assert {(each["Principal"], each["FunctionName"]) for each in permissions} == {
        ("events.amazonaws.com", FUNCTION_ARN)
    }
    kept = [target["DeadLetterConfig"]["Arn"] for rule in rules().values() for target in rule["Targets"]]
    assert set(kept) == {"Undelivered.Arn"}
    (statement,) = found["UndeliveredPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Principal"], statement["Action"]) == ({"Service": "events.amazonaws.com"}, "sqs:SendMessage")
    assert set(statement["Condition"]["ArnEquals"]["aws:SourceArn"]) == {f"{name}.Arn" for name in rules()}


def bucket(**parameters: str) -> dict[str, Any]:
    found = resources("bucket", Bucket=BUCKET, QueueArn=QUEUE_ARN, **parameters)
    return dict(found["Originals"]["Properties"])


def test_a_bucket_tells_the_queue_of_new_objects_and_of_nothing_else() -> None:
    assert bucket()["NotificationConfiguration"] == {
        "QueueConfigurations": [{"Event": "s3:ObjectCreated:*", "Queue": QUEUE_ARN}]
    }
    (configured,) = bucket(Prefix="films/")["NotificationConfiguration"]["QueueConfigurations"]
    assert configured["Filter"] == {"S3Key": {"Rules": [{"Name": "prefix", "Value": "films/"}]}}


def test_a_bucket_is_private_and_tells_versions_apart() -> None:
    assert set(bucket()["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket()["VersioningConfiguration"] == {"Status": "Enabled"}


def test_the_broker_s_queue_takes_what_a_named_bucket_sends_and_the_function_reads_it() -> None:
    pipelines = {"AssemblyCaller": "originals", "AssemblyTemplate": "encode", "AssemblyBuckets": f"other,{BUCKET}"}
    (policy,) = of_kind("AWS::SQS::QueuePolicy", **pipelines).values()
    (statement,) = policy["PolicyDocument"]["Statement"]
    sources = statement["Condition"]["ArnLike"]["aws:SourceArn"]
    for partition in ("aws", "aws-cn", "aws-us-gov"):
        assert any(fnmatchcase(f"arn:{partition}:s3:::{BUCKET}", source) for source in sources)
    assert not any(fnmatchcase("arn:aws:s3:::a-strangers-bucket", source) for source in sources)
    event = sample("s3-notification")
    event["Records"][0]["s3"]["bucket"]["name"] = BUCKET
    assert read(event).fields["key"] == "HappyFace.jpg"
    with pytest.raises(AccessDenied):
        read(sample("s3-notification"))
