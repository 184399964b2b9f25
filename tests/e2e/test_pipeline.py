"""The example's durable function, executed by AWS's local runner: from a new object to an outcome in a table."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from infra.sam import ROOT
from local.aws.account import REGION
from local.aws.services import client as aws_client
from local.aws.template import resources_of
from local.emulator.pool import Outcome
from local.loopback.processes import free_ports
from tests.kit.durable.executions import Executions, running_pipeline
from tests.kit.stacks import Client
from tests.kit.waiting import wait_until

PARAMETERS = {"AssemblyFunctionArn": "AssemblyFunction", "Bucket": "originals"}
TABLE = "outcomes"


@dataclass
class AssemblyFunction:
    """It answers that the Assembly executes, and keeps what it was asked."""

    asked: list[dict[str, Any]] = field(default_factory=list)

    async def answer(self, event: bytes) -> Outcome:
        self.asked.append(json.loads(event))
        return Outcome(b'{"assembly_id": "a", "assembly_url": "u", "status": "ASSEMBLY_EXECUTING"}', failed=False)


@dataclass
class Pipeline:
    executions: Executions
    function: AssemblyFunction
    database: Any

    def outcome(self, source: str) -> dict[str, str]:
        """What the table has of an object, by its bucket, key and version."""
        item = self.database.get_item(TableName=TABLE, Key={"object": {"S": source}})["Item"]
        return {name: value["S"] for name, value in item.items()}

    def succeed(self, callback: str, result: str) -> None:
        """Complete a callback, as the notification function does."""
        connect: Any = boto3.client
        lambdas = connect("lambda", endpoint_url=self.executions.service.runner_url, region_name=REGION, **KEYS)
        lambdas.send_durable_execution_callback_success(CallbackId=callback, Result=result)


KEYS = {"aws_access_key_id": "notification", "aws_secret_access_key": "function"}


@pytest.fixture(scope="module")
def pipeline(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """The function as the template configures it, its table in the stack."""
    resources = resources_of((ROOT / "infra/pipeline.yaml").read_text(), PARAMETERS)
    endpoint = client.stack["aws_endpoint_url"]
    database = aws_client("dynamodb", endpoint, client.principal)
    shape = ("AttributeDefinitions", "KeySchema", "BillingMode")
    database.create_table(TableName=TABLE, **{name: resources["Outcomes"]["Properties"][name] for name in shape})
    variables = {
        **resources["PipelineFunction"]["Properties"]["Environment"]["Variables"],
        **client.principal.variables(),
        "AWS_ENDPOINT_URL": endpoint,
        "OUTCOMES_TABLE": TABLE,
    }
    function = AssemblyFunction()
    folder, port = tmp_path_factory.mktemp("pipeline"), free_ports(1)[0]
    with running_pipeline(folder, port, variables, {"AssemblyFunction": function.answer}) as executions:
        yield Pipeline(executions, function, database)


def created(key: str, bucket: str = "originals", version: str | None = None) -> dict[str, Any]:
    """EventBridge's event of a new object: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html"""
    told = {"key": key, "size": 5, "etag": "b1946ac92492d2347c6235b4d2611184", "sequencer": "00617F08299329D189"}
    if version is not None:
        told["version-id"] = version
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "123456789012",
        "time": "2026-11-12T00:00:00Z",
        "region": REGION,
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": told,
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "123456789012",
            "source-ip-address": "1.2.3.4",
            "reason": "PutObject",
        },
    }


def test_a_new_object_becomes_an_assembly_whose_end_is_recorded(pipeline: Pipeline) -> None:
    execution = pipeline.executions.start(created("films/a b.mov"))
    wait_until(lambda: bool(pipeline.function.asked))
    (asked,) = pipeline.function.asked
    source = "originals/films/a b.mov/00617F08299329D189"
    assert (asked["fields"], asked["key"]) == ({"bucket": "originals", "key": "films/a b.mov"}, source)
    pipeline.succeed(asked["callback"]["durable"], '{"status": "ASSEMBLY_COMPLETED"}')
    assert pipeline.executions.wait(execution) == {"status": "ASSEMBLY_COMPLETED"}
    assert pipeline.outcome(source)["status"] == "ASSEMBLY_COMPLETED"
