"""Answers requests as API Gateway's HTTP API does: route, throttle, authorize, invoke the function, add CORS headers.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api.html
"""

import base64
import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from local.aws.account import Principal
from local.aws.sigv4 import Sent, is_signed
from local.emulator.pool import Busy, Outcome, Pool
from local.gateway.api import Api
from local.gateway.events import make_event

LOG = logging.getLogger("local.gateway")

# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
MAX_HEAD = 10_240  # bytes of request line and headers together
MAX_BODY = 10 * 1024 * 1024


class Throttle:
    """A token bucket, as API Gateway has one. `rate`: requests a second; `burst`: requests at once."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._tokens, self._at = burst, time.time()

    def admits(self) -> bool:
        now = time.time()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Gateway:
    """Answers requests by invoking functions.

    API Gateway renames the header `WWW-Authenticate` in some cases; with `renames` this gateway does so always.
    """

    def __init__(self, api: Api, pools: Mapping[str, Pool], principal: Principal, *, renames: bool = False) -> None:
        """`pools` by the function's logical id. `principal` is the only one that the IAM authorizer admits."""
        self._api = api
        self._pools = pools
        self._principal = principal
        self._renames = renames
        self._throttle = Throttle(api.rate, api.burst)

    async def answer(self, request: web.Request) -> web.Response:
        started = time.time()
        request_id = secrets.token_urlsafe(12)
        response = await self._answer(request, request_id)
        response.headers["apigw-requestid"] = request_id
        self._add_cors(request, response)
        LOG.info(
            json.dumps(
                {
                    "requestId": request_id,
                    "method": request.method,
                    "path": request.path,
                    "status": response.status,
                    "milliseconds": round((time.time() - started) * 1000, 1),
                }
            )
        )
        return response

    async def _answer(self, request: web.Request, request_id: str) -> web.Response:
        if _head_size(request) > MAX_HEAD:
            return _refuse(431, "Request Header Fields Too Large")
        match = self._api.find_route(request.method, request.path)
        if match is None:
            # Answer the preflight only if no route takes OPTIONS: a route of ANY receives it, as on AWS.
            # https://github.com/aws/serverless-application-model/issues/1603
            return web.Response(status=204) if self._is_preflight(request) else _refuse(404, "Not Found")
        if not self._throttle.admits():
            return _refuse(429, "Too Many Requests")
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _refuse(413, "Request Entity Too Large")
        event, route = make_event(request, body, match, request_id), self._api.routes[match.key]
        if route.needs_iam:
            url = f"http://{request.host}{request.path_qs}"
            if not is_signed(Sent(request.method, url, request.headers, body), "execute-api", self._principal):
                return _refuse(403, "Forbidden")
            event["requestContext"]["authorizer"] = {"iam": self._principal.identity()}
        try:
            outcome = await self._pools[route.function].invoke(json.dumps(event).encode())
        except Busy:
            return _refuse(503, "Service Unavailable")
        return self._respond(outcome)

    def _is_preflight(self, request: web.Request) -> bool:
        asks = "Origin" in request.headers and "Access-Control-Request-Method" in request.headers
        return self._api.cors is not None and request.method == "OPTIONS" and asks

    def _respond(self, outcome: Outcome) -> web.Response:
        """https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html"""
        if outcome.failed:
            return _refuse(500, "Internal Server Error")
        try:
            return self._read_response(json.loads(outcome.payload))
        except (ValueError, TypeError, KeyError, AttributeError):
            return _refuse(500, "Internal Server Error")

    def _read_response(self, answer: Any) -> web.Response:
        if not isinstance(answer, dict) or "statusCode" not in answer:
            # Without `statusCode` API Gateway infers 200 and sends the whole value as the body.
            return web.Response(body=json.dumps(answer).encode(), content_type="application/json")
        body = answer.get("body") or ""
        data = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
        response = web.Response(status=int(answer["statusCode"]), body=data)
        response.headers["content-type"] = "text/plain"
        for name, value in answer.get("headers", {}).items():
            response.headers[self._rename(name.lower())] = str(value)
        for cookie in answer.get("cookies", []):
            response.headers.add("set-cookie", cookie)
        return response

    def _rename(self, name: str) -> str:
        return "x-amzn-remapped-www-authenticate" if self._renames and name == "www-authenticate" else name

    def _add_cors(self, request: web.Request, response: web.Response) -> None:
        """Add the CORS headers. If CORS is configured, API Gateway drops those that the function sets."""
        cors, origin = self._api.cors, request.headers.get("Origin")
        if cors is None:
            return
        for name in [name for name in response.headers if name.lower().startswith("access-control-")]:
            del response.headers[name]
        response.headers.update(cors.preflight(origin) if self._is_preflight(request) else cors.for_origin(origin))


def _head_size(request: web.Request) -> int:
    """The number of bytes of request line and headers as the client sent them."""
    line = len(request.method) + len(request.path_qs.encode()) + len(" HTTP/1.1\r\n") + 1
    return line + sum(len(name) + len(value) + len(": \r\n") for name, value in request.raw_headers)


def _refuse(status: int, text: str) -> web.Response:
    """An error of API Gateway itself; its body is always this one member."""
    return web.json_response({"message": text}, status=status)


def gateway_app(api: Api, pools: Mapping[str, Pool], principal: Principal, *, renames: bool = False) -> web.Application:
    """The API as an aiohttp application."""
    answer: Callable[[web.Request], Awaitable[web.Response]] = Gateway(api, pools, principal, renames=renames).answer
    app = web.Application(client_max_size=MAX_BODY)
    app.router.add_route("*", "/{path:.*}", answer)
    return app
