"""What pipelines are deployed with: functions, key and queues, which exist when they are asked for."""

import re
from typing import Any

import pytest

from tests.kit.deployed import SOURCE, deployed, of_kind, outputs

CALLER = {"AssemblyCaller": "originals"}
PIPELINES = CALLER | {"AssemblyTemplate": "encode", "AssemblyBuckets": "originals,more.originals"}
DOMAIN = {"DomainName": "tokens.example.com", "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1"}


def function(name: str, **parameters: str) -> dict[str, Any]:
    return dict(of_kind("AWS::Lambda::Function", **parameters)[name])


def variables(name: str, **parameters: str) -> dict[str, Any]:
    return dict(function(name, **parameters)["Environment"]["Variables"])


def queue(name: str) -> dict[str, Any]:
    return dict(of_kind("AWS::SQS::Queue", **PIPELINES)[name])


def mapping() -> dict[str, Any]:
    (found,) = of_kind("AWS::Lambda::EventSourceMapping", **PIPELINES).values()
    return dict(found)


def test_a_stack_that_does_not_use_pipelines_has_nothing_of_them() -> None:
    kinds = {entry["Type"] for entry in deployed().values()}
    assert not {kind for kind in kinds if kind.startswith("AWS::SQS") or "Event" in kind}
    assert not [name for name in deployed() if re.match("Assembly|Notification|Pipeline", name)]
    assert not [name for name in outputs() if re.match("Assembly|Notification|Pipeline", name)]


def test_without_buckets_there_are_no_queue_for_s3_and_no_mapping() -> None:
    assert of_kind("AWS::SQS::Queue", **CALLER).keys() == {"AssemblyDeadLetters"}
    assert of_kind("AWS::Lambda::EventSourceMapping", **CALLER) == {}
    assert "AssemblyQueueArn" not in outputs(**CALLER)


def test_the_assembly_function_knows_its_caller_key_buckets_and_dead_letters() -> None:
    found = variables("AssemblyFunction", **PIPELINES)
    assert {name: found[name] for name in found if name not in ("POWERTOOLS_SERVICE_NAME", "MAX_RECEIVES")} == {
        "CALLER_NAME": "originals",
        "PIPELINE_SECRET": "PipelineKey",
        "ASSEMBLY_TEMPLATE": "encode",
        "ASSEMBLY_BUCKETS": "originals,more.originals",
        "DEAD_LETTER_QUEUE": "AssemblyDeadLetters",
        "PUBLIC_URL": "Api.ApiEndpoint",
        "CREDENTIALS": "default",
        "CREDENTIAL_SECRETS": "Secret",
    }


def test_the_function_that_takes_notifications_knows_no_caller_and_no_queue() -> None:
    found = variables("NotificationFunction", SharedCache="yes", **PIPELINES)
    assert found.keys() == {
        "POWERTOOLS_SERVICE_NAME",
        "PIPELINE_SECRET",
        "CREDENTIALS",
        "CREDENTIAL_SECRETS",
        "SHARED_TABLE",
    }


@pytest.mark.parametrize(
    ("parameters", "origin"),
    [
        ({}, "Api.ApiEndpoint"),
        (DOMAIN, "https://tokens.example.com"),
        (DOMAIN | {"PublicUrl": "https://public.example.com"}, "https://public.example.com"),
    ],
    ids=["plain", "domain", "public url"],
)
def test_notifications_are_asked_for_where_the_api_is_seen(parameters: dict[str, str], origin: str) -> None:
    assert variables("AssemblyFunction", **CALLER, **parameters)["PUBLIC_URL"] == origin
    assert outputs(**parameters)["PublicUrl"] == origin


def test_the_api_does_not_wait_for_a_function_that_waits_for_its_address() -> None:
    (api,) = of_kind("AWS::ApiGatewayV2::Api", **PIPELINES).values()
    assert "NotificationFunction" in str(api["Body"])
    assert "AssemblyFunction" not in str(api["Body"])
    assert "Api" not in str(function("NotificationFunction", **PIPELINES)["Environment"])


def test_notifications_arrive_by_post_without_an_authorizer_and_are_answered_before_api_gateway_gives_up() -> None:
    (api,) = of_kind("AWS::ApiGatewayV2::Api", **PIPELINES).values()
    route = api["Body"]["paths"]["/notifications/{id}"]
    assert route.keys() == {"post"}
    assert "security" not in route["post"]
    assert function("NotificationFunction", **PIPELINES)["Timeout"] < 30


def test_the_pipeline_key_is_64_hex_digits_that_nobody_chose() -> None:
    generated = deployed(**CALLER)["PipelineKey"]["Properties"]["GenerateSecretString"]
    digits, lower = "0123456789", "abcdefghijklmnopqrstuvwxyz"
    # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html
    assert generated["ExcludeUppercase"] is generated["ExcludePunctuation"] is True
    assert not {"ExcludeNumbers", "ExcludeLowercase", "IncludeSpace"} & generated.keys()
    assert set(digits + lower) - set(generated["ExcludeCharacters"]) == set("0123456789abcdef")
    assert generated["PasswordLength"] == 64
    # One of each kind, wherever it stands, makes some keys likelier than others.
    assert generated["RequireEachIncludedType"] is False


def test_the_pipeline_key_survives_the_stack_and_has_the_stack_s_own_name() -> None:
    key = deployed(SecretKmsKeyArn="arn:aws:kms:us-east-1:123456789012:key/1", **CALLER)["PipelineKey"]
    assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert key["Properties"]["Name"] == "local/pipeline-key"
    assert key["Properties"]["KmsKeyId"] == "arn:aws:kms:us-east-1:123456789012:key/1"
    assert "KmsKeyId" not in deployed(**CALLER)["PipelineKey"]["Properties"]


def test_a_message_is_hidden_for_six_times_the_function_s_timeout_and_the_batching_window() -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    timeout = function("AssemblyFunction", **PIPELINES)["Timeout"]
    window = mapping()["MaximumBatchingWindowInSeconds"]
    assert queue("AssemblyQueue")["VisibilityTimeout"] == 6 * timeout + window


def test_what_is_received_too_often_becomes_a_dead_letter_and_the_function_knows_when_that_is() -> None:
    redrive = queue("AssemblyQueue")["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == "AssemblyDeadLetters.Arn"
    assert str(redrive["maxReceiveCount"]) == variables("AssemblyFunction", **PIPELINES)["MAX_RECEIVES"]
    # With fewer, messages that Lambda throttled would be taken for failures.
    assert redrive["maxReceiveCount"] >= 5


def test_both_queues_are_encrypted_and_keep_what_they_hold_for_fourteen_days() -> None:
    for name in ("AssemblyQueue", "AssemblyDeadLetters"):
        assert queue(name)["SqsManagedSseEnabled"] is True
        assert queue(name)["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_s3_alone_may_send_to_the_queue_and_only_for_the_named_buckets_of_this_account() -> None:
    (policy,) = of_kind("AWS::SQS::QueuePolicy", **PIPELINES).values()
    assert policy["Queues"] == ["AssemblyQueue"]
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Sid": "LetS3TellOfNewObjects",
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": "AssemblyQueue.Arn",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": "123456789012"},
                "ArnLike": {"aws:SourceArn": ["arn:*:s3:::originals", "arn:*:s3:::more.originals"]},
            },
        }
    ]


def test_a_batch_says_which_of_its_messages_failed_and_few_batches_are_made_at_once() -> None:
    found = mapping()
    assert (found["EventSourceArn"], found["FunctionName"]) == ("AssemblyQueue.Arn", "AssemblyFunction")
    assert found["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert found["BatchSize"] == 10
    assert found["ScalingConfig"] == {"MaximumConcurrency": 5}


def test_a_function_has_a_place_for_every_batch_that_the_queue_sends_at_once() -> None:
    rule = SOURCE["Rules"]["BucketsNeedConcurrency"]
    assert rule["RuleCondition"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "AssemblyBuckets"}, ""]}]}
    too_few = [str(number) for number in range(1, mapping()["ScalingConfig"]["MaximumConcurrency"])]
    (asserted,) = rule["Assertions"]
    assert asserted["Assert"] == {"Fn::Not": [{"Fn::Contains": [too_few, {"Ref": "ReservedConcurrency"}]}]}


def test_an_asynchronous_invocation_that_fails_is_kept_with_its_error() -> None:
    (config,) = of_kind("AWS::Lambda::EventInvokeConfig", **CALLER).values()
    assert config["FunctionName"] == "AssemblyFunction"
    assert config["DestinationConfig"] == {"OnFailure": {"Destination": "AssemblyDeadLetters.Arn"}}
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (2, 6 * 3600)


def test_an_operator_finds_function_queues_and_key_in_the_outputs() -> None:
    found = outputs(**PIPELINES)
    assert found["AssemblyFunctionName"] == "AssemblyFunction"
    assert found["AssemblyFunctionArn"] == "AssemblyFunction.Arn"
    assert found["NotificationFunctionName"] == "NotificationFunction"
    assert found["AssemblyQueueArn"] == "AssemblyQueue.Arn"
    assert found["AssemblyDeadLettersUrl"] == "AssemblyDeadLetters"
    assert found["AssemblyDeadLettersArn"] == "AssemblyDeadLetters.Arn"
    assert found["PipelineKeyArn"] == "PipelineKey"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AssemblyBuckets", "originals, others"),
        ("AssemblyBuckets", "arn:aws:s3:::originals"),
        ("AssemblyBuckets", "Originals"),
        ("AssemblyBuckets", "*"),
        ("AssemblyCaller", "two words"),
        ("DurableFunctionArns", "pipeline"),
        ("DurableFunctionArns", "arn:aws:lambda:us-east-1:123456789012:function:pipeline:1"),
        ("DurableFunctionArns", "arn:aws:lambda:us-east-1:123456789012:function:*"),
        ("StateMachineArns", "arn:aws:states:us-east-1:123456789012:stateMachine:*"),
        ("AssemblySecretArns", "arn:aws:secretsmanager:us-east-1:123456789012:secret:*"),
    ],
)
def test_a_value_that_would_fail_or_let_in_too_many_is_refused(name: str, value: str) -> None:
    assert not re.fullmatch(SOURCE["Parameters"][name]["AllowedPattern"], value)
