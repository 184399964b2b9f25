"""curl, as the README has it, and with its own SigV4."""

import json
import subprocess
from typing import Any

import pytest

from tests.conformance.clients.conftest import listed_assemblies
from tests.kit.stacks import Client


def curl(*options: str, secret: str = "") -> tuple[int, Any]:
    """Status and body; `secret` is a config on standard input, so that no JWT is in the process list."""
    command = ["curl", "--silent", "--config", "-", "--write-out", "\n%{http_code}", *options]
    done = subprocess.run(command, input=secret, capture_output=True, text=True, check=True)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body)


def test_curl_gets_a_token_by_the_header(stack: Client) -> None:
    header = f'header = "Authorization: Bearer {stack.jwt()}"'
    status, body = curl("-d", "grant_type=client_credentials", f"{stack.stack['broker_url']}/token", secret=header)
    assert (status, body["token_type"]) == (200, "Bearer")
    listed = f"{stack.stack['api2_url']}/assemblies"
    bearer = f'header = "Authorization: Bearer {body["access_token"]}"'
    assert curl(listed, secret=bearer) == (200, listed_assemblies(stack))


@pytest.mark.parametrize(
    ("grant", "field"),
    [
        ("urn:ietf:params:oauth:grant-type:token-exchange", "subject_token"),
        ("urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion"),
    ],
)
def test_curl_gets_a_token_by_a_form_in_the_body(stack: Client, grant: str, field: str) -> None:
    options = ["--data-urlencode", f"grant_type={grant}"]
    options += ["-d", "subject_token_type=urn:ietf:params:oauth:token-type:jwt"] if field == "subject_token" else []
    status, body = curl(*options, f"{stack.stack['broker_url']}/token", secret=f'data = "{field}={stack.jwt()}"')
    assert status == 200
    assert stack.api2.opens(body["access_token"])


def test_curl_signs_with_its_own_sigv4(stack: Client) -> None:
    options = ["--aws-sigv4", "aws:amz:us-east-1:execute-api", "-d", "grant_type=client_credentials"]
    url = f"{stack.stack['broker_url']}/iam/token"
    access_key, secret_key = stack.stack["aws_access_key_id"], stack.stack["aws_secret_access_key"]
    assert curl(*options, url, secret=f'user = "{access_key}:{secret_key}"')[0] == 200
    assert curl(*options, url, secret=f'user = "{access_key}:wrong"') == (403, {"message": "Forbidden"})
