"""`POST /token`: HTTP Basic with an Auth Key and its Auth Secret in, an opaque bearer token out.

https://transloadit.com/docs/api/token-post/
"""

import base64
import binascii
import hmac
import os
import re
from collections.abc import Callable
from urllib.parse import parse_qsl

from local.sandbox.errors import ApiError
from local.sandbox.limits import Limits
from local.sandbox.model import AuthKey, Bearer
from local.sandbox.store import Store

LIFETIME = 21_600  # seconds
AUDIENCES = ("api2", "mcp")


class Tokens:
    def __init__(self, store: Store, limits: Limits, clock: Callable[[], float]) -> None:
        self._store = store
        self._limits = limits
        self._clock = clock

    def mint(self, key: AuthKey, content_type: str, body: bytes) -> tuple[str, Bearer, list[str]]:
        """Mint a token. Returns the token, its description, and its scopes in order. Raises ApiError."""
        form = _form(content_type, body)
        if form.get("grant_type") != "client_credentials":
            raise ApiError("TOKEN_INVALID_GRANT_TYPE", "Only grant_type client_credentials is supported")
        aud = form.get("aud", "api2")
        if aud not in AUDIENCES:
            raise ApiError("TOKEN_INVALID_AUDIENCE", f"aud is {' or '.join(AUDIENCES)}")
        scopes = _scopes(form.get("scope", ""), key)
        token = base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()
        bearer = Bearer(key, frozenset(scopes), aud, self._clock() + LIFETIME)
        self._store.bearers[token] = bearer
        return token, bearer, scopes

    def find(self, token: str) -> Bearer:
        """Find a token, which may have expired. Raises ApiError."""
        bearer = self._store.bearers.get(token)
        if bearer is None:
            raise ApiError("BEARER_TOKEN_INVALID", "The bearer token is not known")
        return bearer

    def check(self, bearer: Bearer) -> None:
        """Raises ApiError if the token is not accepted any more."""
        if self._store.workspaces[bearer.key.workspace].cancelled:
            raise ApiError("BEARER_TOKEN_INVALID", "The Workspace is cancelled")
        if bearer.expires_at <= self._clock():
            raise ApiError("BEARER_TOKEN_EXPIRED", "The bearer token has expired")

    def authenticate(self, authorization: str | None, note: Callable[[str], None]) -> AuthKey:
        """Check HTTP Basic and return its Auth Key. Raises ApiError.

        `note` is called with the key's name before the secret is checked, so that refusals are logged with it.
        """
        user, secret = _basic(authorization)
        # Before the key is looked up, so that guesses of keys and secrets are limited as well.
        self._limits.take("token", user)
        key = self._store.keys.get(user)
        if key is None or not key.is_active:
            raise ApiError("GET_ACCOUNT_UNKNOWN_AUTH_KEY", "The Auth Key is not known")
        note(f"basic of {key.key}")
        if not hmac.compare_digest(key.secret.encode(), secret.encode()):
            raise ApiError("TOKEN_INVALID_CREDENTIALS", "The Auth Secret is wrong")
        if self._store.workspaces[key.workspace].cancelled:
            raise ApiError("TOKEN_INVALID_CREDENTIALS", "The Workspace is cancelled")
        return key


def _basic(authorization: str | None) -> tuple[str, str]:
    scheme, _, encoded = (authorization or "").partition(" ")
    try:
        user, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        user = colon = secret = ""
    if scheme.lower() != "basic" or not user or not colon:
        challenge = {"WWW-Authenticate": 'Basic realm="Transloadit"'}
        raise ApiError("SERVER_401", "Authorization required", headers=challenge)
    return user, secret


def _form(content_type: str, body: bytes) -> dict[str, str]:
    if content_type != "application/x-www-form-urlencoded":
        raise ApiError("TOKEN_INVALID_REQUEST", "Send application/x-www-form-urlencoded")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        raise ApiError("TOKEN_INVALID_REQUEST", "The form cannot be read") from None
    if len({name for name, _ in pairs}) != len(pairs):
        raise ApiError("TOKEN_INVALID_REQUEST", "A field is repeated")
    return {name: value for name, value in pairs if value}


def _scopes(asked: str, key: AuthKey) -> list[str]:
    """The requested scopes in their order, without repetitions; all scopes of the key if none is requested."""
    scopes = list(dict.fromkeys(split_scopes(asked))) or list(key.scopes)
    if missing := [scope for scope in scopes if scope not in key.scopes]:
        raise ApiError("TOKEN_INVALID_SCOPE", f"The Auth Key does not hold {', '.join(missing)}")
    return scopes


def split_scopes(text: str) -> list[str]:
    """Scopes are separated by spaces or commas."""
    return [scope for scope in re.split(r"[ ,]+", text) if scope]
