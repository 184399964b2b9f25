"""A server to which the sandbox posts notifications."""

from aiohttp import web


class Receiver:
    """Takes notifications, and answers with `status`."""

    def __init__(self) -> None:
        self.got: list[dict[str, str]] = []
        self.status = 200
        self.url = ""

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/hook", self._take)
        return app

    async def _take(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/x-www-form-urlencoded"
        self.got.append({name: str(value) for name, value in (await request.post()).items()})
        return web.Response(status=self.status, text="taken")
