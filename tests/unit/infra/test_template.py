"""The template as CloudFormation sees it: least privilege, exact origins, kept logs, alarms with a runbook."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

from local.translate import Resources, resources_of

ROOT = Path(__file__).parents[3]
TEMPLATE = ROOT / "template.yaml"
MONITORING = yaml_parse((ROOT / "infra/monitoring.yaml").read_text())
SOURCE = yaml_parse(TEMPLATE.read_text())
SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:mine-AbCdEf"
KMS_ARN = "arn:aws:kms:us-east-1:123456789012:key/1234abcd"
ALARMS = {name: alarm["Properties"] for name, alarm in MONITORING["Resources"].items() if name.endswith("Alarm")}


@cache
def deployed(**parameters: str) -> Resources:
    return resources_of(TEMPLATE.read_text(), parameters)


def of_kind(kind: str, **parameters: str) -> dict[str, Any]:
    return {name: entry["Properties"] for name, entry in deployed(**parameters).items() if entry["Type"] == kind}


def statements(**parameters: str) -> list[dict[str, Any]]:
    (role,) = of_kind("AWS::IAM::Role", **parameters).values()
    (policy,) = role["Policies"]
    assert "ManagedPolicyArns" not in role
    return list(policy["PolicyDocument"]["Statement"])


def test_the_function_may_read_its_one_secret_and_write_its_own_log_and_nothing_else() -> None:
    rights = {(str(entry["Action"]), str(entry["Resource"])) for entry in statements()}
    assert rights == {
        ("secretsmanager:GetSecretValue", "Secret"),
        ("['logs:CreateLogStream', 'logs:PutLogEvents']", "BrokerLog.Arn"),
    }
    assert all(entry["Effect"] == "Allow" for entry in statements())


def test_an_existing_secret_is_used_in_place_of_a_new_one() -> None:
    assert {entry["Resource"] for entry in statements(ExistingSecretArn=SECRET_ARN)} == {SECRET_ARN, "BrokerLog.Arn"}
    assert of_kind("AWS::SecretsManager::Secret", ExistingSecretArn=SECRET_ARN) == {}


def test_a_key_of_one_s_own_may_decrypt_by_way_of_secrets_manager_alone() -> None:
    (decrypt,) = (entry for entry in statements(SecretKmsKeyArn=KMS_ARN) if entry["Action"] == "kms:Decrypt")
    assert decrypt["Resource"] == KMS_ARN
    assert decrypt["Condition"] == {"StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}


def test_no_right_has_a_wildcard() -> None:
    assert "*" not in json.dumps(statements(SecretKmsKeyArn=KMS_ARN, SharedCache="yes"))


def test_the_secret_is_created_without_a_value_and_survives_the_stack() -> None:
    secret = deployed()["Secret"]
    assert not {"SecretString", "GenerateSecretString"} & secret["Properties"].keys()
    assert secret["DeletionPolicy"] == secret["UpdateReplacePolicy"] == "Retain"


def test_no_parameter_takes_a_secret() -> None:
    assert not [name for name in SOURCE["Parameters"] if re.search("AuthKey|AuthSecret|Password", name)]


def cors(**parameters: str) -> Any:
    (api,) = of_kind("AWS::ApiGatewayV2::Api", **parameters).values()
    return api["Body"].get("x-amazon-apigateway-cors")


def test_without_origins_there_is_no_cors() -> None:
    assert cors() is None


def test_origins_reach_api_gateway_as_a_list_and_nothing_wider() -> None:
    origins = "https://a.example,https://b.example:8443"
    assert cors(AllowedOrigins=origins) == {
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
    (api,) = of_kind("AWS::ApiGatewayV2::Api").values()
    routes = {path: set(methods) for path, methods in api["Body"]["paths"].items()}
    metadata = "/.well-known/oauth-authorization-server"
    assert routes == {"/token": {"x-amazon-apigateway-any-method"}, metadata: {"get"}, "/health": {"get"}}
    assert "security" not in json.dumps(api["Body"]["paths"])


def test_the_functions_for_callers_without_a_jwt_are_off_unless_asked_for() -> None:
    assert of_kind("AWS::Lambda::Function").keys() == {"BrokerFunction"}
    asked = {"IamCallers": "yes", "InvokeCaller": "nightly"}
    functions = of_kind("AWS::Lambda::Function", **asked)
    assert functions.keys() == {"BrokerFunction", "IamFunction", "TokenFunction"}
    assert functions["TokenFunction"]["Environment"]["Variables"]["CALLER_NAME"] == "nightly"
    (api,) = of_kind("AWS::ApiGatewayV2::Api", **asked).values()
    guarded = {path for path, methods in api["Body"]["paths"].items() if "AWS_IAM" in json.dumps(methods)}
    assert guarded == {"/iam/token"}
    # Nobody but API Gateway may invoke the first two, and only the account's own policies the third.
    allowed = {each["Principal"] for each in of_kind("AWS::Lambda::Permission", **asked).values()}
    assert allowed == {"apigateway.amazonaws.com"}


def test_further_secrets_are_read_by_their_arns_alone() -> None:
    more = f"{SECRET_ARN},{SECRET_ARN}2"
    (statement,) = (entry for entry in statements(MoreSecretArns=more) if "Further" in entry["Sid"])
    assert statement["Resource"] == [SECRET_ARN, f"{SECRET_ARN}2"]


def test_without_the_shared_cache_there_is_no_table() -> None:
    assert of_kind("AWS::DynamoDB::Table") == {}
    assert "dynamodb" not in json.dumps(statements())


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


def test_its_rows_may_be_read_written_and_deleted_one_by_one_and_nothing_else() -> None:
    (statement,) = (entry for entry in statements(SharedCache="yes") if "dynamodb" in str(entry["Action"]))
    assert set(statement["Action"]) == {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"}
    assert statement["Resource"] == "SharedTable.Arn"


def test_all_functions_know_it_by_a_variable_and_none_without_it() -> None:
    all_of_them = {"IamCallers": "yes", "InvokeCaller": "nightly"}
    with_it = of_kind("AWS::Lambda::Function", SharedCache="yes", **all_of_them).values()
    assert [each["Environment"]["Variables"]["SHARED_TABLE"] for each in with_it] == ["SharedTable"] * 3
    without = of_kind("AWS::Lambda::Function", **all_of_them).values()
    assert not any("SHARED_TABLE" in each["Environment"]["Variables"] for each in without)


def test_api_gateway_throttles_and_writes_an_access_log_without_headers() -> None:
    (stage,) = of_kind("AWS::ApiGatewayV2::Stage").values()
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == 50
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] == 100
    log = stage["AccessLogSettings"]
    assert log["DestinationArn"] == "AccessLog.Arn"
    assert isinstance(json.loads(log["Format"]), dict)
    assert not re.search("authoriz|header|body|querystring", log["Format"], re.IGNORECASE)


def test_every_log_is_kept_as_long_as_the_parameter_says() -> None:
    logs = of_kind("AWS::Logs::LogGroup", LogRetentionDays="30")
    assert logs.keys() == {"BrokerLog", "AccessLog"}
    assert {log["RetentionInDays"] for log in logs.values()} == {"30"}


def test_the_function_runs_as_the_design_says() -> None:
    (function,) = of_kind("AWS::Lambda::Function").values()
    assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
    assert function["LoggingConfig"]["LogGroup"] == "BrokerLog"
    # The name in audit records, and which secret each credential is: no variable can weaken a check.
    told = {"SERVICE_NAME": "local", "CREDENTIALS": "default", "CREDENTIAL_SECRETS": "Secret"}
    assert function["Environment"]["Variables"] == told
    assert 10 < function["Timeout"] < 30


def test_a_custom_domain_comes_with_its_mapping() -> None:
    assert of_kind("AWS::ApiGatewayV2::DomainName") == {}
    certificate = "arn:aws:acm:us-east-1:123456789012:certificate/1"
    (domain,) = of_kind(
        "AWS::ApiGatewayV2::DomainName", DomainName="tokens.example.com", CertificateArn=certificate
    ).values()
    assert domain["DomainNameConfigurations"][0]["SecurityPolicy"] == "TLS_1_2"


@pytest.mark.parametrize("name", SOURCE["Parameters"])
def test_every_parameter_says_what_it_is_and_takes_nothing_odd(name: str) -> None:
    parameter = SOURCE["Parameters"][name]
    assert parameter["Description"].endswith(".")
    assert {"AllowedPattern", "AllowedValues", "MinValue"} & parameter.keys()
    if "AllowedPattern" in parameter:
        assert parameter["ConstraintDescription"] or name == "AllowedOrigins"
        assert re.fullmatch(parameter["AllowedPattern"], str(parameter["Default"]))


@pytest.mark.parametrize("output", SOURCE["Outputs"])
def test_every_output_says_what_it_is(output: str) -> None:
    assert SOURCE["Outputs"][output]["Description"]


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_names_its_section_of_the_runbook_which_is_there(name: str) -> None:
    section = name.removesuffix("Alarm")
    assert ALARMS[name]["AlarmDescription"].endswith(f"See docs/operations.md, {section}")
    assert f"\n### {section}\n" in (ROOT / "docs/operations.md").read_text()


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_notifies_the_topic_when_it_rises_and_when_it_ends(name: str) -> None:
    topic = {"Fn::If": ["HasTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}
    assert ALARMS[name]["AlarmActions"] == ALARMS[name]["OKActions"] == topic
    assert ALARMS[name]["TreatMissingData"] == "notBreaching"


def test_there_is_an_alarm_for_errors_5xx_throttles_and_latency() -> None:
    watched = {(alarm["Namespace"], alarm["MetricName"]) for alarm in ALARMS.values()}
    assert watched >= {
        ("AWS/Lambda", "Errors"),
        ("AWS/Lambda", "Throttles"),
        ("AWS/Lambda", "Duration"),
        ("AWS/ApiGateway", "5xx"),
        ("AWS/ApiGateway", "Latency"),
    }


def test_the_broker_s_own_alarms_watch_metrics_that_it_writes() -> None:
    text = "".join(file.read_text() for file in (ROOT / "functions/broker").glob("*.py"))
    for alarm in ALARMS.values():
        if alarm["Namespace"] == "TokenBroker":
            assert f'"{alarm["MetricName"]}"' in text


def test_the_dashboard_is_json_that_watches_metrics_of_this_deployment() -> None:
    body = MONITORING["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(body)["widgets"]
    assert len(widgets) == 4
    for widget in widgets:
        assert widget["properties"]["title"]
        for metric in widget["properties"]["metrics"]:
            assert metric[0] in ("TokenBroker", "AWS/Lambda", "AWS/ApiGateway")
            assert metric[3] in ("${Service}", "${FunctionName}", "${ApiId}")
