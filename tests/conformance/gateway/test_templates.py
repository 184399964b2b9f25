"""Templates that the local gateway can emulate, and those that it refuses at its start."""

from typing import Any

import pytest

from local.gateway.api import Api, CannotEmulate, Route, read_api


def resources(operation: dict[str, Any], path: str = "/token", cors: dict[str, Any] | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {"paths": {path: {"post": operation}}}
    if cors is not None:
        body["x-amazon-apigateway-cors"] = cors
    return {
        "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Body": body}},
        "Stage": {"Type": "AWS::ApiGatewayV2::Stage", "Properties": {}},
    }


BROKER = "arn:aws:lambda:us-east-1:123456789012:function:Broker"
URI = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{BROKER}/invocations"
INTEGRATION = {"type": "aws_proxy", "payloadFormatVersion": "2.0", "uri": URI}
PROXY: dict[str, Any] = {"x-amazon-apigateway-integration": INTEGRATION}


def test_a_template_that_can_be_emulated_is_read() -> None:
    assert read_api(resources(PROXY)) == Api({("POST", "/token"): Route("Broker")}, None, 10_000, 5_000)


@pytest.mark.parametrize(
    "given",
    [
        resources({**PROXY, "security": [{"Jwt": []}]}),
        resources({"x-amazon-apigateway-integration": INTEGRATION | {"payloadFormatVersion": "1.0"}}),
        resources({"x-amazon-apigateway-integration": INTEGRATION | {"uri": "arn:aws:lambda:other"}}),
        resources(PROXY, cors={"allowOrigins": "https://a.example"}),
        resources(PROXY, cors={"allowOrigins": ["*"]}),
        resources(PROXY, "/{proxy+}"),
        resources(PROXY, "/$default"),
        {"Rest": {"Type": "AWS::ApiGateway::RestApi", "Properties": {}}},
    ],
    ids=[
        "an authorizer",
        "payload 1.0",
        "another function",
        "origins as one text",
        "any origin",
        "a greedy path variable",
        "a route for all else",
        "a REST API",
    ],
)
def test_a_template_that_cannot_be_emulated_is_refused_at_start(given: dict[str, Any]) -> None:
    with pytest.raises(CannotEmulate):
        read_api(given)


def test_a_route_with_a_path_variable_is_read_as_it_is_written() -> None:
    assert read_api(resources(PROXY, "/notifications/{id}")).routes == {
        ("POST", "/notifications/{id}"): Route("Broker")
    }


def test_a_route_behind_iam_is_read_as_such() -> None:
    assert read_api(resources({**PROXY, "security": [{"AWS_IAM": []}]})).routes == {
        ("POST", "/token"): Route("Broker", needs_iam=True)
    }
