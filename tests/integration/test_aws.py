"""The AWS of the stack: the front before moto, its sessions and roles, durable executions, Step Functions, S3."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from aiohttp import web
from botocore.exceptions import BotoCoreError, ClientError

from infra.sam import ROOT
from local.aws.account import Principal, make_arn, make_queue_url, make_secret_arn
from local.aws.roles import Session, Statement
from local.aws.server import ROLES
from local.aws.services import QUEUE, client, create_buckets, create_queues, create_secrets
from local.loopback.processes import free_ports
from local.loopback.sites import start_site
from tests.kit.servers import Loop
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


@dataclass
class Aws:
    """The front, and what was sent to the port behind it. `answer`: what the port of durable executions says."""

    url: str
    durable: list[tuple[str, str, bytes]] = field(default_factory=list)
    answer: tuple[int, dict[str, str], bytes] = (200, {}, b"{}")

    def client(self, service: str, principal: Principal = OPERATOR) -> Any:
        return client(service, self.url, principal)

    async def execute(self, request: web.Request) -> web.Response:
        self.durable.append((request.method, request.rel_url.raw_path, await request.read()))
        status, headers, body = self.answer
        return web.Response(status=status, headers=headers, body=body, content_type="application/json")


type Serves = Callable[[], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def served(running_loop: Loop) -> Iterator[tuple[Aws, Serves]]:
    """The front with its sessions, and what starts the server of durable executions and state machines."""
    port, durable_port = free_ports(2)
    aws = Aws(f"http://127.0.0.1:{port}")

    @contextmanager
    def serves() -> Iterator[None]:
        executing = web.Application()
        executing.router.add_route("*", "/{path:.*}", aws.execute)
        runner = running_loop.run(start_site(executing, durable_port, shutdown_timeout=0.1))
        try:
            yield
        finally:
            aws.durable.clear()
            aws.answer = (200, {}, b"{}")
            running_loop.run(runner.cleanup())

    process = subprocess.Popen(
        [sys.executable, "-m", "local.aws.server", *map(str, (port, durable_port))],
        cwd=ROOT,
        env={**OPERATOR.variables(), ROLES: msgspec.json.encode(SESSIONS).decode()},
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: _answers(aws), seconds=30)
        yield aws, serves
    finally:
        process.kill()
        process.wait()


def _answers(aws: Aws) -> bool:
    try:
        aws.client("sqs").list_queues()
    except BotoCoreError:
        return False
    return True


@pytest.fixture(scope="module")
def aws(served: tuple[Aws, Serves]) -> Aws:
    made, _ = served
    create_secrets(made.client("secretsmanager"), {}, {"default": ("key", "secret"), "other": ("key", "secret")})
    return made


def refusal(call: Callable[..., Any], **members: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**members)
    return str(caught.value.response["Error"]["Code"])


def test_a_function_reads_the_secret_that_its_role_names_and_is_refused_every_other(aws: Aws) -> None:
    read = aws.client("secretsmanager", READER).get_secret_value
    for name in ("local/default", make_secret_arn("local/default")):
        assert json.loads(read(SecretId=name)["SecretString"])["auth_key"] == "key"
    for name in (
        "local/other",
        make_secret_arn("local/other"),
        make_secret_arn("local/default").removesuffix("-AbCdEf"),
    ):
        assert refusal(read, SecretId=name) == "AccessDeniedException"


def test_a_function_is_refused_every_other_operation_and_service(aws: Aws) -> None:
    vault, queues, storage = (aws.client(name, READER) for name in ("secretsmanager", "sqs", "s3"))
    assert refusal(vault.put_secret_value, SecretId="local/default", SecretString="x") == "AccessDeniedException"
    assert refusal(vault.list_secrets) == "AccessDeniedException"
    assert refusal(queues.list_queues) == "AccessDeniedException"
    assert refusal(storage.list_buckets) in ("AccessDeniedException", "400")
    assert refusal(aws.client("dynamodb", READER).list_tables) == "AccessDeniedException"


@pytest.mark.parametrize("service", ["secretsmanager", "sqs", "s3", "dynamodb"])
def test_a_principal_that_the_stack_does_not_know_or_a_wrong_secret_is_refused(aws: Aws, service: str) -> None:
    call = {
        "secretsmanager": "list_secrets",
        "sqs": "list_queues",
        "s3": "list_buckets",
        "dynamodb": "list_tables",
    }[service]
    for principal in (Principal.new(), Principal(OPERATOR.access_key, READER.secret_key)):
        assert refusal(getattr(aws.client(service, principal), call)) in ("UnrecognizedClientException", "403")
    assert getattr(aws.client(service), call)()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_callbacks_of_durable_functions_reach_their_server_as_the_role_allows(served: tuple[Aws, Serves]) -> None:
    aws, serves = served
    completer = aws.client("lambda", COMPLETER)
    succeed, fail = (getattr(completer, f"send_durable_execution_callback_{end}") for end in ("success", "failure"))
    assert refusal(succeed, CallbackId=CALLBACK, Result=b"{}") == "ServiceException"
    with serves():
        succeed(CallbackId=CALLBACK, Result=b'{"done": true}')
        path = f"/2025-12-01/durable-execution-callbacks/{quote(CALLBACK, safe='')}/succeed"
        assert aws.durable == [("POST", path, b'{"done": true}')]
        aws.answer = (404, {"x-amzn-errortype": "ResourceNotFoundException"}, b'{"Message": "nobody waits"}')
        assert refusal(succeed, CallbackId=CALLBACK) == "ResourceNotFoundException"
        aws.durable.clear()
        assert refusal(fail, CallbackId=CALLBACK) == "AccessDeniedException"
        reader = aws.client("lambda", READER)
        assert refusal(reader.send_durable_execution_callback_success, CallbackId=CALLBACK) == "AccessDeniedException"
        assert aws.durable == []


def test_tasks_of_state_machines_are_completed_at_the_same_server_as_the_role_allows(
    served: tuple[Aws, Serves],
) -> None:
    aws, serves = served
    with serves():
        aws.client("stepfunctions", COMPLETER).send_task_success(taskToken="token", output='{"ok": true}')
        assert [(method, path) for method, path, _ in aws.durable] == [("POST", "/")]
        assert json.loads(aws.durable[0][2]) == {"taskToken": "token", "output": '{"ok": true}'}
        aws.durable.clear()
        reader = aws.client("stepfunctions", READER)
        assert refusal(reader.send_task_success, taskToken="token", output="{}") == "AccessDeniedException"
        assert aws.durable == []


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
