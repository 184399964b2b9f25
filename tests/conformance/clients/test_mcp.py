"""Transloadit's MCP server and both official MCP clients, unmodified, with no key and no secret: from a 401 to an
Assembly."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.conformance.clients.conftest import AGENT, HERE
from tests.kit.api2 import STEPS
from tests.kit.jwts import Signer
from tests.kit.mcp_servers import call_tool, guarded, vendor_server
from tests.kit.node import Node
from tests.kit.python_environments import python_for
from tests.kit.stacks import Client

pytestmark = pytest.mark.timeout(300)  # the packages may have to be installed first
SCOPES = "assemblies:read assemblies:write templates:read"
CREATE: dict[str, Any] = {
    "tool": "transloadit_create_assembly",
    "arguments": {"instructions": STEPS, "wait_for_completion": True},
}
Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def server(node: Node, stack: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The origin of Transloadit's MCP server, without credentials, before the stack's sandbox."""
    with vendor_server(node, HERE, stack.stack["api2_url"], tmp_path_factory.mktemp("mcp")) as origin:
        yield origin


@pytest.fixture(params=["TypeScript", "Python"])
def sdk(request: pytest.FixtureRequest, node: Node, stack: Client, agent: Signer) -> Run:
    """One of the official MCP clients, with private_key_jwt. It calls a tool of the MCP server at `url`."""
    program: list[str | Path] = [*node, HERE / "mcp.mjs"]
    if request.param == "Python":
        program = [python_for(HERE / "requirements.txt", "clients"), HERE / "mcp_client.py"]
    pem = agent.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def run(url: str, **changes: Any) -> dict[str, Any]:
        given = {"url": url, "client_id": AGENT, "private_key": pem, "issuer": stack.stack["broker_url"], **changes}
        done = subprocess.run(program, input=json.dumps(given), capture_output=True, text=True, check=True, timeout=60)
        return dict(json.loads(done.stdout))

    return run


def test_an_official_sdk_goes_from_a_401_through_discovery_to_an_assembly(sdk: Run, stack: Client, server: str) -> None:
    with guarded(server, stack.stack["broker_url"], SCOPES.split()) as url:
        done = sdk(url, **CREATE)
    made = done["answer"]["structuredContent"]["assembly"]
    assert made["ok"] == "ASSEMBLY_COMPLETED"
    assert done["tokens"]["scope"] == SCOPES
    status, shown = stack.api2.by(done["tokens"]["access_token"], "GET", f"/assemblies/{made['assembly_id']}")
    assert (status, shown["assembly_id"]) == (200, made["assembly_id"])


def test_a_server_that_names_no_scopes_makes_the_python_sdk_ask_for_all_and_the_broker_refuses(
    sdk: Run, stack: Client, server: str, request: pytest.FixtureRequest
) -> None:
    """That SDK then takes `scopes_supported` of the broker, docs/agents.md; the other one asks for none."""
    with guarded(server, stack.stack["broker_url"], None) as url:
        done = sdk(url, **CREATE)
    if request.node.callspec.params["sdk"] == "Python":
        assert "invalid_scope" in done["refused"]["message"]
    else:
        assert done["tokens"]["scope"] == SCOPES


def create(server: str, token: str | None) -> dict[str, Any]:
    return call_tool(server, token, **CREATE)


def test_transloadit_s_mcp_server_without_a_key_makes_an_assembly_with_the_broker_s_token(
    stack: Client, server: str
) -> None:
    answer = create(server, stack.post().body["access_token"])
    assert answer["structuredContent"]["assembly"]["ok"] == "ASSEMBLY_COMPLETED"


def test_transloadit_s_mcp_server_without_a_key_says_what_is_missing_where_there_is_no_token(server: str) -> None:
    assert "mcp_missing_auth" in json.dumps(create(server, None))


def test_a_token_that_may_only_read_makes_no_assembly_by_the_mcp_server(stack: Client, server: str) -> None:
    token = stack.post(scope="assemblies:read").body["access_token"]
    answer = create(server, token)
    assert answer["isError"]
    assert "ASSEMBLY_COMPLETED" not in json.dumps(answer)
    assert token not in json.dumps(answer)
