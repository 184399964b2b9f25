"""Both pipelines of the examples on the whole stack: the Assembly function makes, the sandbox notifies through the
gateway, and the notification function ends the wait."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.sam import ROOT
from tests.kit.kept import search, search_records
from tests.kit.leaks import find_secrets
from tests.kit.pipelines import created, read_status
from tests.kit.stack_pipelines import Pipelines, running_pipelines
from tests.kit.stacks import Client, running_stack
from tests.kit.state_machines import read_definition
from tests.kit.waiting import wait_until

COMPLETED = {"status": "ASSEMBLY_COMPLETED"}
LONG = 3600  # seconds for which an Assembly executes that a test ends


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """As `make up` starts it."""
    with running_stack(tmp_path_factory.mktemp("stack"), ROOT / "local/policy.yaml", workers=1) as running:
        yield running


@pytest.fixture(scope="module")
def running(stack: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipelines]:
    with running_pipelines(stack, tmp_path_factory.mktemp("pipelines")) as running:
        yield running


@pytest.fixture
def pipelines(stack: Client, running: Pipelines) -> Pipelines:
    """The same, the sandbox without faults."""
    stack.api2.control("reset")
    return running


def outcome(pipelines: Pipelines, execution: str) -> Any:
    return json.loads(pipelines.executions.wait(execution)["Result"])


def output(pipelines: Pipelines, execution: str) -> Any:
    return json.loads(pipelines.machines.wait(execution)["output"])


def start_machine(pipelines: Pipelines, key: str) -> str:
    return pipelines.machines.start(pipelines.machines.create(read_definition()), created(key))


def await_assembly(pipelines: Pipelines, key: str) -> None:
    wait_until(lambda: pipelines.count(key) == 1)


def test_a_new_object_becomes_an_assembly_by_a_durable_function(pipelines: Pipelines) -> None:
    assert outcome(pipelines, pipelines.executions.start(created("films/a b.mov"))) == COMPLETED
    assert read_status(pipelines.database, "films/a b.mov") == "ASSEMBLY_COMPLETED"
    assert pipelines.count("films/a b.mov") == 1


def test_a_new_object_becomes_an_assembly_by_a_state_machine(pipelines: Pipelines) -> None:
    assert output(pipelines, start_machine(pipelines, "films/c d.mov")) == COMPLETED
    assert read_status(pipelines.machines.database, "films/c d.mov") == "ASSEMBLY_COMPLETED"
    assert pipelines.count("films/c d.mov") == 1


def test_an_assembly_that_fails_ends_both_waits_with_its_code(stack: Client, pipelines: Pipelines) -> None:
    stack.api2.control("execution", seconds=LONG)
    by_function, by_machine = pipelines.executions.start(created("fails.mov")), start_machine(pipelines, "broken.mov")
    for key in ("fails.mov", "broken.mov"):
        await_assembly(pipelines, key)
        stack.api2.control("fail", assembly_id=pipelines.find(key), error="INTERNAL_COMMAND_ERROR")
    assert outcome(pipelines, by_function) == {"status": "INTERNAL_COMMAND_ERROR"}
    assert output(pipelines, by_machine) == {"status": "INTERNAL_COMMAND_ERROR"}


def test_an_assembly_that_an_outsider_cancels_is_no_success(stack: Client, pipelines: Pipelines) -> None:
    stack.api2.control("execution", seconds=LONG)
    execution = pipelines.executions.start(created("canceled.mov"))
    await_assembly(pipelines, "canceled.mov")
    stack.api2.raw("DELETE", f"/assemblies/{pipelines.find('canceled.mov')}")
    assert outcome(pipelines, execution) == {"status": "ASSEMBLY_CANCELED"}


def test_throttling_by_api2_is_tried_again_by_both(stack: Client, pipelines: Pipelines) -> None:
    stack.api2.fault("/assemblies/*", method="POST", error="RATE_LIMIT_REACHED", times=4, retry_in=1)
    by_function, by_machine = pipelines.executions.start(created("busy.mov")), start_machine(pipelines, "slow.mov")
    assert (outcome(pipelines, by_function), output(pipelines, by_machine)) == (COMPLETED, COMPLETED)
    failures = [
        answer.get("errorType") for key in ("busy.mov", "slow.mov") for answer in pipelines.function.answers[key]
    ]
    assert failures.count("TemporarilyUnavailable") == 4
    assert (pipelines.count("busy.mov"), pipelines.count("slow.mov")) == (1, 1)


def test_what_the_policy_does_not_allow_is_refused_by_name(pipelines: Pipelines) -> None:
    found = outcome(pipelines, pipelines.executions.start(created("${evil}.mov")))
    assert found["status"] == "InvalidRequest"
    assert output(pipelines, start_machine(pipelines, "${evil}.mov")) == {"status": "InvalidRequest"}


def test_the_status_is_asked_when_the_notification_is_lost(stack: Client, pipelines: Pipelines) -> None:
    stack.api2.control("notifications", lost=True)
    execution = pipelines.executions.start(created("lost.mov"), "impatient")
    assert outcome(pipelines, execution) == COMPLETED
    assert (len(pipelines.function.answers["lost.mov"]), pipelines.count("lost.mov")) == (2, 1)


def test_a_doubled_event_is_one_assembly_and_one_outcome(pipelines: Pipelines) -> None:
    both = [pipelines.executions.start(created("twice.mov"), "impatient") for _ in range(2)]
    assert [outcome(pipelines, execution) for execution in both] == [COMPLETED, COMPLETED]
    assert pipelines.count("twice.mov") == 1


def test_no_history_table_or_log_has_a_secret_a_url_or_a_token(stack: Client, pipelines: Pipelines) -> None:
    """Of the executions of the other tests here, too."""
    outcome(pipelines, pipelines.executions.start(created("quiet.mov")))
    output(pipelines, start_machine(pipelines, "still.mov"))
    kept = pipelines.read_kept()
    assert search(stack, kept) == set()
    hidden = {"http://", "/assemblies/", "/notifications/", "access_token", "Bearer"}
    histories = [kept[arn] for arn in (*pipelines.executions.started, *pipelines.machines.started)]
    assert {word for word in hidden for text in histories if word in text} == set()
    # The policy shows the id to the durable function alone.
    assert pipelines.find("still.mov") not in kept[pipelines.machines.started[-1]]
    # A history has the callbacks of its own, so the search would have found more there. The records have none.
    callbacks = {callback: callback for callback in pipelines.function.callbacks}
    assert {callback for callback, _ in find_secrets(callbacks, kept)} == callbacks.keys()
    assert search_records(stack, [*callbacks, *(id_ for id_, _ in pipelines.list_assemblies())]) == set()
