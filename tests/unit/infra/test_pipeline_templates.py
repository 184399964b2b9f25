"""The two pipelines' templates: what each role may do, statement by statement, and who may start them."""

import json
import re
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from tests.kit.deployed import EVERYTHING, FUNCTION_ARN, ROOT, SOURCE

TEMPLATES: dict[str, Any] = {
    name: yaml_parse((ROOT / f"infra/{name}.yaml").read_text()) for name in ("pipeline", "state-machine")
}
LAMBDA = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-function:*"
LOGS = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${PipelineLog}:*"
MAKES = ("MakeAssemblies", "lambda:InvokeFunction", {"Ref": "AssemblyFunctionArn"})
RECORDS = ("RecordOutcomes", "dynamodb:PutItem", {"Fn::GetAtt": ["Outcomes", "Arn"]})
# Template, role, which service takes it, and what it may do.
ROLES = [
    (
        "pipeline",
        "PipelineRole",
        "lambda.amazonaws.com",
        [
            MAKES,
            (
                "GoOnAfterPauses",
                ["lambda:CheckpointDurableExecution", "lambda:GetDurableExecutionState"],
                {"Fn::Sub": LAMBDA},
            ),
            RECORDS,
            ("KeepFailed", "sqs:SendMessage", {"Fn::GetAtt": ["Failed", "Arn"]}),
            ("WriteLogs", ["logs:CreateLogStream", "logs:PutLogEvents"], {"Fn::Sub": LOGS}),
        ],
    ),
    (
        "state-machine",
        "StarterRole",
        "events.amazonaws.com",
        [("StartExecutions", "states:StartExecution", {"Ref": "StateMachine"})],
    ),
    ("state-machine", "StateMachineRole", "states.amazonaws.com", [MAKES, RECORDS]),
]


def properties(template: str, name: str) -> Any:
    return TEMPLATES[template]["Resources"][name]["Properties"]


@pytest.mark.parametrize(("template", "name", "service", "rights"), ROLES, ids=[role[1] for role in ROLES])
def test_a_role_may_do_what_its_part_needs_and_nothing_else(
    template: str, name: str, service: str, rights: list[Any]
) -> None:
    role = properties(template, name)
    (policy,) = role["Policies"]
    found = policy["PolicyDocument"]["Statement"]
    assert [(each["Sid"], each["Action"], each["Resource"]) for each in found] == rights
    assert {each["Effect"] for each in found} == {"Allow"}
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert (trust["Principal"], trust["Action"]) == ({"Service": service}, "sts:AssumeRole")
    assert "ManagedPolicyArns" not in role


def test_every_role_is_one_of_these() -> None:
    found = {
        (template, name)
        for template, source in TEMPLATES.items()
        for name, resource in source["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role"
    }
    assert found == {(template, name) for template, name, _, _ in ROLES}


@pytest.mark.parametrize(("template", "queue"), [("pipeline", "Failed"), ("state-machine", "Undelivered")])
def test_events_that_eventbridge_could_not_deliver_are_kept_from_this_rule_alone(template: str, queue: str) -> None:
    (statement,) = properties(template, f"{queue}Policy")["PolicyDocument"]["Statement"]
    assert (statement["Principal"], statement["Action"]) == ({"Service": "events.amazonaws.com"}, "sqs:SendMessage")
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["NewObjects", "Arn"]}}}
    (target,) = properties(template, "NewObjects")["Targets"]
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": [queue, "Arn"]}}
    assert properties(template, queue)["SqsManagedSseEnabled"] is True


@pytest.mark.parametrize(
    ("template", "output", "parameter", "example"),
    [
        ("pipeline", "FunctionArn", "DurableFunctionArns", f"{FUNCTION_ARN}-function"),
        ("state-machine", "StateMachineArn", "StateMachineArns", EVERYTHING["StateMachineArns"]),
    ],
)
def test_an_output_is_what_the_broker_s_stack_takes(template: str, output: str, parameter: str, example: str) -> None:
    assert parameter in TEMPLATES[template]["Outputs"][output]["Description"]
    assert re.fullmatch(SOURCE["Parameters"][parameter]["AllowedPattern"], example)


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_broker_s_function_is_named_without_a_version(template: str) -> None:
    parameter = TEMPLATES[template]["Parameters"]["AssemblyFunctionArn"]
    assert "Default" not in parameter
    assert parameter["AllowedPattern"].endswith("function:[A-Za-z0-9_-]{1,64}")


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("pipeline", "FailedAlarm"),
        ("state-machine", "FailedAlarm"),
        ("state-machine", "UndeliveredAlarm"),
        ("events", "UndeliveredAlarm"),
    ],
)
def test_an_event_that_came_to_nothing_rings_an_alarm_which_the_runbook_has(template: str, name: str) -> None:
    alarm = yaml_parse((ROOT / f"infra/{template}.yaml").read_text())["Resources"][name]["Properties"]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")
    assert alarm["AlarmActions"]["Fn::If"] == ["HasTicketTopic", [{"Ref": "TicketTopicArn"}], {"Ref": "AWS::NoValue"}]
    _, _, section = alarm["AlarmDescription"].partition(" See docs/operations.md, ")
    assert f"\n## {section}\n" in (ROOT / "docs/operations.md").read_text()


@pytest.mark.parametrize("template", ["pipeline", "state-machine", "events"])
def test_a_queue_of_events_that_came_to_nothing_is_watched_and_its_url_is_an_output(template: str) -> None:
    source = yaml_parse((ROOT / f"infra/{template}.yaml").read_text())
    resources, outputs = source["Resources"], source["Outputs"].values()
    (queue,) = (name for name, resource in resources.items() if resource["Type"] == "AWS::SQS::Queue")
    watched = [
        resource["Properties"]["Dimensions"][0]["Value"]
        for resource in resources.values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    ]
    assert {"Fn::GetAtt": [queue, "QueueName"]} in watched
    assert {"Ref": queue} in [output["Value"] for output in outputs]


def test_the_state_machine_s_tasks_are_of_the_partition_that_it_runs_in() -> None:
    """Step Functions runs no others: the resource belongs to a different partition from the running execution."""
    states = json.loads((ROOT / "examples/pipeline/state-machine.asl.json").read_text())["States"]
    resources = [state["Resource"] for state in states.values() if "Resource" in state]
    assert all(resource.startswith("arn:${Partition}:states:::") for resource in resources)
    substituted = properties("state-machine", "StateMachine")["DefinitionSubstitutions"]
    assert substituted["Partition"] == {"Ref": "AWS::Partition"}
