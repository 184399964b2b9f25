"""The example's durable function, executed by AWS's local runner; each test instructs its Assembly function."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from local.aws.account import Principal
from local.loopback.processes import free_ports
from tests.kit.durable.executions import KEYS, Executions, running_pipeline
from tests.kit.durable.service import Crash
from tests.kit.pipelines import TABLE, Scripted, create_table, created, name_object, read_status, read_template
from tests.kit.waiting import wait_until

FUNCTION = Scripted()


@dataclass
class Pipeline:
    executions: Executions
    database: Any

    def outcome(self, execution: str) -> dict[str, str]:
        return dict(json.loads(self.executions.wait(execution)["Result"]))


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """The function as the template configures it."""
    server = ThreadedMotoServer(port=0)
    server.start()
    endpoint = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    connect: Any = boto3.client
    database = connect("dynamodb", endpoint_url=endpoint, **KEYS)
    resources = read_template("pipeline.yaml")
    create_table(database, resources)
    configured = resources["PipelineFunction"]["Properties"]["Environment"]["Variables"]
    own = {**Principal.new().variables(), "AWS_ENDPOINT_URL": endpoint, "OUTCOMES_TABLE": TABLE}
    folder, functions = tmp_path_factory.mktemp("pipeline"), {"AssemblyFunction": FUNCTION.answer}
    with running_pipeline(folder, free_ports(1)[0], {**configured, **own}, functions, impatience=1) as executions:
        yield Pipeline(executions, database)
    server.stop()


def await_callback(key: str) -> str:
    wait_until(lambda: FUNCTION.callback(key, "durable") is not None)
    return str(FUNCTION.callback(key, "durable"))


def test_a_new_object_becomes_an_assembly_whose_end_is_recorded(pipeline: Pipeline) -> None:
    execution = pipeline.executions.start(created("films/a b.mov"))
    callback = await_callback("films/a b.mov")
    (asked,) = FUNCTION.asked["films/a b.mov"]
    assert asked["template"] == "encode"
    assert asked["fields"] == {"bucket": "originals", "key": "films/a b.mov"}
    assert asked["key"] == name_object("films/a b.mov")
    pipeline.executions.succeed(callback, {"ok": "ASSEMBLY_COMPLETED"})
    assert pipeline.outcome(execution) == {"status": "ASSEMBLY_COMPLETED"}
    assert read_status(pipeline.database, "films/a b.mov") == "ASSEMBLY_COMPLETED"


def test_the_version_of_an_object_tells_it_from_others(pipeline: Pipeline) -> None:
    event = created("versions.mov")
    event["detail"]["object"]["version-id"] = "v2"
    execution = pipeline.executions.start(event)
    pipeline.executions.succeed(await_callback("versions.mov"), {"ok": "ASSEMBLY_COMPLETED"})
    pipeline.executions.wait(execution)
    assert FUNCTION.asked["versions.mov"][0]["key"] == "originals/versions.mov/v2"


def test_the_version_null_tells_no_object_from_others(pipeline: Pipeline) -> None:
    event = created("suspended.mov")
    event["detail"]["object"]["version-id"] = "null"
    execution = pipeline.executions.start(event)
    pipeline.executions.succeed(await_callback("suspended.mov"), {"ok": "ASSEMBLY_COMPLETED"})
    pipeline.executions.wait(execution)
    assert FUNCTION.asked["suspended.mov"][0]["key"] == name_object("suspended.mov")


def test_the_code_of_an_assembly_that_failed_is_recorded(pipeline: Pipeline) -> None:
    execution = pipeline.executions.start(created("broken.mov"))
    pipeline.executions.fail(await_callback("broken.mov"), "IMPORT_FILE_ERROR")
    assert pipeline.outcome(execution) == {"status": "IMPORT_FILE_ERROR"}
    assert read_status(pipeline.database, "broken.mov") == "IMPORT_FILE_ERROR"


@pytest.mark.parametrize("name", ["InvalidRequest", "AccessDenied", "UpstreamRefused"])
def test_a_refusal_is_recorded_at_once(pipeline: Pipeline, name: str) -> None:
    FUNCTION.failures[name] = [name] * 2
    execution = pipeline.executions.start(created(name))
    assert pipeline.outcome(execution) == {"status": name, "reason": "The reason."}
    assert len(FUNCTION.asked[name]) == 1
    assert read_status(pipeline.database, name) == name


def test_throttling_is_tried_again(pipeline: Pipeline) -> None:
    FUNCTION.failures["busy.mov"] = ["TemporarilyUnavailable", "Sandbox.Timedout"]
    execution = pipeline.executions.start(created("busy.mov"))
    pipeline.executions.succeed(await_callback("busy.mov"), {"ok": "ASSEMBLY_COMPLETED"})
    assert pipeline.outcome(execution) == {"status": "ASSEMBLY_COMPLETED"}
    callbacks = {json.dumps(asked["callback"]) for asked in FUNCTION.asked["busy.mov"]}
    assert (len(FUNCTION.asked["busy.mov"]), len(callbacks)) == (3, 1)


@pytest.mark.parametrize("name", ["TemporarilyUnavailable", "BrokerFault"])
def test_a_fault_to_the_last_fails_the_execution_and_is_no_outcome(pipeline: Pipeline, name: str) -> None:
    FUNCTION.failures[name] = [name] * 20
    ended = pipeline.executions.wait(pipeline.executions.start(created(name)))
    assert (ended["Status"], ended["Error"]["ErrorMessage"]) == ("FAILED", f"{name}: The reason.")
    assert len(FUNCTION.asked[name]) == 12
    assert read_status(pipeline.database, name) is None


def test_a_lost_notification_ends_in_a_look_at_the_status(pipeline: Pipeline) -> None:
    FUNCTION.statuses["lost.mov"] = "ASSEMBLY_COMPLETED"
    execution = pipeline.executions.start(created("lost.mov"), "impatient")
    assert pipeline.outcome(execution) == {"status": "ASSEMBLY_COMPLETED"}
    first, second = FUNCTION.asked["lost.mov"]
    assert (first["key"], "callback" in second) == (second["key"], False)


def test_an_assembly_that_runs_longer_than_its_wait_has_no_outcome_yet(pipeline: Pipeline) -> None:
    ended = pipeline.executions.wait(pipeline.executions.start(created("long.mov"), "impatient"))
    assert ended["Status"] == "FAILED"
    assert ended["Error"]["ErrorMessage"].startswith("ASSEMBLY_EXECUTING")
    assert read_status(pipeline.database, "long.mov") is None


def test_a_doubled_event_is_recorded_once(pipeline: Pipeline) -> None:
    FUNCTION.statuses["twice.mov"] = "ASSEMBLY_COMPLETED"
    first = pipeline.executions.start(created("twice.mov"))
    pipeline.executions.fail(await_callback("twice.mov"), "ASSEMBLY_CANCELED")
    assert pipeline.outcome(first) == {"status": "ASSEMBLY_CANCELED"}
    second = pipeline.executions.start(created("twice.mov"), "impatient")
    assert pipeline.outcome(second) == {"status": "ASSEMBLY_COMPLETED"}
    assert read_status(pipeline.database, "twice.mov") == "ASSEMBLY_CANCELED"


@pytest.mark.parametrize("is_kept", [False, True], ids=["before it is kept", "before the function hears so"])
def test_a_crash_at_any_checkpoint_changes_no_outcome(pipeline: Pipeline, is_kept: bool) -> None:
    service = pipeline.executions.service
    for at in range(1, 30):
        key = f"crash-{at}-{is_kept}.mov"
        service.crash = Crash(at, is_kept)
        execution = pipeline.executions.start(created(key))
        pipeline.executions.succeed(await_callback(key), {"ok": "ASSEMBLY_COMPLETED"})
        assert pipeline.outcome(execution) == {"status": "ASSEMBLY_COMPLETED"}, at
        assert read_status(pipeline.database, key) == "ASSEMBLY_COMPLETED"
        assert {asked["key"] for asked in FUNCTION.asked[key]} == {name_object(key)}
        if service.crash is not None:  # the execution has no checkpoint of this number
            break
    service.crash = None
    assert at > 4
