"""What a function may call of AWS: IAM's evaluation of the statements of its role, denying by default."""

import json
from typing import Any

import pytest

from infra.sam import ROOT
from local.aws.account import make_arn, make_secret_arn
from local.aws.roles import Asked, may, read_asked, read_role, read_statements
from local.aws.sigv4 import Sent
from local.aws.template import translated
from local.stack.options import PARAMETERS

QUEUE = make_arn("sqs", "AssemblyQueue")
SEND = Asked("sqs:SendMessage", QUEUE)


def statement(**changes: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": QUEUE} | changes


@pytest.mark.parametrize(
    ("statements", "is_allowed"),
    [
        ([], False),
        ([statement()], True),
        ([statement(Action=["sqs:DeleteMessage", "sqs:SendMessage"])], True),
        ([statement(Action="sqs:Send*", Resource="*")], True),
        ([statement(Action="SQS:sendmessage")], True),
        ([statement(Action="sqs:DeleteMessage")], False),
        ([statement(Resource=make_arn("sqs", "Another"))], False),
        ([statement(Resource=QUEUE.lower())], False),
        ([statement(Resource=f"{QUEUE}-2")], False),
        ([statement(Resource=QUEUE.replace("Queue", "[Qq]ueue"))], False),
        ([statement(Condition={"Bool": {"aws:SecureTransport": "true"}})], False),
        ([statement(), statement(Effect="Deny", Action="*", Resource="*")], False),
        ([statement(), statement(Effect="Deny", Condition={"Bool": {"aws:SecureTransport": "true"}})], False),
        ([statement(), statement(Effect="Deny", Action="sqs:DeleteMessage")], True),
    ],
    ids=str,
)
def test_a_call_is_allowed_by_a_statement_that_names_it_unless_another_denies_it(
    statements: list[dict[str, Any]], is_allowed: bool
) -> None:
    assert may(tuple(read_statements(statements)), SEND) is is_allowed


def sent(target: str | None = None, *, path: str = "/", **members: Any) -> Sent:
    headers = {"X-Amz-Target": target} if target else {}
    return Sent("POST", f"http://127.0.0.1:3004{path}", headers, json.dumps(members).encode())


@pytest.mark.parametrize(
    ("request_", "asked"),
    [
        (
            sent("secretsmanager.GetSecretValue", SecretId="local/default"),
            Asked("secretsmanager:GetSecretValue", make_secret_arn("local/default")),
        ),
        (
            sent("secretsmanager.GetSecretValue", SecretId=make_secret_arn("local/default")),
            Asked("secretsmanager:GetSecretValue", make_secret_arn("local/default")),
        ),
        (
            sent("DynamoDB_20120810.PutItem", TableName="SharedTable"),
            Asked("dynamodb:PutItem", make_arn("dynamodb", "table/SharedTable")),
        ),
        (
            sent(
                "AmazonSQS.DeleteMessageBatch",
                QueueUrl="https://sqs.us-east-1.amazonaws.com/123456789012/AssemblyQueue",
            ),
            Asked("sqs:DeleteMessage", QUEUE),
        ),
        (sent("AWSStepFunctions.SendTaskSuccess", taskToken="t"), Asked("states:SendTaskSuccess", None)),
        (sent("AWSStepFunctions.ListStateMachines"), Asked("states:ListStateMachines", "unknown")),
        (
            sent(path="/2025-12-01/durable-execution-callbacks/a%2Bb%2F%3D/succeed", Result="{}"),
            Asked("lambda:SendDurableExecutionCallbackSuccess", None),
        ),
        (
            sent(path="/2025-12-01/durable-execution-callbacks/a/fail"),
            Asked("lambda:SendDurableExecutionCallbackFailure", None),
        ),
        (sent(path="/2025-12-01/durable-executions/a/stop"), Asked("unknown:", "unknown")),
        (sent("TrentService.Decrypt"), Asked("unknown:Decrypt", "unknown")),
        (Sent("PUT", "http://127.0.0.1:3004/originals/a.mp4", {}, b"\xff"), Asked("unknown:", "unknown")),
    ],
    ids=lambda value: value.action if isinstance(value, Asked) else "",
)
def test_a_request_tells_its_action_and_its_resource(request_: Sent, asked: Asked) -> None:
    assert read_asked(request_) == asked


READS_DEFAULT = Asked("secretsmanager:GetSecretValue", make_secret_arn("local/default"))


def test_the_broker_s_role_reads_its_secrets_and_nothing_else() -> None:
    role = read_role(translated(ROOT / "template.yaml", PARAMETERS, ROOT / ".local"), "BrokerFunction")
    table = make_arn("dynamodb", "table/SharedTable")
    assert may(role, READS_DEFAULT)
    assert may(role, Asked("dynamodb:GetItem", table))
    for asked in (
        Asked("secretsmanager:GetSecretValue", make_secret_arn("local/other")),
        Asked("secretsmanager:PutSecretValue", make_secret_arn("local/default")),
        Asked("dynamodb:Scan", table),
        Asked("states:SendTaskSuccess", None),
        Asked("unknown:", "unknown"),
    ):
        assert not may(role, asked)
