"""What the stack has in its AWS is what the template makes."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.sam import ROOT
from local.aws.account import make_arn, make_queue_url, make_secret_arn
from local.aws.services import QUEUE, create_buckets, create_queues, create_secrets, secret_name
from local.aws.template import resources_of


def test_the_secret_of_default_is_named_as_the_template_names_it() -> None:
    resources = resources_of((ROOT / "template.yaml").read_text(), {})
    assert resources["Secret"]["Properties"]["Name"] == secret_name("default")


GENERATED = {
    "Type": "AWS::SecretsManager::Secret",
    "Properties": {
        "Name": "local/pipeline-key",
        "GenerateSecretString": {
            "PasswordLength": 64,
            "ExcludeCharacters": "ghijklmnopqrstuvwxyz",
            "ExcludeUppercase": True,
            "ExcludePunctuation": True,
            "RequireEachIncludedType": False,
        },
    },
}
EMPTY = {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "local/default"}}


@pytest.fixture
def aws() -> Iterator[Callable[[str], Any]]:
    """Clients of an AWS account in memory."""
    with mock_aws():
        connect: Any = boto3.client
        yield lambda service: connect(service, region_name="us-east-1")


def test_a_secret_that_cloudformation_generates_is_made_as_its_words_say(aws: Callable[[str], Any]) -> None:
    vault = aws("secretsmanager")
    create_secrets(vault, {"PipelineKey": GENERATED, "Secret": EMPTY}, {"default": ("key", "secret")})
    made = vault.get_secret_value(SecretId="local/pipeline-key")
    assert re.fullmatch(r"[0-9a-f]{64}", made["SecretString"])
    assert made["ARN"] == make_secret_arn("local/pipeline-key")
    assert [secret["Name"] for secret in vault.list_secrets()["SecretList"]] == ["local/default", "local/pipeline-key"]


def test_a_queue_has_the_template_s_attributes_and_its_dead_letters(aws: Callable[[str], Any]) -> None:
    redrive = {"deadLetterTargetArn": make_arn("sqs", "Dead"), "maxReceiveCount": 5}
    waiting = {"VisibilityTimeout": 361, "SqsManagedSseEnabled": True, "RedrivePolicy": redrive}
    resources = {
        "Waiting": {"Type": "AWS::SQS::Queue", "Properties": waiting},
        "Dead": {"Type": "AWS::SQS::Queue", "Properties": {"MessageRetentionPeriod": 1209600}},
    }
    create_queues(aws("sqs"), resources)
    found = aws("sqs").get_queue_attributes(QueueUrl=make_queue_url("Waiting"), AttributeNames=["All"])["Attributes"]
    assert json.loads(found["RedrivePolicy"]) == redrive
    assert (found["VisibilityTimeout"], found["SqsManagedSseEnabled"]) == ("361", "true")
    dead = aws("sqs").get_queue_attributes(QueueUrl=make_queue_url("Dead"), AttributeNames=["All"])["Attributes"]
    assert dead["MessageRetentionPeriod"] == "1209600"


def test_the_queue_is_told_of_a_bucket_s_new_objects(aws: Callable[[str], Any]) -> None:
    create_queues(aws("sqs"), {QUEUE: {"Type": "AWS::SQS::Queue", "Properties": {}}})
    create_buckets(aws("s3"), ["originals"])
    aws("s3").put_object(Bucket="originals", Key="a b.mp4", Body=b"")
    received = aws("sqs").receive_message(QueueUrl=make_queue_url(QUEUE), MaxNumberOfMessages=10)["Messages"]
    test_event, message = (json.loads(each["Body"]) for each in received)
    assert test_event["Event"] == "s3:TestEvent"
    (record,) = message["Records"]
    assert (record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]) == ("originals", "a+b.mp4")
