"""A page with the token source, as a site without a build has it: the module is served as it is published."""

from collections.abc import Callable

from aiohttp import web

from infra.sam import ROOT

MODULE = ROOT / "clients/browser/token-source.js"

# `begin` makes the page's `source`. Its identity notes in `asked` how it is asked, waits for `held`, and gives a JWT of
# `person`; with `session` it asks the page's own server, as a real page asks its issuer's library.
# `later` lets seconds pass; the wall clock may go another way meanwhile.
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


def page_app(session: Session = lambda force: None) -> web.Application:
    """The page's site. `session` gives the JWT of whoever is signed in, or None; a new one where it is forced."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=HTML, content_type="text/html")

    async def module(_: web.Request) -> web.FileResponse:
        return web.FileResponse(MODULE)

    async def give_jwt(request: web.Request) -> web.Response:
        jwt = session(request.query["force"] == "true")
        return web.Response(status=204) if jwt is None else web.Response(text=jwt)

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/token-source.js", module)
    app.router.add_get("/session", give_jwt)
    return app
