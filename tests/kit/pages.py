"""A page that sends what it is told, and tells what it could read of the answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from tests.kit.servers import serving

HTML = """<!doctype html>
<p id="result"></p>
<script>
window.run = async (requests) => {
  const answers = []
  for (const { url, ...options } of requests) {
    try {
      const answer = await fetch(url, options)
      answers.push({ status: answer.status, body: await answer.text() })
    } catch ({ message }) {
      answers.push({ unreadable: message })
    }
  }
  return { answers }
}
</script>"""


def page_app() -> web.Application:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text=HTML, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    return app


@contextmanager
def page_port() -> Iterator[int]:
    """The port where the page is, as long as the context."""
    with serving(page_app) as origin:
        yield int(origin.rpartition(":")[2])


def request(url: str, method: str = "GET", body: str | None = None, **headers: str) -> dict[str, Any]:
    """One of the page's requests; header names in snake case."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"url": url, "method": method, "headers": named} | ({} if body is None else {"body": body})
