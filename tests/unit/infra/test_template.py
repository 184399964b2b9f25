"""The template as CloudFormation sees it: exact origins, the routes of the contract, functions as the design says."""

import json
import re
from typing import Any

import pytest

from tests.kit.deployed import EVERYTHING, SOURCE, deployed, of_kind

DOMAIN = {"DomainName": "tokens.example.com", "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1"}
ALL_FUNCTIONS = {"IamCallers": "yes", "InvokeCaller": "nightly"}


def api(**parameters: str) -> dict[str, Any]:
    (found,) = of_kind("AWS::ApiGatewayV2::Api", **parameters).values()
    return dict(found["Body"])


def variables(**parameters: str) -> dict[str, Any]:
    return dict(of_kind("AWS::Lambda::Function", **parameters)["BrokerFunction"]["Environment"]["Variables"])


def test_nothing_nested_is_deployed_and_no_warning_of_an_import_ends_it() -> None:
    assert "AWS::Serverless::Application" not in {resource["Type"] for resource in SOURCE["Resources"].values()}
    assert "FailOnWarnings" not in SOURCE["Resources"]["Api"]["Properties"]


def test_without_origins_there_is_no_cors() -> None:
    assert "x-amazon-apigateway-cors" not in api()


def test_origins_reach_api_gateway_as_a_list_and_nothing_wider() -> None:
    origins = "https://a.example,https://b.example:8443"
    assert api(AllowedOrigins=origins)["x-amazon-apigateway-cors"] == {
        "allowOrigins": ["https://a.example", "https://b.example:8443"],
        "allowMethods": ["GET", "POST"],
        "allowHeaders": ["authorization", "content-type"],
        "exposeHeaders": ["retry-after", "www-authenticate"],
        "maxAge": 600,
    }


@pytest.mark.parametrize(
    ("origins", "is_taken"),
    [
        ("", True),
        ("https://a.example", True),
        ("https://a.example,https://b.example:8443", True),
        ("*", False),
        ("https://*", False),
        ("https://*.example.com", False),
        ("null", False),
        ("http://a.example", False),
        ("https://a.example/", False),
        ("https://a.example/path", False),
        ("https://A.example", False),
        ("https://a.example, https://b.example", False),
        ("https://a.example,", False),
        ("https://a.example,*", False),
        ("https://user@a.example", False),
    ],
)
def test_only_exact_https_origins_are_taken(origins: str, is_taken: bool) -> None:
    pattern = SOURCE["Parameters"]["AllowedOrigins"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, origins)) == is_taken


def test_the_routes_are_those_of_the_contract_and_there_is_no_default() -> None:
    paths = api()["paths"]
    routes = {path: set(methods) for path, methods in paths.items()}
    assert routes == {
        "/token": {"x-amazon-apigateway-any-method"},
        "/signature": {"x-amazon-apigateway-any-method"},
        "/.well-known/oauth-authorization-server": {"get"},
        "/authorize": {"get"},
        "/health": {"get", "head"},
    }
    assert "security" not in json.dumps(paths)


def test_with_a_domain_of_its_own_the_execute_api_endpoint_is_closed() -> None:
    def is_closed(**parameters: str) -> Any:
        (server,) = api(**parameters)["servers"]
        return server["x-amazon-apigateway-endpoint-configuration"]["disableExecuteApiEndpoint"]

    assert is_closed(**DOMAIN) is True
    assert is_closed() is False


def test_the_issuer_of_the_metadata_is_the_public_url_else_the_domain_else_what_was_called() -> None:
    public = {"PublicUrl": "https://public.example.com"}
    assert variables(**DOMAIN, **public)["PUBLIC_URL"] == "https://public.example.com"
    assert variables(**DOMAIN)["PUBLIC_URL"] == "https://tokens.example.com"
    assert "PUBLIC_URL" not in variables()


def test_the_functions_for_callers_without_a_jwt_are_off_unless_asked_for() -> None:
    assert of_kind("AWS::Lambda::Function").keys() == {"BrokerFunction"}
    functions = of_kind("AWS::Lambda::Function", **ALL_FUNCTIONS)
    assert functions.keys() == {"BrokerFunction", "IamFunction", "TokenFunction"}
    assert functions["TokenFunction"]["Environment"]["Variables"]["CALLER_NAME"] == "nightly"
    guarded = {path for path, methods in api(**ALL_FUNCTIONS)["paths"].items() if "AWS_IAM" in json.dumps(methods)}
    assert guarded == {"/iam/token"}
    # Nobody but API Gateway may invoke the first two, and only the account's own policies the third.
    allowed = {each["Principal"] for each in of_kind("AWS::Lambda::Permission", **ALL_FUNCTIONS).values()}
    assert allowed == {"apigateway.amazonaws.com"}


def test_without_the_shared_cache_there_is_no_table() -> None:
    assert of_kind("AWS::DynamoDB::Table") == {}


def test_the_shared_cache_is_a_table_on_demand_whose_rows_end() -> None:
    (table,) = of_kind("AWS::DynamoDB::Table", SharedCache="yes").values()
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    assert table["SSESpecification"] == {"SSEEnabled": True}
    # Sealed tokens are kept in no backup, and none outlives the stack.
    assert "PointInTimeRecoverySpecification" not in table
    entry = deployed(SharedCache="yes")["SharedTable"]
    assert entry["DeletionPolicy"] == entry["UpdateReplacePolicy"] == "Delete"


def test_all_functions_know_the_table_by_a_variable_and_none_without_it() -> None:
    with_it = of_kind("AWS::Lambda::Function", SharedCache="yes", **ALL_FUNCTIONS).values()
    assert [each["Environment"]["Variables"]["SHARED_TABLE"] for each in with_it] == ["SharedTable"] * 3
    without = of_kind("AWS::Lambda::Function", **ALL_FUNCTIONS).values()
    assert not any("SHARED_TABLE" in each["Environment"]["Variables"] for each in without)


def test_api_gateway_throttles() -> None:
    (stage,) = of_kind("AWS::ApiGatewayV2::Stage").values()
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == 50
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] == 100


def test_the_function_runs_as_the_design_says() -> None:
    (function,) = of_kind("AWS::Lambda::Function").values()
    assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
    assert function["LoggingConfig"]["LogGroup"] == "BrokerLog"
    # The name in audit records and which secret each credential is: no variable can weaken a check.
    assert function["Environment"]["Variables"].keys() == {
        "POWERTOOLS_SERVICE_NAME",
        "CREDENTIALS",
        "CREDENTIAL_SECRETS",
    }
    assert 10 < function["Timeout"] < 30
    assert SOURCE["Parameters"]["MemorySize"]["MinValue"] == 256


def test_reserved_concurrency_and_a_vpc_are_every_function_s_or_none_s() -> None:
    for function in of_kind("AWS::Lambda::Function", **EVERYTHING).values():
        assert function["ReservedConcurrentExecutions"] == "20"
        assert function["VpcConfig"] == {"SubnetIds": ["subnet-0a", "subnet-0b"], "SecurityGroupIds": ["sg-0a"]}
    (plain,) = of_kind("AWS::Lambda::Function").values()
    assert not {"ReservedConcurrentExecutions", "VpcConfig"} & plain.keys()


def test_a_custom_domain_comes_with_its_mapping() -> None:
    assert of_kind("AWS::ApiGatewayV2::DomainName") == {}
    (domain,) = of_kind("AWS::ApiGatewayV2::DomainName", **DOMAIN).values()
    assert domain["DomainNameConfigurations"][0]["SecurityPolicy"] == "TLS_1_2"
    assert len(of_kind("AWS::ApiGatewayV2::ApiMapping", **DOMAIN)) == 1
