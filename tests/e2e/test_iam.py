"""`POST /iam/token`: a request signed by AWS's own SDK, through the gateway's authorizer, becomes a token."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.kit.callers import Answer
from tests.kit.forms import form
from tests.kit.stacks import Client

EVENT = Path(__file__).parents[1] / "events/iam-token.json"


def signed(client: Client, secret: str | None = None, **fields: str) -> Answer:
    body = form(**fields).encode()
    return client.signed("POST", "/iam/token", body, secret=secret)


def test_a_signed_request_gets_a_token_that_opens_api2(client: Client) -> None:
    answer = signed(client)
    assert (answer.status, answer.body["scope"]) == (200, "assemblies:read queues:read")
    assert client.api2.opens(answer.body["access_token"])
    record = client.record_of(answer)
    assert (record["issuer"], record["proof"], record["rules"]) == ("aws-iam", "iam", "iam")
    assert record["subject"] == "arn:aws:iam::123456789012:role/local-role"


def test_a_bad_signature_is_the_gateway_s_refusal(client: Client) -> None:
    answer = signed(client, secret="wrong")
    assert (answer.status, answer.body) == (403, {"message": "Forbidden"})


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"scope": "billing:read"}, 400, "invalid_scope"),
        ({"credential": "other"}, 400, "invalid_target"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"assertion": "a.b.c"}, 400, "invalid_request"),
        ({"client_secret": "x"}, 400, "invalid_request"),
    ],
    ids=str,
)
def test_a_refusal_on_the_iam_route_is_the_same_as_on_the_token_route(
    client: Client, fields: dict[str, str], status: int, error: str
) -> None:
    answer = signed(client, **fields)
    assert (answer.status, answer.body["error"]) == (status, error)
    assert answer.headers["cache-control"] == "no-store"


def test_another_method_is_405(client: Client) -> None:
    answer = client.signed("GET", "/iam/token")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def iam_event(**changes: Any) -> bytes:
    event = json.loads(EVENT.read_text())
    event["requestContext"] |= changes
    return json.dumps(event).encode()


def invoke(client: Client, event: bytes) -> Answer:
    return client.invoke(event, "IamFunction")


def test_the_recorded_event_is_answered(client: Client) -> None:
    answer = invoke(client, EVENT.read_bytes())
    assert (answer.body["statusCode"], json.loads(answer.body["body"])["error"]) == (403, "access_denied")


@pytest.mark.parametrize("authorizer", [{}, {"jwt": {"claims": {"sub": "x"}}}, {"iam": None}], ids=str)
def test_an_event_without_the_authorizer_s_identity_is_our_own_fault(
    client: Client, authorizer: dict[str, Any]
) -> None:
    answer = invoke(client, iam_event(authorizer=authorizer))
    assert (answer.body["statusCode"], json.loads(answer.body["body"])["error"]) == (500, "server_error")


def test_the_function_takes_its_own_route_alone(client: Client) -> None:
    event = json.loads(EVENT.read_text()) | {"routeKey": "ANY /token"}
    assert invoke(client, json.dumps(event).encode()).body["errorType"] == "BrokerFault"


def test_the_token_route_never_believes_an_authorizer(client: Client) -> None:
    event = json.loads(EVENT.read_text()) | {"routeKey": "ANY /token"}
    event["headers"].pop("authorization", None)
    answer = client.invoke(json.dumps(event).encode())
    assert json.loads(answer.body["body"])["error"] == "invalid_client"
