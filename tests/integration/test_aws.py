"""The AWS of the stack: the front before moto, its sessions and roles, callbacks, S3."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from botocore.exceptions import BotoCoreError

from infra.sam import ROOT
from local.aws.account import Principal, make_arn, make_queue_url, make_secret_arn
from local.aws.roles import Session, Statement
from local.aws.server import ROLES
from local.aws.services import QUEUE, client, create_buckets, create_queues, create_secrets
from local.loopback.processes import free_ports
from tests.kit.aws_calls import error_of
from tests.kit.durable_callbacks import DurableCallbacks
from tests.kit.servers import Loop, serving
from tests.kit.waiting import wait_until

OPERATOR, READER, COMPLETER = Principal.new(), Principal.new(), Principal.new()
CALLBACK = "abc+/="
COMPLETES = ("lambda:SendDurableExecutionCallbackSuccess", "states:SendTaskSuccess", "states:SendTaskFailure")
SESSIONS = [
    Session(
        "Reader",
        READER,
        (Statement(True, ("secretsmanager:GetSecretValue",), (make_secret_arn("local/default"),)),),
    ),
    Session("Completer", COMPLETER, (Statement(True, COMPLETES, (make_arn("states", "stateMachine:pipeline"),)),)),
]


@dataclass(frozen=True)
class Aws:
    url: str
    durable_port: int

    def client(self, service: str, principal: Principal = OPERATOR) -> Any:
        return client(service, self.url, principal)


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    """The front with the sessions above, and two secrets."""
    port, durable_port = free_ports(2)
    aws = Aws(f"http://127.0.0.1:{port}", durable_port)
    process = subprocess.Popen(
        [sys.executable, "-m", "local.aws.server", *map(str, (port, durable_port))],
        cwd=ROOT,
        env={**OPERATOR.variables(), ROLES: msgspec.json.encode(SESSIONS).decode()},
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: _answers(aws))
        secrets = {"default": ("key", "secret"), "other": ("key", "secret")}
        create_secrets(aws.client("secretsmanager"), {}, secrets)
        yield aws
    finally:
        process.kill()
        process.wait()


def _answers(aws: Aws) -> bool:
    try:
        aws.client("sqs").list_queues()
    except BotoCoreError:
        return False
    return True


def test_a_function_reads_the_secret_that_its_role_names_and_is_refused_every_other(aws: Aws) -> None:
    read = aws.client("secretsmanager", READER).get_secret_value
    for name in ("local/default", make_secret_arn("local/default")):
        assert json.loads(read(SecretId=name)["SecretString"])["auth_key"] == "key"
    for name in (
        "local/other",
        make_secret_arn("local/other"),
        make_secret_arn("local/default").removesuffix("-AbCdEf"),
    ):
        assert error_of(read, SecretId=name) == "AccessDeniedException"


def test_a_function_is_refused_every_other_operation_and_service(aws: Aws) -> None:
    vault, queues, storage = (aws.client(name, READER) for name in ("secretsmanager", "sqs", "s3"))
    assert error_of(vault.put_secret_value, SecretId="local/default", SecretString="x") == "AccessDeniedException"
    assert error_of(vault.list_secrets) == "AccessDeniedException"
    assert error_of(queues.list_queues) == "AccessDeniedException"
    assert error_of(storage.list_buckets) in ("AccessDeniedException", "400")
    assert error_of(aws.client("dynamodb", READER).list_tables) == "AccessDeniedException"


@pytest.mark.parametrize("service", ["secretsmanager", "sqs", "s3", "dynamodb"])
def test_a_principal_that_the_stack_does_not_know_or_a_wrong_secret_is_refused(aws: Aws, service: str) -> None:
    call = {
        "secretsmanager": "list_secrets",
        "sqs": "list_queues",
        "s3": "list_buckets",
        "dynamodb": "list_tables",
    }[service]
    for principal in (Principal.new(), Principal(OPERATOR.access_key, READER.secret_key)):
        assert error_of(getattr(aws.client(service, principal), call)) in ("UnrecognizedClientException", "403")
    assert getattr(aws.client(service), call)()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_callbacks_of_durable_functions_reach_their_server_as_the_role_allows(aws: Aws, running_loop: Loop) -> None:
    callbacks, role = DurableCallbacks(), aws.client("lambda", COMPLETER)
    succeed = role.send_durable_execution_callback_success
    assert error_of(succeed, CallbackId=CALLBACK, Result=b"{}") == "ServiceException"
    with serving(callbacks.app, on=running_loop, port=aws.durable_port):
        succeed(CallbackId=CALLBACK, Result=b'{"done": true}')
        path = f"/2025-12-01/durable-execution-callbacks/{quote(CALLBACK, safe='')}/succeed"
        assert callbacks.got == [("POST", path, b'{"done": true}')]
        callbacks.answer = (404, {"x-amzn-errortype": "ResourceNotFoundException"}, b'{"Message": "nobody waits"}')
        assert error_of(succeed, CallbackId=CALLBACK) == "ResourceNotFoundException"
        callbacks.got.clear()
        reader = aws.client("lambda", READER).send_durable_execution_callback_success
        for call in (role.send_durable_execution_callback_failure, reader):
            assert error_of(call, CallbackId=CALLBACK) == "AccessDeniedException"
        assert callbacks.got == []


def test_tasks_of_state_machines_are_completed_at_the_same_server_as_the_role_allows(
    aws: Aws, running_loop: Loop
) -> None:
    callbacks, sent = DurableCallbacks(), {"taskToken": "token", "output": '{"ok": true}'}
    with serving(callbacks.app, on=running_loop, port=aws.durable_port):
        assert error_of(aws.client("stepfunctions", COMPLETER).send_task_success, **sent) is None
        ((method, path, body),) = callbacks.got
        assert (method, path, json.loads(body)) == ("POST", "/", sent)
        callbacks.got.clear()
        assert error_of(aws.client("stepfunctions", READER).send_task_success, **sent) == "AccessDeniedException"
        assert callbacks.got == []


def test_s3_tells_the_queue_of_a_new_object_with_a_sequencer(aws: Aws) -> None:
    queues = aws.client("sqs")
    create_queues(queues, {QUEUE: {"Type": "AWS::SQS::Queue", "Properties": {}}})
    create_buckets(aws.client("s3"), ["originals"])
    told = []
    for _ in range(2):
        aws.client("s3").put_object(Bucket="originals", Key="Filme/ü +.mp4", Body=b"film")
        received = queues.receive_message(QueueUrl=make_queue_url(QUEUE), MaxNumberOfMessages=10)["Messages"]
        told += [
            json.loads(each["Body"])["Records"][0]["s3"]["object"] for each in received if "Records" in each["Body"]
        ]
    assert [each["key"] for each in told] == ["Filme%2F%C3%BC+%2B.mp4"] * 2
    assert told[0]["sequencer"] < told[1]["sequencer"]
