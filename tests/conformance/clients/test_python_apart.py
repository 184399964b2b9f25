"""requests-oauth2client and google-auth, unmodified, in an environment of their own: discovery, grants, refusals."""

import json
import subprocess
from typing import Any

import pytest

from tests.conformance.clients.conftest import HERE, SERVICE, private_jwk
from tests.kit.jwts import Signer
from tests.kit.python_environments import python_for
from tests.kit.stacks import Client

pytestmark = pytest.mark.timeout(300)  # the packages may have to be installed first


def run(stack: Client, **given: Any) -> dict[str, Any]:
    program = [python_for(HERE / "requirements.txt", "clients"), HERE / "python_client.py"]
    whole = json.dumps({"issuer": stack.stack["broker_url"], **given})
    done = subprocess.run(program, input=whole, capture_output=True, text=True, check=True, timeout=60)
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("library", "form"),
    [("requests-oauth2client", "exchange"), ("requests-oauth2client", "bearer"), ("google-auth", "exchange")],
)
def test_a_python_client_apart_gets_a_token_by_a_grant(stack: Client, library: str, form: str) -> None:
    answer = run(stack, library=library, form=form, jwt=stack.jwt(), scope="assemblies:read")["answer"]
    assert answer["scope"] == "assemblies:read"
    assert stack.api2.opens(answer["access_token"])


def test_requests_oauth2client_gets_a_token_by_private_key_jwt(stack: Client, service: Signer) -> None:
    key = {"client_id": SERVICE, "private_jwk": private_jwk(service)}
    answer = run(stack, library="requests-oauth2client", form="private_key_jwt", **key)["answer"]
    assert answer["scope"] == "assemblies:read queues:read"


@pytest.mark.parametrize(
    ("library", "name"), [("requests-oauth2client", "InvalidScope"), ("google-auth", "OAuthError")]
)
def test_a_python_client_apart_turns_a_refusal_into_its_own_error(stack: Client, library: str, name: str) -> None:
    refused = run(stack, library=library, form="exchange", jwt=stack.jwt(), scope="billing:read")["refused"]
    assert refused["name"] == name
    assert "invalid_scope" in refused["message"] or name == "InvalidScope"
