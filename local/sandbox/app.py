"""The sandbox as an aiohttp application."""

import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from local.sandbox.authentication import Authenticator, Caller
from local.sandbox.errors import ApiError
from local.sandbox.faults import Faults
from local.sandbox.tokens import AuthKey, Tokens

HOW = web.RequestKey("how", str)  # how a request was authenticated, for the log
LOG = logging.getLogger("local.sandbox")
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "Transloadit-Client, Authorization, Content-Type",
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE, OPTIONS",
}

Endpoint = Callable[[web.Request, Caller], Awaitable[web.Response]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def list_assemblies(request: web.Request, caller: Caller) -> web.Response:
    """No Assembly is ever made here, so the list is empty; what counts is who may see it."""
    return web.json_response({"count": 0, "items": []})


# The endpoints, and the scope that guards each.
ENDPOINTS: dict[tuple[str, str], tuple[str, Endpoint]] = {
    ("GET", "/assemblies"): ("assemblies:read", list_assemblies),
}


@dataclass
class Clock:
    """Wall time, moved on by tests."""

    source: Callable[[], float] = time.time
    ahead: float = 0

    def __call__(self) -> float:
        return self.source() + self.ahead


class Sandbox:
    """State of one sandbox: tokens, faults, and counters of what was called."""

    def __init__(self, keys: list[AuthKey], clock: Clock) -> None:
        self.clock = clock
        by_name = {key.key: key for key in keys}
        self.tokens = Tokens(by_name, clock)
        self.authenticator = Authenticator(by_name, self.tokens, clock)
        self.faults = Faults()
        self.calls: Counter[str] = Counter()
        self.forms: list[dict[str, str]] = []

    async def token(self, request: web.Request) -> web.Response:
        body = await request.read()
        # What tests may see of the requests for tokens: the form, which holds no secret.
        self.forms.append(dict(parse_qsl(body.decode("utf-8", "replace"))))
        answer = self.tokens.mint(request.headers.get("Authorization"), request.content_type, body)
        request[HOW] = "basic"
        return web.json_response(answer, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})

    async def endpoint(self, request: web.Request) -> web.Response:
        scope, handle = ENDPOINTS.get((request.method, request.path), ("", None))
        if handle is None:
            raise ApiError("SERVER_404", "Unknown method or URL")
        caller = self.authenticator.check(request.headers.get("Authorization"), request.query, scope)
        request[HOW] = f"{caller.how} of {caller.key.key}"
        return await handle(request, caller)

    @web.middleware
    async def observe(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count, break where asked to, answer refusals in api2's words, and log a line."""
        self.calls[f"{request.method} {request.path}"] += 1
        refused = ""
        try:
            faulty = await self.faults.meet(request)
            response = faulty if faulty is not None else await handler(request)
        except ApiError as error:
            refused = error.code
            response = error.response()
        if request.path != "/token":
            response.headers.update(CORS)
        LOG.info("%s %s %s %s", request.method, request.path, response.status, refused or request.get(HOW, "nobody"))
        return response

    @web.middleware
    async def control(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """`/_sandbox/…` stands outside of counting and faults."""
        if not request.path.startswith("/_sandbox/"):
            return await self.observe(request, handler)
        try:
            answer = await self._controlled(request)
        except ValueError as error:
            return web.json_response({"message": str(error)}, status=400)
        return web.json_response(answer)

    async def _controlled(self, request: web.Request) -> Any:
        call = (request.method, request.path.removeprefix("/_sandbox/"))
        if call == ("GET", "calls"):
            return dict(self.calls)
        if call == ("GET", "forms"):
            return self.forms
        if call == ("POST", "reset"):
            self.calls.clear()
            self.forms.clear()
            self.faults.clear()
        elif call == ("POST", "faults"):
            self.faults.add(await request.json())
        elif call == ("POST", "clock"):
            self.clock.ahead += float((await request.json())["advance"])
        else:
            raise ValueError("the controls are GET calls, GET forms, POST reset, POST faults and POST clock")
        return {"ok": True}


async def _preflight(request: web.Request) -> web.Response:
    return web.Response(status=204)


def create_app(keys: list[AuthKey], clock: Clock | None = None) -> web.Application:
    """The sandbox for these Auth Keys."""
    sandbox = Sandbox(keys, clock or Clock())
    app = web.Application(middlewares=[sandbox.control])
    app.router.add_post("/token", sandbox.token)
    app.router.add_route("OPTIONS", "/{path:.*}", _preflight)
    app.router.add_route("*", "/{path:.*}", sandbox.endpoint)
    return app
