"""Stands in for the server of durable executions and tasks: keeps what is completed, and gives the test's answer."""

from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class DurableCallbacks:
    got: list[tuple[str, str, bytes]] = field(default_factory=list)  # method, path as it was sent, body
    answer: tuple[int, dict[str, str], bytes] = (200, {}, b"{}")

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        return app

    async def _take(self, request: web.Request) -> web.Response:
        self.got.append((request.method, request.rel_url.raw_path, await request.read()))
        status, headers, body = self.answer
        return web.Response(status=status, headers=headers, body=body, content_type="application/json")
