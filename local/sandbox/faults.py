"""Faults on demand: what the next requests of a path shall meet in place of the real answer."""

import asyncio
import json
import math
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from aiohttp import web

from local.sandbox.errors import STATUSES, ApiError, limited

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_HELP = 'send {"path": "/token", "times": 1, "status": 503}'


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0


# What a fault may say: how it must look, and in words.
_KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "status": (lambda value: value in range(200, 600), "a status from 200 to 599"),
    "error": (lambda value: value in STATUSES, "a code of api2"),
    "body": (lambda value: True, ""),
    "delay_ms": (_is_number, "a number of milliseconds"),
    "redirect": (lambda value: isinstance(value, str), "a URL"),
    "reset": (lambda value: value is True, "true"),
    "garbage": (lambda value: value is True, "true"),
    "half": (lambda value: value is True, "true"),
}
_MORE: dict[str, tuple[Callable[[Any], bool], str]] = {
    "path": (lambda value: isinstance(value, str), "a path such as /token or /assemblies/*"),
    "method": (lambda value: isinstance(value, str), "a method"),
    "times": (lambda value: isinstance(value, int) and value >= 1, "a whole number from 1"),
    "share": (lambda value: _is_number(value) and 0 < value <= 1, "a number above 0, at most 1"),
    "retry_in": (_is_number, "a number of seconds"),
    "content_type": (lambda value: isinstance(value, str), "a content type"),
    "headers": (lambda value: isinstance(value, dict), "an object of texts"),
}


@dataclass(slots=True)
class Fault:
    """`left`: how often it is still met. `seen`: requests of its path so far, for the share."""

    spec: Mapping[str, Any]
    path: str
    method: str | None
    share: float
    left: float
    seen: int = 0

    def fits(self, request: web.Request) -> bool:
        return fnmatchcase(request.path, self.path) and self.method in (None, request.method)

    def is_due(self) -> bool:
        """Count a request of its path; whether this one meets it. A share is exact: 0.5 is every second one."""
        self.seen += 1
        return math.floor(self.seen * self.share) > math.floor((self.seen - 1) * self.share)


class Faults:
    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, spec: Any) -> None:
        """Take a fault as posted to `/_sandbox/faults`. Raises ValueError with what to write."""
        if not isinstance(spec, dict) or "path" not in spec:
            raise ValueError(_HELP)
        unknown = spec.keys() - _KINDS.keys() - _MORE.keys()
        if unknown or not _KINDS.keys() & spec.keys():
            what = f"unknown {', '.join(sorted(unknown))}; " if unknown else ""
            raise ValueError(f"{what}name one of {', '.join(_KINDS)}")
        for name, value in spec.items():
            is_right, words = (_KINDS | _MORE)[name]
            if not is_right(value):
                raise ValueError(f"{name} is {words}")
        times = spec.get("times", math.inf if "share" in spec else 1)
        self._faults.append(Fault(spec, spec["path"], spec.get("method"), spec.get("share", 1), times))

    def clear(self) -> None:
        self._faults.clear()

    async def meet(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The answer to this request: the real one, or what a fault makes of it. Raises ApiError."""
        fault = next((each for each in self._faults if each.fits(request) and each.is_due()), None)
        if fault is None:
            return await handler(request)
        fault.left -= 1
        if fault.left <= 0:
            self._faults.remove(fault)
        return await _perform(fault.spec, request, handler)


async def _perform(spec: Mapping[str, Any], request: web.Request, handler: Handler) -> web.StreamResponse:
    if "delay_ms" in spec:
        await asyncio.sleep(spec["delay_ms"] / 1000)
    if "reset" in spec:
        return _reset(request)
    if "garbage" in spec:
        return _garbage(request)
    response = _answer(spec) or await handler(request)
    return await _half(request, response) if "half" in spec else response


def _answer(spec: Mapping[str, Any]) -> web.Response | None:
    """What the fault says in place of the real answer; None where that is due."""
    headers = {str(name): str(value) for name, value in spec.get("headers", {}).items()}
    if "error" in spec:
        return _error(spec)
    if "redirect" in spec:
        return web.Response(status=302, headers=headers | {"Location": spec["redirect"]})
    if "status" not in spec and "body" not in spec:
        return None
    body = spec.get("body", "")
    text = body if isinstance(body, str) else json.dumps(body)
    kind = spec.get("content_type", "text/plain" if isinstance(body, str) else "application/json")
    return web.Response(status=spec.get("status", 200), text=text, content_type=kind, headers=headers)


def _error(spec: Mapping[str, Any]) -> web.Response:
    if "retry_in" in spec:
        return limited(spec["error"], spec["retry_in"], spec.get("status")).response()
    return ApiError(spec["error"], "A fault that was asked for", status=spec.get("status")).response()


def _reset(request: web.Request) -> web.Response:
    """Close the connection with RST in place of an answer: no lingering, so nothing is sent first."""
    assert request.transport is not None
    connection = request.transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()
    return web.Response()


def _garbage(request: web.Request) -> web.Response:
    """Bytes that are no HTTP, then the end."""
    assert request.transport is not None
    request.transport.write(bytes(range(128, 256)) + b"\r\n\r\n")
    request.transport.close()
    return web.Response()


async def _half(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Promise the whole answer, send half of it, and close."""
    body = response.body if isinstance(response, web.Response) and isinstance(response.body, bytes) else b"{}"
    cut = web.StreamResponse(status=response.status, headers={"Content-Type": response.content_type})
    cut.content_length = max(len(body), 2)
    cut.force_close()
    await cut.prepare(request)
    await cut.write(body[: len(body) // 2])
    return cut
