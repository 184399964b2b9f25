"""Faults on demand: a test orders what the next requests of a path meet in place of the real answer."""

import asyncio
import json
import math
import re
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from local.sandbox.errors import STATUSES, ApiError, make_limit_error

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


FAULT = web.RequestKey("fault", str)  # the fault that a request met, for the log
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # https://www.rfc-editor.org/rfc/rfc9110#section-5.1


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and value != ""


def _are_headers(value: Any) -> bool:
    return isinstance(value, dict) and all(_HEADER.fullmatch(name) and _is_text(text) for name, text in value.items())


# The members of a fault: a check of the value, and its description for the error message.
_KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "status": (lambda value: _is_whole(value) and 200 <= value < 600, "a status from 200 to 599"),
    "error": (lambda value: isinstance(value, str) and value in STATUSES, "a code of api2"),
    "body": (lambda value: True, ""),
    "delay_ms": (_is_number, "a number of milliseconds"),
    "redirect": (_is_text, "a URL"),
    "reset": (lambda value: value is True, "true"),
    "garbage": (lambda value: value is True, "true"),
    "half": (lambda value: value is True, "true"),
}
_MORE: dict[str, tuple[Callable[[Any], bool], str]] = {
    "path": (lambda value: _is_text(value) and value[0] in "/*", "a path such as /token or /assemblies/*"),
    "method": (_is_text, "a method"),
    "times": (lambda value: _is_whole(value) and value >= 1, "a whole number from 1"),
    "share": (lambda value: _is_number(value) and 0 < value <= 1, "a number above 0, at most 1"),
    "retry_in": (_is_number, "a number of seconds"),
    "content_type": (_is_text, "a content type"),
    "headers": (_are_headers, "an object of names and texts without control characters"),
}
_ANYWHERE = {"path", "method", "times", "share", "delay_ms"}
# Members that may accompany one of these.
_BESIDE = {
    "reset": set[str](),
    "garbage": set[str](),
    "error": {"status", "retry_in", "headers", "half"},
    "redirect": {"status", "headers", "half"},
    "body": {"status", "retry_in", "headers", "half", "content_type"},
    "content_type": {"status", "retry_in", "headers", "half", "body"},
}
_ANSWERS = {"status", "error", "body", "redirect"}
_OF_ANSWERS = {"retry_in", "headers", "content_type"}


def _check(spec: Mapping[str, Any]) -> None:
    """Raises ValueError; the message says what to write."""
    unknown = spec.keys() - _KINDS.keys() - _MORE.keys()
    if unknown or not _KINDS.keys() & spec.keys():
        what = f"unknown {', '.join(sorted(unknown))}; " if unknown else ""
        raise ValueError(f"{what}name one of {', '.join(_KINDS)}")
    for name, value in spec.items():
        is_right, words = (_KINDS | _MORE)[name]
        if not is_right(value):
            raise ValueError(f"{name} is {words}")
    for name in _BESIDE.keys() & spec.keys():
        if others := spec.keys() - _ANYWHERE - {name} - _BESIDE[name]:
            raise ValueError(f"{name} does not go with {', '.join(sorted(others))}; leave one out")
    if (more := spec.keys() & _OF_ANSWERS) and not spec.keys() & _ANSWERS:
        raise ValueError(f"{', '.join(sorted(more))} needs one of {', '.join(sorted(_ANSWERS))}")
    if "content_type" in spec and "content-type" in map(str.lower, spec.get("headers", {})):
        raise ValueError("content_type does not go with such a header; leave one out")
    if "redirect" in spec and spec.get("status", 302) // 100 != 3:
        raise ValueError("the status of a redirect is one from 300 to 399")


@dataclass(slots=True)
class Fault:
    """`left`: how many more requests meet it. `seen`: the requests of its path so far, of which `share` is a part."""

    spec: Mapping[str, Any]
    path: str
    method: str
    share: float
    left: float
    seen: int = 0

    def fits(self, request: web.Request) -> bool:
        return fnmatchcase(request.path, self.path) and self.method in ("", request.method)

    def is_due(self) -> bool:
        """Count a request of its path. Returns whether it meets the fault; a share of 0.5 is every second request."""
        self.seen += 1
        return math.floor(self.seen * self.share) > math.floor((self.seen - 1) * self.share)


class Faults:
    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, spec: Mapping[str, Any]) -> None:
        """Add a fault as posted to `/_sandbox/faults`. Raises ValueError; the message says what to write."""
        if "path" not in spec:
            raise ValueError("path is missing")
        _check(spec)
        times = spec.get("times", math.inf if "share" in spec else 1)
        self._faults.append(Fault(spec, spec["path"], spec.get("method", "").upper(), spec.get("share", 1), times))

    def clear(self) -> None:
        self._faults.clear()

    async def meet(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer this request with the real answer, or with the fault that it meets. Raises ApiError."""
        fault = next((each for each in self._faults if each.fits(request) and each.is_due()), None)
        if fault is None:
            return await handler(request)
        fault.left -= 1
        if fault.left <= 0:
            self._faults.remove(fault)
        request[FAULT] = ", ".join(name for name in _KINDS if name in fault.spec)
        return await _perform(fault.spec, request, handler)


async def _perform(spec: Mapping[str, Any], request: web.Request, handler: Handler) -> web.StreamResponse:
    if "delay_ms" in spec:
        await asyncio.sleep(spec["delay_ms"] / 1000)
    if "reset" in spec:
        return _send_reset(request)
    if "garbage" in spec:
        return _send_garbage(request)
    response = _answer(spec) or await handler(request)
    return await _send_half(request, response) if "half" in spec else response


def _answer(spec: Mapping[str, Any]) -> web.Response | None:
    """The fault's own answer, or None if the real answer follows."""
    headers = CIMultiDict[str](spec.get("headers", {}))
    if "error" in spec:
        response = _error(spec)
        response.headers.update(headers)
        return response
    if "redirect" in spec:
        headers["Location"] = spec["redirect"]
        return web.Response(status=spec.get("status", 302), headers=headers)
    if not _ANSWERS & spec.keys():
        return None
    if "retry_in" in spec:
        headers.setdefault("Retry-After", str(math.ceil(spec["retry_in"])))
    body = spec.get("body", "")
    is_text = isinstance(body, str)
    kind = spec.get("content_type", "text/plain; charset=utf-8" if is_text else "application/json")
    headers.setdefault("Content-Type", kind)
    return web.Response(
        status=spec.get("status", 200),
        body=(body if is_text else json.dumps(body)).encode("utf-8", "replace"),
        headers=headers,
    )


def _error(spec: Mapping[str, Any]) -> web.Response:
    if "retry_in" in spec:
        return make_limit_error(spec["error"], spec["retry_in"], spec.get("status")).response()
    return ApiError(spec["error"], "A fault that was asked for", status=spec.get("status")).response()


def _send_reset(request: web.Request) -> web.Response:
    """Close the connection with RST in place of an answer. Without lingering, nothing is sent before it."""
    assert request.transport is not None
    connection = request.transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()
    return web.Response()


def _send_garbage(request: web.Request) -> web.Response:
    """Send bytes that are not HTTP, and close."""
    assert request.transport is not None
    request.transport.write(bytes(range(128, 256)) + b"\r\n\r\n")
    request.transport.close()
    return web.Response()


async def _send_half(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Promise the whole answer, send half of it, and close."""
    body = response.body if isinstance(response, web.Response) and isinstance(response.body, bytes) else b"{}"
    headers = {name: text for name, text in response.headers.items() if name.lower() != "content-length"}
    cut = web.StreamResponse(status=response.status, headers=headers)
    cut.content_length = max(len(body), 2)
    cut.force_close()
    await cut.prepare(request)
    await cut.write(body[: len(body) // 2])
    return cut
