"""cfn-lint, with AWS's schema of every resource, finds nothing in the templates, as written and as translated."""

import json
import re

import pytest
from cfnlint.api import ManualArgs, lint

from local.aws.template import document_of
from tests.kit.deployed import EVERYTHING, ROOT, SOURCE, TEMPLATE
from tests.kit.state_machines import DEFINITION as STATE_MACHINE

DEFAULTS = {name: parameter["Default"] for name, parameter in SOURCE["Parameters"].items()}
TEMPLATES = sorted(str(file.relative_to(ROOT)) for file in [TEMPLATE, *(ROOT / "infra").glob("*.yaml")])
# "Not reachable": SAM writes a condition around a whole path of one function and the same one again inside.
OF_SAM_ITSELF = {"W1028"}


def found(text: str) -> list[str]:
    return [f"{each.rule.id} {each.message}" for each in lint(text, config=ManualArgs(regions=["us-east-1"]))]


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_has_no_error_and_no_warning(name: str) -> None:
    assert found((ROOT / name).read_text()) == []


@pytest.mark.parametrize("parameters", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_the_translated_template_has_none_but_sam_s_own(parameters: dict[str, str]) -> None:
    document = document_of(TEMPLATE.read_text(), DEFAULTS | parameters)
    assert {said for said in found(json.dumps(document)) if said[:5] not in OF_SAM_ITSELF} == set()


def test_the_state_machine_is_valid() -> None:
    # Within SAM's own resource cfn-lint does not look at it, and it takes a task's resource as it is written.
    substitutions = {"AssemblyFunction": "function", "AssemblyTemplate": "encode", "OutcomesTable": "table"}
    properties = {
        "RoleArn": "arn:aws:iam::123456789012:role/pipeline",
        "DefinitionString": STATE_MACHINE.read_text().replace("${Partition}", "aws"),
        "DefinitionSubstitutions": substitutions,
    }
    resources = {"StateMachine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}}
    assert found(json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources})) == []


def test_each_state_of_the_state_machine_is_reached_and_there_is_no_other() -> None:
    text = STATE_MACHINE.read_text()
    named = re.findall(r'"(?:StartAt|Next|Default)": "(\w+)"', text)
    assert set(named) == json.loads(text)["States"].keys()
