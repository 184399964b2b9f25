"""Streams an Assembly's events: https://html.spec.whatwg.org/multipage/server-sent-events.html

Uppy opens the stream at `websocket_url?assembly={id}`, other clients at `update_stream_url`.
"""

from collections.abc import Callable

from aiohttp import web

from local.sandbox.call import Answer, Call
from local.sandbox.clock import Pulse
from local.sandbox.store import Store
from local.sandbox.values import whole_number


class Events:
    def __init__(self, store: Store, clock: Callable[[], float], pulse: Pulse) -> None:
        self._store = store
        self._clock = clock
        self._pulse = pulse

    async def stream(self, call: Call) -> Answer:
        """Send all events, or those after `Last-Event-ID`, until the Assembly has ended."""
        assembly = self._store.assembly(call.request.query.get("assembly", ""))
        try:
            sent = whole_number(call.request.headers.get("Last-Event-ID"))
        except ValueError:
            sent = 0
        if assembly.is_final(self._clock()) and sent >= len(assembly.events(self._clock())):
            # A browser reconnects after every other status.
            return web.Response(status=204)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(call.request)
        try:
            while True:
                events = assembly.events(self._clock())
                lines = [_write_event(place, *event) for place, event in enumerate(events[sent:], sent + 1)]
                # Without events send a comment: it keeps the connection open, and writing it fails if the client left.
                await response.write("".join(lines).encode() or b":\n\n")
                sent = max(sent, len(events))
                if assembly.is_final(self._clock()):
                    break
                await self._pulse.wait(assembly.pause(self._clock()))
        except ConnectionResetError:
            pass  # the client has gone
        return response


def _write_event(place: int, name: str, data: str) -> str:
    event = f"event: {name}\n" if name else ""
    return f"id: {place}\n{event}data: {data}\n\n"
