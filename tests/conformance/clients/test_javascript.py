"""oauth4webapi and openid-client, unmodified: discovery, each grant, and refusals as their own error types."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3

from infra.sam import ROOT
from local.aws.account import Principal
from local.aws.template import translated
from local.emulator.pool import Outcome, Pool
from local.gateway.api import read_api
from local.gateway.gateway import gateway_app
from local.stack.options import PARAMETERS
from tests.conformance.clients.conftest import AUDIENCE, HERE, SERVICE, private_jwk
from tests.kit.jwts import Signer
from tests.kit.node import Node
from tests.kit.servers import serving
from tests.kit.stacks import Client

LIBRARIES = ["oauth4webapi", "openid-client"]


def run(node: Node, **given: Any) -> dict[str, Any]:
    done = subprocess.run(
        [*node, HERE / "client.mjs"], input=json.dumps(given), capture_output=True, text=True, check=True, timeout=60
    )
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def renaming(stack: Client) -> Iterator[str]:
    """The same functions behind a gateway that renames `WWW-Authenticate`, as API Gateway may."""
    web = urllib3.PoolManager()

    class Forwarding(Pool):
        async def invoke(self, event: bytes) -> Outcome:
            return Outcome(web.request("POST", stack.stack["invoke_url"], body=event).data, failed=False)

    resources = translated(ROOT / "template.yaml", PARAMETERS, ROOT / ".local")
    pools = {"BrokerFunction": Forwarding([]), "IamFunction": Forwarding([])}
    with serving(lambda: gateway_app(read_api(resources), pools, Principal.new(), renames=True)) as origin:
        yield origin


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("form", ["exchange", "bearer"])
def test_a_javascript_client_gets_a_token_by_a_grant_that_it_finds_in_the_metadata(
    node: Node, stack: Client, library: str, form: str
) -> None:
    answer = run(node, library=library, form=form, issuer=stack.stack["broker_url"], jwt=stack.jwt())["answer"]
    assert answer["scope"] == "assemblies:read assemblies:write"
    assert answer["expires_in"] > 21000
    assert ("issued_token_type" in answer) == (form == "exchange")
    assert stack.api2.opens(answer["access_token"])


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_javascript_client_gets_a_token_by_private_key_jwt_as_it_really_sends_it(
    node: Node, stack: Client, service: Signer, library: str
) -> None:
    key = private_jwk(service)
    answer = run(
        node,
        library=library,
        form="private_key_jwt",
        issuer=stack.stack["broker_url"],
        client_id=SERVICE,
        private_jwk=key,
    )["answer"]
    assert answer["scope"] == "assemblies:read queues:read"
    assert stack.api2.opens(answer["access_token"])


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "a bad subject token": ({"form": "exchange", "jwt": "a.b.c"}, 400, "invalid_request"),
    "a bad assertion": ({"form": "bearer", "jwt": "a.b.c"}, 400, "invalid_grant"),
    "another's key": ({"form": "private_key_jwt", "client_id": "somebody"}, 401, "invalid_client"),
    "too wide a scope": ({"form": "exchange", "scope": "billing:read"}, 400, "invalid_scope"),
    "no rule": ({"form": "bearer", "stranger": True}, 403, "access_denied"),
}


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("renamed", [False, True], ids=["passed", "renamed"])
@pytest.mark.parametrize(("given", "status", "error"), REFUSED.values(), ids=REFUSED.keys())
def test_a_refusal_is_their_own_error_with_our_code(
    node: Node,
    stack: Client,
    renaming: str,
    service: Signer,
    library: str,
    renamed: bool,
    given: dict[str, Any],
    status: int,
    error: str,
) -> None:
    jwt = stack.jwt(groups=["strangers"]) if given.get("stranger") else stack.jwt()
    endpoint = f"{renaming if renamed else stack.stack['broker_url']}/token"
    fields = {"jwt": jwt, "private_jwk": private_jwk(service), **given}
    refused = run(node, library=library, issuer=stack.stack["broker_url"], token_endpoint=endpoint, **fields)["refused"]
    assert (refused["name"], refused["status"], refused["error"]) == ("ResponseBodyError", status, error)
    assert refused["description"]


def test_jwts_of_a_certified_provider_are_traded(node: Node, stack: Client, provider: str) -> None:
    headers = urllib3.make_headers(basic_auth="batch:of-this-provider-alone")
    body = urlencode({"grant_type": "client_credentials", "scope": "jobs"})
    form = {**headers, "content-type": "application/x-www-form-urlencoded"}
    signed = urllib3.request("POST", f"{provider}/token", body=body, headers=form).json()
    answer = stack.post(signed["access_token"])
    assert (answer.status, answer.body["scope"]) == (200, "assemblies:read billing:read")
    assert stack.api2.opens(answer.body["access_token"])
    assert AUDIENCE not in answer.text
