"""The sandbox as an aiohttp application: puts the parts together and leads a request through them."""

import json
from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import parse_qsl

from aiohttp import web

from local.sandbox import smart_cdn, storage
from local.sandbox.account import Account
from local.sandbox.assemblies import Assemblies
from local.sandbox.auth_keys import AuthKeys
from local.sandbox.authentication import Authenticator
from local.sandbox.call import Call, Route, read_form, read_params
from local.sandbox.clock import Clock, Pulse
from local.sandbox.control import PREFIX, Control
from local.sandbox.credentials import Credentials
from local.sandbox.errors import ApiError
from local.sandbox.events import Events
from local.sandbox.faults import FAULT, Faults
from local.sandbox.files import Files
from local.sandbox.journal import LOG, Entry, Journal
from local.sandbox.limits import Limits
from local.sandbox.model import AuthKey, Settings
from local.sandbox.notifications import Notifications
from local.sandbox.routes import Endpoints, routes
from local.sandbox.smart_cdn import SmartCdn, SmartCdnUrl
from local.sandbox.storage import Storage
from local.sandbox.store import Store
from local.sandbox.templates import Templates
from local.sandbox.tokens import LIFETIME, Tokens
from local.sandbox.uploads import Uploads

SENDER = web.RequestKey("caller", str)  # how a request was authenticate, for the log
_MAX_FORM_BYTES = 256 * 2**20
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": (
        "Transloadit-Client, Authorization, Content-Type, Tus-Resumable, Upload-Length, Upload-Defer-Length, "
        "Upload-Metadata, Upload-Offset, X-HTTP-Method-Override, X-Requested-With, X-Request-ID, Last-Event-ID"
    ),
    "Access-Control-Expose-Headers": (
        "Location, Retry-After, Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, Upload-Length, Upload-Offset"
    ),
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Sandbox:
    """One sandbox. A request passes `observe`, then the faults, then its endpoint. Requests to `control` skip both."""

    def __init__(self, keys: list[AuthKey], clock: Clock, settings: Settings) -> None:
        pulse, self._limits = Pulse(), Limits(settings, clock)
        store = Store(settings.workspaces, keys, settings.templates)
        files = Files(store)
        self._journal, self._faults = Journal(), Faults()
        self._tokens = Tokens(store, self._limits, clock)
        self._authenticator = Authenticator(store, self._tokens, clock)
        self._notifications = Notifications(store, clock, pulse)
        assemblies = Assemblies(
            store, files, self._limits, clock, pulse, settings.execution_seconds, self._notifications.follow
        )
        self._smart_cdn, self._storage = SmartCdn(store, files, clock), Storage(store, files, clock)
        self._control = Control(store, self._journal, self._faults, clock, pulse, assemblies, self._notifications)
        self._routes = routes(
            Endpoints(
                assemblies=assemblies,
                uploads=Uploads(store, assemblies, files),
                events=Events(store, clock, pulse),
                notifications=self._notifications,
                files=files,
                templates=Templates(store, clock),
                credentials=Credentials(store, clock),
                keys=AuthKeys(store, clock),
                account=Account(store, clock),
            )
        )

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.observe], client_max_size=_MAX_FORM_BYTES)
        app.cleanup_ctx.append(self._notifications.running)
        app.on_response_prepare.append(_allow_other_origins)
        app.router.add_route("*", f"{PREFIX}{{verb:.*}}", self._control.answer)
        app.router.add_post("/token", self.token)
        app.router.add_get(smart_cdn.PATH, self.picture, allow_head=False)
        for method, path in storage.PATHS:
            app.router.add_route(method, path, self.bucket)
        for route in self._routes:
            app.router.add_route(route.method, route.path, self._endpoint(route))
        app.router.add_route("OPTIONS", "/{path:.*}", _preflight)
        return app

    async def token(self, request: web.Request) -> web.Response:
        body = await request.read()
        self._journal.form(dict(parse_qsl(body.decode("utf-8", "replace"))))
        key = self._tokens.authenticate(request.headers.get("Authorization"), partial(request.__setitem__, SENDER))
        token, bearer, scopes = self._tokens.mint(key, request.content_type, body)
        request[SENDER] = f"basic of {bearer.key.key} (aud {bearer.aud}: {' '.join(scopes)})"
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": LIFETIME, "scope": " ".join(scopes)}
        return _json(answer, **{"Cache-Control": "no-store", "Pragma": "no-cache"})

    async def picture(self, request: web.Request) -> web.Response:
        url = SmartCdnUrl.read(request.rel_url.raw_path, request.rel_url.raw_query_string)
        return self._smart_cdn.serve(url, partial(request.__setitem__, SENDER))

    async def bucket(self, request: web.Request) -> web.Response:
        return await self._storage.answer(request, partial(request.__setitem__, SENDER))

    def _endpoint(self, route: Route) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            answer = await route.handle(await self._read_call(request, route))
            return _json(answer) if isinstance(answer, dict) else answer

        return handle

    async def _read_call(self, request: web.Request, route: Route) -> Call:
        """Read and authenticate a request. Raises ApiError."""
        fields, files = await read_form(request)
        if route.scope is None:
            request[SENDER] = "holder of the id"
            return Call(request, fields, files, read_params(fields.get("params") or "{}"), None)
        note = partial(request.__setitem__, SENDER)
        sender, params = self._authenticator.check(request.headers, fields, route, note)
        if not sender.holds(route.scope):
            raise ApiError("INSUFFICIENT_AUTH_SCOPE", f"The scope {route.scope} is needed")
        return Call(request, fields, files, params, sender)

    @web.middleware
    async def observe(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count the request, turn an ApiError into api2's answer, and log one line."""
        if request.path.startswith(PREFIX):
            return await handler(request)
        self._journal.count(request.method, _path(request))
        refused = ""
        try:
            response = await self._answer(request, handler)
        except ApiError as error:
            refused, response = f"{error.code}: {error.message}", error.response()
        is_gone = request.transport is None or request.transport.is_closing()
        status = None if is_gone and not response.prepared else response.status
        path, sender = request.rel_url.raw_path, request.get(SENDER, "")
        self._journal.write(Entry(request.method, path, status, sender, refused, request.get(FAULT, "")))
        return response

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The answer, or the fault that a test ordered in its place. Raises nothing but ApiError."""
        try:
            self._limits.take("request", request.remote or "")
            return await self._faults.meet(request, handler)
        except ApiError:
            raise
        except web.HTTPRequestEntityTooLarge:
            raise ApiError("MAX_SIZE_EXCEEDED", "The sandbox does not take that much at once") from None
        except web.HTTPException:
            raise ApiError("SERVER_404", "Unknown method or URL") from None
        except web.RequestPayloadError:
            code = "TOKEN_INVALID_REQUEST" if request.path == "/token" else "INVALID_FORM_DATA"
            # The end of this body is unknown, so the next request on the connection would be misread. Close it.
            raise ApiError(code, "The body cannot be read", headers={"Connection": "close"}) from None
        except ConnectionResetError:
            # The client has gone, so only the log shows this answer.
            raise ApiError("REQUEST_PREMATURE_CLOSED", "The connection ended within the request") from None
        except Exception as defect:  # noqa: BLE001 - what api2 answers to a defect of its own
            LOG.exception("a defect of the sandbox")
            raise ApiError("SERVER_500", f"A defect of the sandbox: {type(defect).__name__}") from None


def _path(request: web.Request) -> str:
    """The path with `{id}` in place of ids, or the path as sent if no endpoint matches it."""
    resource = request.match_info.route.resource
    return request.rel_url.raw_path if resource is None or "{path" in resource.canonical else resource.canonical


def _json(answer: dict[str, object], **headers: str) -> web.Response:
    return web.Response(text=json.dumps(answer), content_type="application/json", headers=headers)


async def _preflight(request: web.Request) -> web.Response:
    return web.Response(status=204)


async def _allow_other_origins(request: web.Request, response: web.StreamResponse) -> None:
    """Pages of any origin may call the API, except `/token` and the controls.

    https://transloadit.com/docs/api/token-post/
    """
    if request.path != "/token" and not request.path.startswith(PREFIX):
        response.headers.update(_CORS)


def create_app(keys: list[AuthKey], clock: Clock | None = None, settings: Settings | None = None) -> web.Application:
    """Make the sandbox for these Auth Keys."""
    return Sandbox(keys, clock or Clock(), settings or Settings()).app()
