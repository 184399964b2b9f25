"""docs/agents.md: the lines for each client, run as they stand, before Transloadit's own MCP server as it is hosted."""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.sam import ROOT
from tests.conformance.clients.conftest import HERE
from tests.kit.docs import blocks
from tests.kit.mcp_servers import PATH, call_tool, guarded, relaying, vendor_server
from tests.kit.node import Node
from tests.kit.python_environments import python_for
from tests.kit.readers import Reader, make_reader
from tests.kit.stacks import Client

pytestmark = pytest.mark.timeout(300)  # the packages may have to be installed first
PAGE = "docs/agents.md"
CLAUDE_CODE, OF_SERVER = (json.loads(block) for block in blocks(PAGE, "json"))
VS_CODE = json.loads(*blocks(PAGE, "jsonc"))
FOR_VS_CODE, FOR_CODEX = blocks(PAGE, "sh")
CODEX = tomllib.loads(*blocks(PAGE, "toml"))["mcp_servers"]["transloadit"]
(PLAIN,) = blocks(PAGE, "python")
HOSTED = "https://api2.transloadit.com/mcp"


@pytest.fixture(scope="module")
def hosted(node: Node, stack: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The origin at which Transloadit's MCP server is hosted; api2 takes tokens for `aud=mcp` through it alone."""
    home = tmp_path_factory.mktemp("mcp")
    with (
        relaying(stack.stack["api2_url"]) as api2,
        vendor_server(node, HERE, api2, home) as server,
        guarded(server, "https://api2.transloadit.com", None) as url,
    ):
        yield url.removesuffix(PATH)


@pytest.fixture
def reader(tmp_path: Path, stack: Client, hosted: str) -> Iterator[Reader]:
    stack.api2.raw("POST", "/_sandbox/workspace", json={"slug": "sandbox", "enforce_aud": True})
    yield make_reader(tmp_path, stack.stack["broker_url"], hosted, stack.jwt(groups=["agents"]))
    stack.api2.raw("POST", "/_sandbox/workspace", json={"slug": "sandbox", "enforce_aud": False})


def listed(hosted: str, token: str) -> bool:
    """Whether Transloadit's MCP server lists the Templates for this token."""
    answer = call_tool(hosted, token, "transloadit_list_templates", {})
    return not answer.get("isError") and answer["structuredContent"]["status"] == "ok"


def token_of(headers: Any) -> str:
    assert headers.keys() == {"Authorization"}
    return str(headers["Authorization"].removeprefix("Bearer "))


def test_the_headers_helper_of_claude_code_opens_the_hosted_mcp_server(reader: Reader, hosted: str) -> None:
    server = CLAUDE_CODE["mcpServers"]["transloadit"]
    assert (server["type"], server["url"]) == ("http", HOSTED)
    done = reader.run(server["headersHelper"])
    assert done.returncode == 0, done.stderr
    assert listed(hosted, token_of(json.loads(done.stdout)))


def test_what_is_pasted_into_vs_code_opens_the_hosted_mcp_server(reader: Reader, hosted: str) -> None:
    (prompt,), server = VS_CODE["inputs"], VS_CODE["servers"]["transloadit"]
    assert (server["type"], server["url"], prompt["password"]) == ("http", HOSTED, True)
    assert server["headers"] == {"Authorization": f"Bearer ${{input:{prompt['id']}}}"}
    assert listed(hosted, token_of(json.loads(reader.run(FOR_VS_CODE).stdout)))


def test_codex_started_by_exec_has_the_token_where_its_configuration_says(reader: Reader, hosted: str) -> None:
    assert CODEX["url"] == HOSTED
    reader.add_program("codex", "env")
    done = reader.run(FOR_CODEX, {"TRANSLOADIT_SECRET": "the-auth-secret"})
    variables = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert listed(hosted, variables[CODEX["bearer_token_env_var"]])
    assert not {"TRANSLOADIT_SECRET", "TRANSLOADIT_IDENTITY_TOKEN"} & variables.keys()


def test_a_plain_python_client_of_mcp_renews_its_token_by_the_client_of_this_project(reader: Reader) -> None:
    python = python_for(HERE / "requirements.txt", "clients")
    done = reader.run(PLAIN, {"PYTHONPATH": str(ROOT / "clients/python/src")}, python=python)
    assert done.returncode == 0, done.stderr
    assert "status" in done.stdout


def test_a_token_for_mcp_is_good_at_the_hosted_server_alone_and_one_for_api2_is_not(
    reader: Reader, hosted: str, stack: Client
) -> None:
    jwt = stack.jwt(groups=["agents", "editors"])
    for_mcp, for_api2 = (stack.post(jwt, aud=aud).body["access_token"] for aud in ("mcp", "api2"))
    assert (listed(hosted, for_mcp), listed(hosted, for_api2)) == (True, False)
    assert stack.api2.by(for_mcp, "GET", "/assemblies")[0] in (401, 403)


def test_the_metadata_of_a_server_of_one_s_own_is_what_the_sdks_were_tried_with(stack: Client) -> None:
    with guarded("http://127.0.0.1:9", stack.stack["broker_url"], OF_SERVER["scopes_supported"]) as url:
        origin = url.removesuffix(PATH)
        shown = json.loads(stack._ask("GET", f"{origin}/.well-known/oauth-protected-resource{PATH}").text)
    assert shown == OF_SERVER | {"resource": url, "authorization_servers": [stack.stack["broker_url"]]}


def test_transloadit_s_mcp_server_over_stdio_does_not_read_the_token_that_exec_gives(node: Node, stack: Client) -> None:
    client = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "plain", "version": "1"}}
    asked = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": client},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "transloadit_list_templates"}},
    ]
    done = subprocess.run(
        [*node, HERE / "node_modules/@transloadit/mcp-server/dist/cli.js", "stdio"],
        input="".join(json.dumps(each) + "\n" for each in asked),
        env={"TRANSLOADIT_AUTH_TOKEN": stack.post().body["access_token"], "PATH": str(Path(sys.executable).parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "mcp_missing_auth" in done.stdout, done.stderr
