"""Serves applications on loopback. Each refuses requests that were sent to another host name (DNS rebinding)."""

import json
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from aiohttp import web
from aiohttp.typedefs import Handler
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from local.loopback.guard import foreign_host

# Above the limits of the applications themselves, so that those limits are the ones that refuse.
_LIMITS: dict[str, Any] = {"max_line_size": 65_536, "max_field_size": 65_536}


async def start_site(app: web.Application, port: int, shutdown_timeout: float = 1) -> web.AppRunner:
    """Serve on loopback until `cleanup` of the returned runner. Port 0 takes any free port. Raises OSError."""

    @web.middleware
    async def check_name(request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = foreign_host(request.headers, runner.addresses[0][1])
        return web.json_response({"message": refusal}, status=403) if refusal else await handler(request)

    # First of all: the application's other middlewares must not see a refused request, nor add CORS headers for it.
    app.middlewares.insert(0, check_name)
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=shutdown_timeout, **_LIMITS)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner


def serve_wsgi(app: WSGIApplication, port: int, refusal_of: Callable[[Request], Response | None]) -> None:
    """Serve a third party's application on loopback until the process ends. `refusal_of` may refuse a request first."""

    def checked(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        foreign = foreign_host(request.headers, port)
        answer = refused(foreign) if foreign else refusal_of(request)
        return (answer or app)(environ, start_response)

    make_server("127.0.0.1", port, checked, threaded=True).serve_forever()


def refused(message: str, **members: str) -> Response:
    """A response 403 whose JSON body has this message and these members."""
    return Response(json.dumps({"message": message, **members}), 403, content_type="application/json")
