"""A front for AWS in tests: Lambda's Invoke, answered by functions that a test names, and a relay to what is behind.

It looks at no signature: what signs for it has keys of its own.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from urllib.parse import unquote

import aiohttp
from aiohttp import web

from local.emulator.pool import Outcome

# A function: its answer to an event, or its failure.
Invoked = Callable[[bytes], Awaitable[Outcome]]
_KEPT = ("content-type", "authorization", "x-amz-target", "x-amzn-errortype", "x-amzn-requestid")


def add_invocations(app: web.Application, functions: Mapping[str, Invoked]) -> None:
    """Lambda's Invoke, for these functions by name or ARN.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """

    async def invoke(request: web.Request) -> web.Response:
        name = unquote(request.match_info["name"]).rpartition(":function:")[2]
        if name not in functions:
            headers = {"x-amzn-errortype": "ResourceNotFoundException"}
            return web.json_response({"Message": "Function not found"}, status=404, headers=headers)
        outcome = await functions[name](await request.read())
        headers = {"X-Amz-Function-Error": "Unhandled"} if outcome.failed else {}
        return web.Response(body=outcome.payload, content_type="application/json", headers=headers)

    app.router.add_post("/2015-03-31/functions/{name}/invocations", invoke)


class Relay:
    """Sends requests to the origin `behind`, and gives what it answers."""

    def __init__(self, behind: str) -> None:
        self._behind = behind

    async def run(self, app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession() as self._web:
            yield

    async def send(self, request: web.Request) -> web.Response:
        url, body = self._behind + request.raw_path, await request.read()
        headers = {name: request.headers[name] for name in _KEPT if name in request.headers}
        async with self._web.request(request.method, url, data=body, headers=headers) as answer:
            kept = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)
