"""Transloadit's own MCP server, unmodified, and a resource server in front of it as MCP's authorization has it."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import urllib3
from aiohttp import web

from local.loopback.processes import free_ports
from local.sandbox.authentication import RELAYED
from tests.kit.node import Node
from tests.kit.servers import serving
from tests.kit.waiting import wait_until

PATH = "/mcp"
METADATA = f"/.well-known/oauth-protected-resource{PATH}"
_PASSED = ("authorization", "accept", "content-type", "mcp-session-id", "mcp-protocol-version")


@contextmanager
def vendor_server(node: Node, packages: Path, api2_url: str, home: Path) -> Iterator[str]:
    """The origin of `@transloadit/mcp-server http`, with no key, secret or token in its environment and home."""
    (port,) = free_ports(1)
    program = packages / "node_modules/@transloadit/mcp-server/dist/cli.js"
    command = [*node, program, "http", "--port", str(port), "--endpoint", api2_url]
    variables = {"PATH": os.environ["PATH"], "HOME": str(home)}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, env=variables, cwd=home, stdout=quiet, stderr=quiet)
    origin = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(origin))
        yield origin
    finally:
        process.terminate()
        process.wait(60)


def _answers(origin: str) -> bool:
    try:
        return urllib3.request("GET", origin + PATH, retries=False, timeout=5).status == 200
    except urllib3.exceptions.HTTPError:
        return False


@contextmanager
def guarded(upstream: str, authorization_server: str, scopes: list[str] | None) -> Iterator[str]:
    """The URL of an MCP server that wants a bearer token, and says where to get one (RFC 9728), before `upstream`.

    `scopes`: those that it names in its metadata.
    https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization
    """

    async def describe(request: web.Request) -> web.Response:
        named: dict[str, Any] = {"resource": _origin(request) + PATH, "authorization_servers": [authorization_server]}
        return web.json_response(named | ({"scopes_supported": scopes} if scopes else {}))

    async def forward(request: web.Request) -> web.Response:
        if "authorization" not in request.headers:
            challenge = f'Bearer resource_metadata="{_origin(request)}{METADATA}"'
            return web.Response(status=401, headers={"www-authenticate": challenge})
        return await _forward(request, upstream, {})

    def make() -> web.Application:
        app = web.Application()
        app.router.add_get(METADATA, describe)
        # Without GET there is no stream of the server's own, which would never end.
        app.router.add_post(PATH, forward)
        app.router.add_delete(PATH, forward)
        return app

    with serving(make) as origin:
        yield origin + PATH


@contextmanager
def relaying(api2_url: str) -> Iterator[str]:
    """Transloadit's API as its hosted MCP service calls it: what it relays has a mark, without which a token for
    `aud=mcp` is refused."""

    async def forward(request: web.Request) -> web.Response:
        return await _forward(request, api2_url, {RELAYED: "of the service"})

    def make() -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", forward)
        return app

    with serving(make) as origin:
        yield origin


async def _forward(request: web.Request, upstream: str, added: dict[str, str]) -> web.Response:
    headers = {name: request.headers[name] for name in _PASSED if name in request.headers} | added
    url = upstream + request.path_qs
    async with (
        aiohttp.ClientSession() as session,
        session.request(request.method, url, headers=headers, data=await request.read()) as answer,
    ):
        kept = {name: answer.headers[name] for name in _PASSED if name in answer.headers}
        return web.Response(status=answer.status, headers=kept, body=await answer.read())


def _origin(request: web.Request) -> str:
    return f"http://{request.host}"


def call_tool(origin: str, token: str | None, tool: str, arguments: Any) -> dict[str, Any]:
    """The answer of a tool, asked by a plain client, which sends a header and no more than MCP demands."""
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    client = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "plain", "version": "1"}}
    begun = _post(origin, headers, 1, "initialize", client)
    session = {name: value for name, value in begun.headers.items() if name.lower() == "mcp-session-id"}
    answer = _post(origin, headers | session, 2, "tools/call", {"name": tool, "arguments": arguments})
    lines = answer.data.decode().splitlines()
    (message,) = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    return dict(json.loads(message)["result"])


def _post(origin: str, headers: dict[str, str], number: int, method: str, params: Any) -> urllib3.BaseHTTPResponse:
    body = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
    answer = urllib3.request("POST", origin + PATH, headers=headers, body=body, retries=False, timeout=60)
    assert answer.status == 200, answer.data
    return answer
