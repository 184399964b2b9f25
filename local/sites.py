"""aiohttp applications on ports of this machine."""

from typing import Any

from aiohttp import web

# Out of the way of the limits that the applications themselves have.
_LIMITS: dict[str, Any] = {"max_line_size": 65_536, "max_field_size": 65_536}


async def start_site(app: web.Application, port: int, shutdown_timeout: float = 1) -> web.AppRunner:
    """Serve on loopback; `cleanup` of what is returned ends it. Port 0 is any that is free. Raises OSError."""
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=shutdown_timeout, **_LIMITS)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner
