"""Turns requests into events of API Gateway's payload format 2.0.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from local.aws.account import ACCOUNT
from local.gateway.api import Match

# API Gateway passes bodies of these types on as text, and all others as base64, also those without a type.
_TEXT = ("text/", "application/json", "application/xml", "application/javascript")


def make_event(request: web.Request, body: bytes, match: Match, request_id: str) -> dict[str, Any]:
    """The event for a request that takes this route. API Gateway decodes the path, and so the values of its variables.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
    """
    route = " ".join(match.key)
    headers = _join((name.decode().lower(), value.decode("latin-1")) for name, value in request.raw_headers)
    cookies = [part.strip() for part in headers.pop("cookie", "").split(";") if part.strip()]
    is_text = headers.get("content-type", "").lower().startswith(_TEXT)
    query = _join(parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True))
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": request.path,
        "rawQueryString": request.rel_url.raw_query_string,
        "headers": headers,
        "requestContext": _make_context(request, headers, route, request_id),
        "isBase64Encoded": bool(body) and not is_text,
    }
    if cookies:
        event["cookies"] = cookies
    if query:
        event["queryStringParameters"] = query
    if match.variables:
        event["pathParameters"] = dict(match.variables)
    if body:
        event["body"] = body.decode("utf-8", "replace") if is_text else base64.b64encode(body).decode()
    return event


def _make_context(request: web.Request, headers: dict[str, str], route: str, request_id: str) -> dict[str, Any]:
    now = time.time()
    return {
        "accountId": ACCOUNT,
        "apiId": "local",
        "domainName": request.host,
        "domainPrefix": request.host.split(".")[0],
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": f"HTTP/{request.version.major}.{request.version.minor}",
            "sourceIp": request.remote,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": request_id,
        "routeKey": route,
        "stage": "$default",
        "time": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(now * 1000),
    }


def _join(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Join the values of repeated names by commas."""
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined
