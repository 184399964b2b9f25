"""The example's state machine, executed by moto's interpreter; each test instructs its Assembly function."""

import json
import re
from collections.abc import Iterator

import pytest

from tests.kit.pipelines import Scripted, create_table, created, name_object, read_status, read_template
from tests.kit.state_machines import DEFINITION, StateMachines, read_definition, running_state_machines
from tests.kit.waiting import wait_until

FUNCTION = Scripted()


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateMachines]:
    functions = {"AssemblyFunction": FUNCTION.answer}
    with running_state_machines(tmp_path_factory.mktemp("moto"), functions) as running:
        create_table(running.database, read_template("state-machine.yaml"))
        yield running


@pytest.fixture(scope="module")
def machine(machines: StateMachines) -> str:
    return machines.create(read_definition())


@pytest.fixture(scope="module")
def impatient(machines: StateMachines) -> str:
    """The same with a wait of one second."""
    return machines.create(read_definition(wait=1))


def await_callback(key: str) -> str:
    wait_until(lambda: FUNCTION.callback(key, "task") is not None)
    return str(FUNCTION.callback(key, "task"))


def test_a_new_object_becomes_an_assembly_whose_end_is_recorded(machines: StateMachines, machine: str) -> None:
    execution = machines.start(machine, created("films/a b.mov"))
    token = await_callback("films/a b.mov")
    (asked,) = FUNCTION.asked["films/a b.mov"]
    assert asked["template"] == "encode-by-states"
    assert asked["fields"] == {"bucket": "originals", "key": "films/a b.mov"}
    assert asked["key"] == name_object("films/a b.mov")
    machines.states.send_task_success(taskToken=token, output='{"ok": "ASSEMBLY_COMPLETED"}')
    assert machines.wait(execution)["output"] == '{"status": "ASSEMBLY_COMPLETED"}'
    assert read_status(machines.database, "films/a b.mov") == "ASSEMBLY_COMPLETED"


def test_the_code_of_an_assembly_that_failed_is_recorded(machines: StateMachines, machine: str) -> None:
    execution = machines.start(machine, created("broken.mov"))
    cause = '{"error": "IMPORT_FILE_ERROR"}'
    machines.states.send_task_failure(taskToken=await_callback("broken.mov"), error="IMPORT_FILE_ERROR", cause=cause)
    assert machines.wait(execution)["output"] == '{"status": "IMPORT_FILE_ERROR"}'
    assert read_status(machines.database, "broken.mov") == "IMPORT_FILE_ERROR"


@pytest.mark.parametrize("name", ["InvalidRequest", "AccessDenied", "UpstreamRefused"])
def test_a_refusal_is_recorded_at_once(machines: StateMachines, machine: str, name: str) -> None:
    FUNCTION.failures[name] = [name] * 2
    assert machines.wait(machines.start(machine, created(name)))["output"] == json.dumps({"status": name})
    assert len(FUNCTION.asked[name]) == 1
    assert read_status(machines.database, name) == name


@pytest.mark.parametrize("name", ["BrokerFault", "Sandbox.Timedout"])
def test_a_fault_fails_the_execution_and_is_no_outcome(machines: StateMachines, machine: str, name: str) -> None:
    FUNCTION.failures[name] = [name]
    ended = machines.wait(machines.start(machine, created(name)))
    assert (ended["status"], ended["error"]) == ("FAILED", name)
    assert read_status(machines.database, name) is None


def test_throttling_is_tried_again(machines: StateMachines, machine: str) -> None:
    FUNCTION.failures["busy.mov"] = ["TemporarilyUnavailable"] * 2
    execution = machines.start(machine, created("busy.mov"))
    machines.states.send_task_success(taskToken=await_callback("busy.mov"), output='{"ok": "ASSEMBLY_COMPLETED"}')
    assert machines.wait(execution)["status"] == "SUCCEEDED"
    assert len(FUNCTION.asked["busy.mov"]) == 3


def test_an_outage_to_the_last_fails_the_execution_and_is_no_outcome(machines: StateMachines, machine: str) -> None:
    FUNCTION.failures["down.mov"] = ["TemporarilyUnavailable"] * 20
    ended = machines.wait(machines.start(machine, created("down.mov")))
    assert (ended["status"], ended["error"]) == ("FAILED", "TemporarilyUnavailable")
    assert len(FUNCTION.asked["down.mov"]) == 12
    assert read_status(machines.database, "down.mov") is None


def test_a_lost_notification_ends_in_a_look_at_the_status(machines: StateMachines, impatient: str) -> None:
    FUNCTION.statuses["lost.mov"] = "ASSEMBLY_COMPLETED"
    execution = machines.start(impatient, created("lost.mov"))
    assert machines.wait(execution)["output"] == '{"status": "ASSEMBLY_COMPLETED"}'
    first, second = FUNCTION.asked["lost.mov"]
    assert (first["key"], "callback" in second) == (second["key"], False)


def test_the_status_is_asked_until_the_assembly_has_ended(machines: StateMachines, impatient: str) -> None:
    execution = machines.start(impatient, created("long.mov"))
    wait_until(lambda: len(FUNCTION.asked.get("long.mov", [])) > 2)
    FUNCTION.failures["long.mov"] = ["UpstreamRefused"]
    assert machines.wait(execution)["output"] == '{"status": "UpstreamRefused"}'


def test_a_doubled_event_is_recorded_once(machines: StateMachines, impatient: str) -> None:
    FUNCTION.statuses["twice.mov"] = "ASSEMBLY_COMPLETED"
    both = [machines.start(impatient, created("twice.mov")) for _ in range(2)]
    assert {machines.wait(each)["output"] for each in both} == {'{"status": "ASSEMBLY_COMPLETED"}'}
    details = [str(event) for each in both for event in machines.history(each)]
    assert sum("ConditionalCheckFailed" in each for each in details) == 1


def test_the_template_gives_the_definition_all_its_names() -> None:
    given = read_template("state-machine.yaml")["StateMachine"]["Properties"]["DefinitionSubstitutions"]
    assert set(re.findall(r"\$\{(\w+)\}", DEFINITION.read_text())) == given.keys()
