"""The official MCP client: from a 401 through discovery to a tool call. What to do comes as JSON on standard input."""

import asyncio
import json
import sys
from typing import Any

import httpx2
from mcp import ClientSession
from mcp.client.auth import OAuthFlowError
from mcp.client.auth.extensions.client_credentials import PrivateKeyJWTOAuthProvider, SignedJWTParameters
from mcp.client.streamable_http import streamable_http_client


class Storage:
    """Keeps the token of this one run."""

    tokens: Any = None

    async def get_tokens(self) -> Any:
        return self.tokens

    async def set_tokens(self, tokens: Any) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> Any:
        return None

    async def set_client_info(self, client_info: Any) -> None:
        pass


async def call(given: dict[str, Any]) -> dict[str, Any]:
    storage = Storage()
    name = given["client_id"]
    signing = SignedJWTParameters(
        issuer=name, subject=name, signing_key=given["private_key"], signing_algorithm="ES256"
    )
    provider = PrivateKeyJWTOAuthProvider(
        given["url"], storage, name, signing.create_assertion_provider(), given.get("scope"), given["issuer"]
    )
    async with (
        httpx2.AsyncClient(auth=provider, timeout=60) as web,
        streamable_http_client(given["url"], http_client=web) as streams,
        ClientSession(streams[0], streams[1]) as session,
    ):
        await session.initialize()
        answer = await session.call_tool(given["tool"], given["arguments"])
        return {"answer": answer.model_dump(mode="json", by_alias=True), "tokens": storage.tokens.model_dump()}


def innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


try:
    told = asyncio.run(call(json.load(sys.stdin)))
except (ExceptionGroup, OAuthFlowError) as error:
    cause = innermost(error)
    told = {"refused": {"name": type(cause).__name__, "message": str(cause)}}
sys.stdout.write(json.dumps(told))
