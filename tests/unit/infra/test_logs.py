"""The logs: found by their names, kept as long as asked, and the access log is JSON also when there is an error."""

import json
import re
from typing import Any

import pytest

from tests.kit.deployed import deployed, of_kind

# Values as API Gateway fills them in for a request that the function did not answer in time.
TIMED_OUT = {
    "requestId": "Qx3_rjGYIAMEVhw=",
    "requestTime": "25/Nov/2026:10:00:00 +0000",
    "domainName": "tokens.example.com",
    "httpMethod": "POST",
    "routeKey": "ANY /token",
    "status": "503",
    "responseLatency": "15021",
    "integrationStatus": "504",
    "integration.requestId": "b1f0c3a2-2f6e-4a51-9f6e-0a1b2c3d4e5f",
    "integrationErrorMessage": 'Endpoint request timed out: "a \\ path"',
    "error.message": 'Service "Unavailable"',
    "authorizer.error": "-",
    "identity.sourceIp": "192.0.2.1",
    "identity.userAgent": 'a "quoted" \\ agent", "status":"200',
}
# What a caller writes. AWS's page says nothing of escapes; that API Gateway makes them was seen by others
# (DataBiosphere/azul#4348, July 2024), and docs/live.md has the check for an account of one's own.
ESCAPED_BY_AWS = {"identity.userAgent", "integrationErrorMessage", "error.message", "authorizer.error"}


def access_format() -> str:
    (stage,) = of_kind("AWS::ApiGatewayV2::Stage").values()
    assert stage["AccessLogSettings"]["DestinationArn"] == "AccessLog.Arn"
    return str(stage["AccessLogSettings"]["Format"])


def rendered(values: dict[str, str]) -> str:
    """The line as API Gateway writes it: texts escaped, the message string with quotes of its own."""
    escaped = {name: json.dumps(text)[1:-1] if name in ESCAPED_BY_AWS else text for name, text in values.items()}
    escaped["error.messageString"] = f'"{escaped["error.message"]}"'
    return re.sub(r"\$context\.([A-Za-z]+(?:\.[A-Za-z]+)*)", lambda found: escaped.get(found[1], "-"), access_format())


def test_a_line_of_a_request_that_failed_is_json_whatever_the_texts_in_it_hold() -> None:
    line = json.loads(rendered(TIMED_OUT))
    assert line["error"] == TIMED_OUT["error.message"]
    assert line["integrationError"] == TIMED_OUT["integrationErrorMessage"]
    assert line["userAgent"] == TIMED_OUT["identity.userAgent"]
    assert line["status"] == "503"


def test_a_line_of_the_access_log_names_the_deployment_and_leads_to_the_function_s_log() -> None:
    line = json.loads(rendered(TIMED_OUT))
    assert line["service"] == "local"
    assert line["integrationRequestId"] == TIMED_OUT["integration.requestId"]
    assert (line["domain"], line["method"], line["route"]) == ("tokens.example.com", "POST", "ANY /token")


def test_the_access_log_says_why_sigv4_was_refused() -> None:
    refused = TIMED_OUT | {"status": "403", "authorizer.error": 'The "security" token is expired'}
    assert json.loads(rendered(refused))["authorizerError"] == 'The "security" token is expired'


def test_the_access_log_holds_no_header_body_or_query() -> None:
    assert not re.search(r"\$context\.[\w.]*(header|body|querystring|path\b)", access_format(), re.IGNORECASE)
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
    assert len(access_format()) < 3072


@pytest.mark.parametrize("name", sorted({*re.findall(r"\$context\.([A-Za-z.]+)", access_format())}))
def test_every_variable_of_the_access_log_has_a_value_in_these_tests(name: str) -> None:
    assert name in TIMED_OUT


def logs(**parameters: str) -> dict[str, Any]:
    return of_kind("AWS::Logs::LogGroup", **parameters)


def test_an_operator_finds_the_logs_by_the_stack_s_name() -> None:
    names = {name: log["LogGroupName"] for name, log in logs().items()}
    assert names == {"BrokerLog": "/aws/lambda/local", "AccessLog": "/aws/vendedlogs/local/access"}


def test_every_log_is_kept_as_long_as_the_parameter_says() -> None:
    assert {log["RetentionInDays"] for log in logs(LogRetentionDays="30").values()} == {"30"}


def test_a_key_of_one_s_own_encrypts_both_logs() -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/1"
    assert {log["KmsKeyId"] for log in logs(LogKmsKeyArn=key).values()} == {key}
    assert not any("KmsKeyId" in log for log in logs().values())


def test_the_audit_log_survives_the_stack_but_not_a_failed_creation() -> None:
    log = deployed()["BrokerLog"]
    assert (log["DeletionPolicy"], log["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_api_gateway_s_own_429_is_counted_apart_from_ours() -> None:
    (filtered,) = of_kind("AWS::Logs::MetricFilter").values()
    conditions = dict(re.findall(r'\$\.(\w+) = "([^"]+)"', filtered["FilterPattern"]))
    own = json.loads(rendered({**TIMED_OUT, "status": "429", "integrationStatus": "-"}))
    ours = json.loads(rendered({**TIMED_OUT, "status": "429", "integrationStatus": "200"}))
    assert conditions.items() <= own.items()
    assert not conditions.items() <= ours.items()
    (transformation,) = filtered["MetricTransformations"]
    assert (transformation["MetricNamespace"], transformation["MetricName"]) == ("TokenBroker", "ApiThrottled")
    assert own[transformation["Dimensions"][0]["Value"].removeprefix("$.")] == "local"
