"""The endpoints of the issuer: discovery, keys, login and tokens.

https://openid.net/specs/openid-connect-core-1_0.html, RFC 6749 and RFC 7636, as far as a page needs them that logs in.
"""

import re
import secrets
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlencode, urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler
from cryptography.hazmat.primitives.asymmetric import rsa
from token_broker.jwt import public_jwk, sign
from token_broker.people import PEOPLE, claims_of

from local.issuer.logins import Login, Logins, Refused, check_challenge
from local.issuer.page import STYLE, error_page, login_page, security_headers
from local.loopback.guard import from_elsewhere

TOKEN_SECONDS = 3600
# A page on this machine, where alone a login may end; its origin is the first group.
_HERE = re.compile(r"(http://(?:127\.0\.0\.1|localhost)(?::[0-9]{1,5})?)(?:/[!-\"$-~]*)?")
_CLIENT = re.compile(r"[\x21-\x7e]{1,200}")
_CORS = {"access-control-allow-origin": "*"}
_PREFLIGHT = {**_CORS, "access-control-allow-headers": "*, authorization", "access-control-allow-methods": "GET, POST"}


def issuer_app(url: str, key: rsa.RSAPrivateKey, clock: Callable[[], float] = time.time) -> web.Application:
    """The issuer at `url`, which signs with `key`. Any client may use it whose page is on this machine."""
    issuer = _Issuer(url, key, clock)
    app = web.Application(middlewares=[_admit_pages_of_this_machine])
    app.router.add_get("/.well-known/openid-configuration", issuer.discovery)
    app.router.add_get("/jwks", issuer.keys)
    app.router.add_get("/oauth2/authorize", issuer.show_login)
    app.router.add_post("/oauth2/authorize", issuer.log_in)
    app.router.add_post("/oauth2/token", issuer.give_tokens)
    app.router.add_get("/login.css", _style)
    app.router.add_get("/favicon.ico", _no_icon)
    for path in ("/.well-known/openid-configuration", "/jwks", "/oauth2/token"):
        app.router.add_options(path, _preflight)
    return app


@web.middleware
async def _admit_pages_of_this_machine(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A page of any website could log its visitor in, and read the tokens. Only pages of this machine may."""
    refusal = from_elsewhere(request.headers)
    return web.json_response({"message": refusal}, status=403) if refusal else await handler(request)


async def _preflight(_: web.Request) -> web.Response:
    return web.Response(status=204, headers=_PREFLIGHT)


async def _style(_: web.Request) -> web.Response:
    return web.Response(text=STYLE.read_text(), content_type="text/css", headers={"cache-control": "no-store"})


async def _no_icon(_: web.Request) -> web.Response:
    """Browsers ask for it, and would complain in the console."""
    return web.Response(status=204)


class _Issuer:
    def __init__(self, url: str, key: rsa.RSAPrivateKey, clock: Callable[[], float]) -> None:
        self._url = url
        self._key = key
        self._clock = clock
        self._logins = Logins(clock)

    async def discovery(self, _: web.Request) -> web.Response:
        members = {
            "issuer": self._url,
            "authorization_endpoint": f"{self._url}/oauth2/authorize",
            "token_endpoint": f"{self._url}/oauth2/token",
            "jwks_uri": f"{self._url}/jwks",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "scopes_supported": ["openid", "profile", "offline_access"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
        }
        return web.json_response(members, headers=_CORS)

    async def keys(self, _: web.Request) -> web.Response:
        return web.json_response({"keys": [public_jwk(self._key)]}, headers=_CORS)

    async def show_login(self, request: web.Request) -> web.Response:
        """The login page, or the answer to a request that could not end well."""
        return self._answer_login(request.query, lambda _: _page(login_page(), client=_origin(request.query) or ""))

    async def log_in(self, request: web.Request) -> web.Response:
        """Sends the person back to the client, with a code or with the word that the login was cancelled."""
        form = await request.post()

        def back(challenge: str) -> web.Response:
            if "cancel" in form:
                raise Refused("access_denied", "the login was cancelled")
            subject = form.get("sub")
            if subject not in PEOPLE:
                raise Refused("access_denied", "nobody here has this name")
            return _redirect(request.query, code=self._new_code(str(subject), challenge, request.query))

        return self._answer_login(request.query, back)

    def _answer_login(self, query: Mapping[str, str], answer: Callable[[str], web.Response]) -> web.Response:
        """`answer` to the challenge, if the request is right. Who cannot be trusted with an error gets a page."""
        if _origin(query) is None or not _CLIENT.fullmatch(query.get("client_id", "")):
            # RFC 6749 section 4.1.2.1: never redirect there. A website could send its visitors here otherwise.
            message = "It needs a client_id, and a redirect_uri on this machine, such as http://127.0.0.1:3005/."
            return _page(error_page(message), status=400)
        try:
            if query.get("response_type") != "code":
                raise Refused("unsupported_response_type", "this issuer takes response_type=code")
            if "openid" not in query.get("scope", "").split():
                raise Refused("invalid_scope", "the scope needs openid")
            return answer(check_challenge(query))
        except Refused as refused:
            return _redirect(query, error=refused.code, error_description=str(refused))

    def _new_code(self, subject: str, challenge: str, query: Mapping[str, str]) -> str:
        client, back, nonce = query["client_id"], query["redirect_uri"], query.get("nonce")
        return self._logins.new_code(Login(subject, client, back, challenge, nonce, int(self._clock())))

    async def give_tokens(self, request: web.Request) -> web.Response:
        """An ID token and a refresh token for a code with its verifier, or for a refresh token."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        headers = {**_CORS, "cache-control": "no-store"}
        try:
            login = self._logins.redeem(form)
        except Refused as refused:
            members = {"error": refused.code, "error_description": str(refused)}
            return web.json_response(members, status=400, headers=headers)
        tokens = {
            "access_token": secrets.token_urlsafe(24),  # opaque; nothing here takes it
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "id_token": self._sign_id_token(login),
            "refresh_token": self._logins.new_refresh(login),
            "scope": "openid",
        }
        return web.json_response(tokens, headers=headers)

    def _sign_id_token(self, login: Login) -> str:
        now = int(self._clock())
        claims = {
            "iss": self._url,
            "sub": login.subject,
            "aud": login.client_id,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "auth_time": login.auth_time,
            **claims_of(login.subject),
        }
        return sign(claims if login.nonce is None else {**claims, "nonce": login.nonce}, self._key)


def _origin(query: Mapping[str, str]) -> str | None:
    """The origin of the page where the login is to end, or None if that is not on this machine."""
    found = _HERE.fullmatch(query.get("redirect_uri", ""))
    return found[1] if found else None


def _page(html: str, status: int = 200, client: str = "") -> web.Response:
    return web.Response(text=html, content_type="text/html", status=status, headers=security_headers(client))


def _redirect(query: Mapping[str, str], **members: str) -> web.Response:
    """Back to the client, with these members and the `state` that it sent."""
    address = query["redirect_uri"]
    given = urlencode(members | ({"state": query["state"]} if "state" in query else {}))
    location = f"{address}{'&' if urlsplit(address).query else '?'}{given}"
    return web.Response(status=303, headers={"location": location, "cache-control": "no-store"})
