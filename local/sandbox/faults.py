"""Faults on demand: what the next requests of a path shall meet in place of the real answer."""

import asyncio
import json
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

_KINDS = ("status", "delay_ms", "body", "redirect", "reset")
_KEYS = {"path", "times", "content_type", "headers", *_KINDS}


@dataclass(slots=True)
class Fault:
    spec: Mapping[str, Any]
    left: int


class Faults:
    def __init__(self) -> None:
        self._faults: dict[str, list[Fault]] = {}

    def add(self, spec: Any) -> None:
        """Take a fault as posted to `/_sandbox/faults`. Raises ValueError with what to write."""
        if not isinstance(spec, dict) or not isinstance(spec.get("path"), str):
            raise ValueError('send {"path": "/token", "times": 1, "status": 503}')
        unknown = spec.keys() - _KEYS
        if unknown or not any(kind in spec for kind in _KINDS):
            what = f"unknown {', '.join(sorted(unknown))}; " if unknown else ""
            raise ValueError(f"{what}name one of {', '.join(_KINDS)}")
        times = spec.get("times", 1)
        if not isinstance(times, int) or times < 1:
            raise ValueError("times is a whole number from 1")
        self._faults.setdefault(spec["path"], []).append(Fault(spec, times))

    def clear(self) -> None:
        self._faults.clear()

    async def meet(self, request: web.Request) -> web.StreamResponse | None:
        """The faulty answer for this request; None where the real one is due, late or not."""
        waiting = self._faults.get(request.path)
        if not waiting:
            return None
        fault = waiting[0]
        fault.left -= 1
        if fault.left == 0:
            waiting.pop(0)
        return await _perform(fault.spec, request)


async def _perform(spec: Mapping[str, Any], request: web.Request) -> web.StreamResponse | None:
    if "delay_ms" in spec:
        await asyncio.sleep(spec["delay_ms"] / 1000)
    if spec.get("reset"):
        return _reset(request)
    if "redirect" in spec:
        return web.Response(status=302, headers={"Location": spec["redirect"]})
    if "status" not in spec and "body" not in spec:
        return None
    body = spec.get("body", "")
    text = body if isinstance(body, str) else json.dumps(body)
    kind = spec.get("content_type", "text/plain" if isinstance(body, str) else "application/json")
    return web.Response(status=spec.get("status", 200), text=text, content_type=kind, headers=spec.get("headers", {}))


def _reset(request: web.Request) -> web.Response:
    """Close the connection with RST in place of an answer: no lingering, so nothing is sent first."""
    assert request.transport is not None
    connection = request.transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()
    return web.Response()
