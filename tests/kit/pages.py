"""A page that sends the test's requests, and returns what it could read of the answers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

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


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(HTML.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def page_port() -> Iterator[int]:
    """The port where the page is, by whatever name, as long as the context."""
    with running_server(_Page) as port:
        yield port


@contextmanager
def running_server(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """The port of a server that takes requests for any name, as a website's own server does."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def request(url: str, method: str = "GET", body: str | None = None, **headers: str) -> dict[str, Any]:
    """One of the page's requests; header names in snake case."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"url": url, "method": method, "headers": named} | ({} if body is None else {"body": body})
