"""Templates that the local gateway can emulate, and those that it refuses at its start."""

from typing import Any

import pytest

from local.gateway.api import Api, CannotEmulate, Route, read_api


def resources(operation: dict[str, Any], **api: Any) -> dict[str, Any]:
    body = {"paths": {"/token": {"post": operation}}, **api}
    return {
        "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Body": body}},
        "Stage": {"Type": "AWS::ApiGatewayV2::Stage", "Properties": {}},
    }


URI = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/Broker.Arn/invocations"
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
        resources(PROXY, **{"x-amazon-apigateway-cors": {"allowOrigins": "https://a.example"}}),
        resources(PROXY, **{"x-amazon-apigateway-cors": {"allowOrigins": ["*"]}}),
        {"Rest": {"Type": "AWS::ApiGateway::RestApi", "Properties": {}}},
    ],
    ids=["an authorizer", "payload 1.0", "another function", "origins as one text", "any origin", "a REST API"],
)
def test_a_template_that_cannot_be_emulated_is_refused_at_start(given: dict[str, Any]) -> None:
    with pytest.raises(CannotEmulate):
        read_api(given)


def test_a_route_behind_iam_is_read_as_such() -> None:
    assert read_api(resources({**PROXY, "security": [{"AWS_IAM": []}]})).routes == {
        ("POST", "/token"): Route("Broker", needs_iam=True)
    }
