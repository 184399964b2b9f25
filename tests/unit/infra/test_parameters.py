"""What whoever deploys is asked, and what the stack answers: parameters with labels, outputs with addresses."""

import re
from typing import Any

import pytest

from tests.kit.deployed import EVERYTHING, ROOT, SOURCE, outputs

PARAMETERS: dict[str, Any] = SOURCE["Parameters"]
INTERFACE: dict[str, Any] = SOURCE["Metadata"]["AWS::CloudFormation::Interface"]


def test_no_parameter_takes_a_secret() -> None:
    assert not [name for name in PARAMETERS if re.search("AuthKey|AuthSecret|Password", name)]


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_says_what_it_is_and_takes_nothing_odd(name: str) -> None:
    parameter = PARAMETERS[name]
    assert parameter["Description"].endswith(".")
    assert {"AllowedPattern", "AllowedValues", "MinValue"} & parameter.keys()
    if "AllowedPattern" in parameter:
        assert parameter["ConstraintDescription"]
        assert re.fullmatch(parameter["AllowedPattern"], str(parameter["Default"]))


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_parameter_takes_what_it_is_for(name: str) -> None:
    parameter = PARAMETERS[name]
    assert re.fullmatch(parameter.get("AllowedPattern", ".*"), EVERYTHING[name])
    assert EVERYTHING[name] in parameter.get("AllowedValues", [EVERYTHING[name]])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SecretName", "a secret"),
        ("MoreCredentials", "a,,b"),
        ("MoreCredentials", "a, b"),
        ("MoreSecretArns", "transloadit/default"),
        ("PermissionsBoundary", "boundary"),
        ("SubnetIds", "subnet-0a, subnet-0b"),
        ("SecurityGroupIds", "default"),
        ("ReservedConcurrency", "-1"),
        ("PageTopicArn", "somebody@example.com"),
        ("PublicUrl", "https://tokens.example.com/"),
        ("PublicUrl", "http://tokens.example.com"),
        ("DomainName", "localhost"),
    ],
)
def test_a_value_that_would_fail_later_is_refused_before_anything_is_deployed(name: str, value: str) -> None:
    assert not re.fullmatch(PARAMETERS[name]["AllowedPattern"], value)


def test_the_console_asks_five_questions_first_and_every_parameter_once_under_a_label() -> None:
    groups = [group["Parameters"] for group in INTERFACE["ParameterGroups"]]
    assert len(groups[0]) == 5
    asked = [name for group in groups for name in group]
    assert sorted(asked) == sorted(PARAMETERS)
    assert set(INTERFACE["ParameterLabels"]) == set(PARAMETERS)


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_is_explained_in_the_page_on_deployment(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs/deploy.md").read_text()


@pytest.mark.parametrize("output", SOURCE["Outputs"])
def test_every_output_says_what_it_is(output: str) -> None:
    assert SOURCE["Outputs"][output]["Description"]


@pytest.mark.parametrize(
    ("parameters", "origin"),
    [
        ({}, "Api.ApiEndpoint"),
        ({"DomainName": "tokens.example.com"}, "https://tokens.example.com"),
        ({"DomainName": "tokens.example.com", "PublicUrl": "https://cdn.example.com"}, "https://cdn.example.com"),
    ],
    ids=["plain", "domain", "public url"],
)
def test_addresses_are_those_that_callers_see(parameters: dict[str, str], origin: str) -> None:
    found = outputs(**parameters)
    assert found["PublicUrl"] == origin
    assert found["TokenUrl"] == f"{origin}/token"
    assert found["MetadataUrl"] == f"{origin}/.well-known/oauth-authorization-server"
    assert found["HealthUrl"] == f"{origin}/health"


def test_an_operator_finds_logs_dashboard_functions_secret_and_table_in_the_outputs() -> None:
    found = outputs(**EVERYTHING)
    assert (found["BrokerLogGroup"], found["AccessLogGroup"]) == ("BrokerLog", "AccessLog")
    assert found["DashboardUrl"].endswith("#dashboards/dashboard/Dashboard")
    assert (found["FunctionName"], found["TokenFunctionName"]) == ("BrokerFunction", "TokenFunction")
    assert (found["SecretArn"], found["SharedTableName"]) == ("Secret", "SharedTable")
    assert found["IamRouteArn"] == "arn:aws:execute-api:us-east-1:123456789012:Api/*/*/iam/token"
    assert found["DomainTarget"] == "Domain.RegionalDomainName"


def test_a_part_that_is_not_deployed_has_no_output() -> None:
    assert (
        not {"IamRouteArn", "IamFunctionName", "TokenFunctionName", "SharedTableName", "DomainTarget"}
        & outputs().keys()
    )
