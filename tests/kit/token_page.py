"""A page with the token source, as a site without a build has it: the module is served as it is published."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from infra.sam import ROOT
from tests.kit.pages import running_server

MODULE = ROOT / "clients/browser/token-source.js"

# `begin` makes the page's `source`. Its identity notes in `asked` how it is asked, waits for `held`, and gives a JWT of
# `person`; with `session` it asks the page's own server, as a real page asks its issuer's library.
# `later` lets seconds pass; the wall clock may go another way meanwhile. After `hurry` timers end at once, and `waits`
# has the seconds that they were asked for.
HTML = """<!doctype html>
<title>A page</title>
<script type="module">
import { createTokenSource, TokenSourceError } from './token-source.js'

const askServer = async (force) => {
  const answer = await fetch(`/session?force=${force}`)
  return answer.status === 200 ? answer.text() : null
}
Object.assign(window, { createTokenSource, TokenSourceError, asked: [], person: 'alice', held: undefined })
window.later = (seconds, wall = seconds) => {
  for (const [clock, shift] of [[Date, wall], [performance, seconds]]) {
    const now = clock.now.bind(clock)
    clock.now = () => now() + shift * 1000
  }
}
window.hurry = () => {
  window.waits = []
  const start = setTimeout
  window.setTimeout = (work, milliseconds) => {
    waits.push(milliseconds / 1000)
    return start(work)
  }
}
window.begin = ({ session, ...options }) => {
  const identity = async ({ force }) => {
    asked.push(force)
    const number = asked.length
    await held
    return session ? askServer(force) : person && `${person}-${number}`
  }
  window.source = createTokenSource({ identity, ...options })
}
</script>"""

Session = Callable[[bool], str | None]


@contextmanager
def serving_page(session: Session = lambda force: None) -> Iterator[int]:
    """The port where the page is, by whatever name, as long as the context.

    `session` gives the JWT of whoever is signed in, a new one where it is forced, or None.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            if path == "/session":
                jwt = session(query == "force=true")
                self._answer(204 if jwt is None else 200, "text/plain", jwt or "")
            elif path == "/token-source.js":
                self._answer(200, "text/javascript", MODULE.read_text())
            else:
                self._answer(200, "text/html", HTML)

        def _answer(self, status: int, kind: str, text: str) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with running_server(Handler) as port:
        yield port
