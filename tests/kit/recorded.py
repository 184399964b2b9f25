"""A site that remembers what it was asked and answers as a test orders; pages of every origin may read it.

What it answers without an order has the form of `docs/http.md`.
"""

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

Reply = tuple[int, Any, Mapping[str, str]]


@dataclass(frozen=True)
class Asked:
    """A request. `body` is the object of its JSON or form, else its text."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: Any

    @property
    def bearer(self) -> str | None:
        return self.headers["authorization"].removeprefix("Bearer ") if "authorization" in self.headers else None


class Site:
    """`answer` is what it answers by itself; `then` orders the next answers before that."""

    origin: str

    def __init__(self, answer: Callable[[Asked, int], Any]) -> None:
        self.asked: list[Asked] = []
        self._answer = answer
        self._ordered: deque[Reply] = deque()

    def then(self, status: int, body: Any = None, times: int = 1, **headers: str) -> None:
        """Order an answer: `body` as JSON, or bytes as they are. Header names in snake case."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        self._ordered.extend([(status, body, named)] * times)

    def reset(self) -> None:
        """Forget all that was asked and ordered."""
        self.asked.clear()
        self._ordered.clear()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        return app

    async def _serve(self, request: web.Request) -> web.Response:
        if request.method == "OPTIONS":
            return web.Response(status=204, headers=_cors(request))
        asked = Asked(request.method, request.path, request.headers, _read(request, await request.text()))
        self.asked.append(asked)
        status, body, headers = self._ordered.popleft() if self._ordered else (200, None, {})
        if status == 200 and body is None:
            body = self._answer(asked, len(self.asked))
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return web.Response(status=status, body=data, headers={**headers, **_cors(request)})


def _read(request: web.Request, text: str) -> Any:
    if request.content_type == "application/json":
        return json.loads(text)
    return dict(parse_qsl(text)) if request.content_type == "application/x-www-form-urlencoded" else text


def _cors(request: web.Request) -> dict[str, str]:
    return {
        "access-control-allow-origin": request.headers.get("origin", "*"),
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET,POST,PUT,DELETE",
        "access-control-allow-headers": request.headers.get("access-control-request-headers", "*"),
        "access-control-expose-headers": "retry-after",
    }


def answer_as_broker(asked: Asked, number: int) -> Any:
    """A token that lives six hours, or the signature of the kind that was asked for; `number` makes each another."""
    if asked.path == "/token":
        return {
            "access_token": f"token-{number}",
            "token_type": "Bearer",
            "expires_in": 21_600,
            "scope": "assemblies:read",
        }
    if asked.path != "/signature":
        return {}
    expires = {"expires_at": "2027-01-15T08:05:00Z"}
    match asked.body["kind"]:
        case "assembly":
            return {"params": f'{{"nonce":{number}}}', "signature": f"sha384:{number}"} | expires
        case "smart_cdn":
            return {"urls": [f"https://cdn.example/{name}?sig={number}" for name in asked.body["inputs"]]} | expires
        case _:
            return {"grant": f"grant-{number}", "prefix": "users/", "scopes": ["read"]} | expires
