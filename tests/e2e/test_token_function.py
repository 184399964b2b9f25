"""The Token function: invoked directly, it trades for the caller that the template names, and raises stable names."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.kit.callers import Answer
from tests.kit.stacks import Client


def invoke(client: Client, event: Any) -> Answer:
    return client.invoke(json.dumps(event).encode(), "TokenFunction")


def test_an_invocation_gets_a_token_and_when_it_ends(client: Client) -> None:
    before = datetime.now(UTC).timestamp()
    answer = invoke(client, {"scope": ["assemblies:read"]})
    after = datetime.now(UTC).timestamp()
    assert "x-amz-function-error" not in answer.headers
    assert answer.body.keys() == {"access_token", "token_type", "expires_in", "scope", "expires_at"}
    assert answer.body["scope"] == "assemblies:read"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer.body["expires_at"])
    answered_at = datetime.fromisoformat(answer.body["expires_at"]).timestamp() - answer.body["expires_in"]
    assert before - 2 < answered_at < after + 2  # both are in whole seconds
    assert client.api2.opens(answer.body["access_token"])


def test_a_request_without_a_scope_gets_all_that_the_policy_gives(client: Client) -> None:
    assert invoke(client, {}).body["scope"] == "assemblies:read assemblies:write"


def test_the_record_of_an_invocation_names_the_caller_of_the_template(client: Client) -> None:
    invoke(client, {"scope": ["assemblies:write"]})
    record = [record for record in client.records() if record["proof"] == "invoke"][-1]
    assert (record["issuer"], record["subject"], record["outcome"]) == ("invoke", "pipeline", "granted")


@pytest.mark.parametrize(
    ("event", "name", "message"),
    [
        ({"sub": "somebody"}, "InvalidRequest", "Send an object with scope, aud and credential, all optional."),
        ({"scope": "assemblies:read"}, "InvalidRequest", "scope is a list of texts; aud and credential are texts."),
        ([], "InvalidRequest", "Send an object with scope, aud and credential, all optional."),
        ({"Records": []}, "InvalidRequest", "Send an object with scope, aud and credential, all optional."),
        ({"scope": ["billing:read"]}, "InvalidRequest", "This caller may not have every scope that was asked for."),
        ({"aud": "mcp"}, "InvalidRequest", "This caller may not have a token for this credential and aud."),
    ],
    ids=str,
)
def test_a_failure_is_raised_under_its_stable_name(client: Client, event: Any, name: str, message: str) -> None:
    answer = invoke(client, event)
    assert answer.headers["x-amz-function-error"] == "Unhandled"
    assert (answer.body["errorType"], answer.body["errorMessage"]) == (name, message)


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        ({"status": 503, "times": 2}, "TemporarilyUnavailable"),
        ({"body": "<html>", "times": 1}, "UpstreamRefused"),
    ],
    ids=["down", "nonsense"],
)
def test_a_failure_of_api2_is_raised_under_its_stable_name(clean: Client, fault: dict[str, Any], name: str) -> None:
    # Scopes that no other test of this stack has a token of.
    clean.api2.fault(**fault)
    answer = invoke(clean, {"scope": ["assemblies:write", "assemblies:read"], "credential": "spare"})
    assert answer.body["errorType"] == name
