"""Who may call an endpoint: a bearer token, or Signature Authentication.

https://transloadit.com/docs/api/authentication/
"""

import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.sandbox.errors import ApiError
from local.sandbox.tokens import AuthKey, Tokens

_ALGORITHMS = ("sha384", "sha256", "sha1")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who was authenticated, and how, for the log."""

    key: AuthKey
    how: str


class Authenticator:
    def __init__(self, keys: Mapping[str, AuthKey], tokens: Tokens, clock: Callable[[], float]) -> None:
        self._keys = keys
        self._tokens = tokens
        self._clock = clock

    def check(self, authorization: str | None, fields: Mapping[str, str], scope: str) -> Caller:
        """The caller, who holds `scope`. A valid bearer wins: no signature is looked at beside it. Raises ApiError."""
        kind, _, token = (authorization or "").partition(" ")
        if kind.lower() == "bearer":
            return self._bearer(token.strip(), fields, scope)
        key = self._signed(fields)
        _demand(scope, frozenset(key.scopes))
        return Caller(key, "signature")

    def _bearer(self, token: str, fields: Mapping[str, str], scope: str) -> Caller:
        bearer = self._tokens.find(token)
        named = _auth(fields).get("key") if "params" in fields else None
        if named is not None and named != bearer.key.key:
            raise ApiError("BEARER_TOKEN_AUTH_KEY_MISMATCH", "Bearer token auth key mismatch")
        _demand(scope, bearer.scopes)
        return Caller(bearer.key, "bearer")

    def _signed(self, fields: Mapping[str, str]) -> AuthKey:
        """The key that signed `params`. The checks run in the order in which api2's clients meet them."""
        if not fields.get("params"):
            raise ApiError("NO_PARAMS_FIELD", "No params field")
        auth = _auth(fields)
        if not auth:
            raise ApiError("NO_AUTH_PARAMETER", "No auth parameter")
        if "key" not in auth:
            raise ApiError("NO_AUTH_KEY_PARAMETER", "No auth.key parameter")
        if not isinstance(auth["key"], str):
            raise ApiError("INVALID_AUTH_KEY_PARAMETER", "auth.key must be a text")
        key = self._keys.get(auth["key"])
        if key is None:
            raise ApiError("GET_ACCOUNT_UNKNOWN_AUTH_KEY", "The Auth Key is not known")
        self._check_expiry(auth)
        if not fields.get("signature"):
            raise ApiError("NO_SIGNATURE_FIELD", "No signature field")
        if not _is_signed(fields["params"], fields["signature"], key):
            raise ApiError("INVALID_SIGNATURE", "The signature is wrong")
        return key

    def _check_expiry(self, auth: Mapping[str, Any]) -> None:
        if "expires" not in auth:
            raise ApiError("NO_AUTH_EXPIRES_PARAMETER", "No auth.expires parameter")
        try:
            # Clients write 2026/11/23 10:00:00+00:00 or ISO 8601.
            expires = datetime.fromisoformat(str(auth["expires"]).replace("/", "-"))
        except ValueError:
            raise ApiError("INVALID_AUTH_EXPIRES_PARAMETER", "auth.expires is no time") from None
        if (expires if expires.tzinfo else expires.replace(tzinfo=UTC)).timestamp() <= self._clock():
            raise ApiError("AUTH_EXPIRED", "auth.expires has passed")


def _auth(fields: Mapping[str, str]) -> dict[str, Any]:
    """`params.auth`, empty where there is none. Raises ApiError."""
    try:
        params = json.loads(fields["params"])
    except ValueError:
        raise ApiError("INVALID_PARAMS_FIELD", "params is not JSON") from None
    if not isinstance(params, dict):
        raise ApiError("NO_OBJECT_PARAMS_FIELD", "params is no object")
    auth = params.get("auth", {})
    if not isinstance(auth, dict):
        raise ApiError("NO_OBJECT_AUTH_PARAMETER", "auth is no object")
    return auth


def _is_signed(params: str, signature: str, key: AuthKey) -> bool:
    """`sha384:<hex>`; without a prefix it is SHA-1, as older clients send it. A key may be pinned to one algorithm."""
    prefix, colon, digest = signature.partition(":")
    algorithm = prefix if colon else "sha1"
    if algorithm not in _ALGORITHMS or key.signature_algo not in (None, algorithm):
        return False
    expected = hmac.digest(key.secret.encode(), params.encode(), algorithm).hex()
    return hmac.compare_digest(expected.encode(), (digest if colon else signature).encode())


def _demand(scope: str, held: frozenset[str]) -> None:
    """`read` and `write` are the coarse scopes that cover all reads and all writes."""
    if scope not in held and re.sub(r"^.*:", "", scope) not in held & {"read", "write"}:
        raise ApiError("INSUFFICIENT_AUTH_SCOPE", f"The scope {scope} is needed")
