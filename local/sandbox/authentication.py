"""Authenticates a request: by a bearer token, or by Signature Authentication.

https://transloadit.com/docs/api/authentication/
"""

import hmac
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from local.sandbox.call import Route, Sender, read_params
from local.sandbox.errors import ApiError
from local.sandbox.model import ALGORITHMS, AuthKey
from local.sandbox.store import Store
from local.sandbox.tokens import Tokens

# The hosted MCP service marks what it relays by a secret in this header, which the sandbox does not check:
# https://github.com/transloadit/node-sdk/blob/main/packages/mcp-server/README.md
RELAYED = "Transloadit-Mcp-Upstream"
Params = dict[str, Any]
Note = Callable[[str], None]


class Authenticator:
    def __init__(self, store: Store, tokens: Tokens, clock: Callable[[], float]) -> None:
        self._store = store
        self._tokens = tokens
        self._clock = clock

    def check(
        self, headers: Mapping[str, str], fields: Mapping[str, str], route: Route, note: Note
    ) -> tuple[Sender, Params]:
        """The sender and `params`. If there is a bearer token, a signature is ignored. Raises ApiError.

        `note` is called with the sender's description before the proof is checked, so that refusals are logged with it.
        """
        kind, _, token = headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self._bearer(token.strip(), headers.get(RELAYED), fields, note)
        params = self._params(fields)
        key = self._key(params["auth"])
        sender = Sender(key, "signature" if fields.get("signature") else "key", frozenset(key.scopes))
        note(str(sender))
        self._check_signed(sender, fields, params["auth"], headers.get("Referer"), route)
        return sender, params

    def _bearer(self, token: str, mark: str | None, fields: Mapping[str, str], note: Note) -> tuple[Sender, Params]:
        bearer = self._tokens.find(token)
        sender = Sender(bearer.key, "bearer", bearer.scopes, bearer.aud)
        note(str(sender))
        self._tokens.check(bearer)
        # A token for the MCP service is good through that service alone, and one for api2 everywhere else.
        aud = "mcp" if mark else "api2"
        if self._store.workspaces[bearer.key.workspace].enforce_aud and bearer.aud != aud:
            raise ApiError("TOKEN_INVALID_AUDIENCE", f"The token is for {bearer.aud}, and was shown to {aud}")
        params = read_params(fields["params"]) if fields.get("params") else {}
        auth = params.get("auth", {})
        if not isinstance(auth, dict):
            raise ApiError("NO_OBJECT_AUTH_PARAMETER", "The auth parameter is no object")
        if auth.get("key") not in (None, bearer.key.key):
            raise ApiError("BEARER_TOKEN_AUTH_KEY_MISMATCH", "Bearer token auth key mismatch")
        return sender, params

    def _params(self, fields: Mapping[str, str]) -> Params:
        """`params`, which must have `auth`. The order of the checks decides which error a client gets, as at api2."""
        if not fields.get("params"):
            raise ApiError("NO_PARAMS_FIELD", "There is no params field")
        params = read_params(fields["params"])
        if "auth" not in params:
            raise ApiError("NO_AUTH_PARAMETER", "There is no auth parameter in params")
        if not isinstance(params["auth"], dict):
            raise ApiError("NO_OBJECT_AUTH_PARAMETER", "The auth parameter is no object")
        return params

    def _check_signed(
        self, sender: Sender, fields: Mapping[str, str], auth: Params, referer: str | None, route: Route
    ) -> None:
        workspace = self._store.workspaces[sender.key.workspace]
        # A cancelled Workspace answers signed reads only.
        is_enforced = workspace.require_signature or workspace.cancelled
        if is_enforced:
            _demand_expiry(auth)
        expires_at = self._expiry(auth)
        if is_enforced:
            demand_proof(sender, auth)
        # A wrong signature is refused even if none is needed, so that a client's mistake does not go unnoticed.
        if signature := fields.get("signature"):
            _check_signature(fields["params"], signature, sender.key)
            if route.once:
                self._use_once(signature, expires_at)
        _check_referer(auth, referer)
        if workspace.cancelled and route.method != "GET":
            raise ApiError("SERVER_403", "The Workspace is cancelled: it only reads")

    def _key(self, auth: Params) -> AuthKey:
        if "key" not in auth:
            raise ApiError("NO_AUTH_KEY_PARAMETER", "There is no auth.key parameter")
        if not isinstance(auth["key"], str) or not auth["key"]:
            raise ApiError("INVALID_AUTH_KEY_PARAMETER", "The auth.key parameter is no text")
        key = self._store.keys.get(auth["key"])
        if key is None or not key.is_active:
            raise ApiError("GET_ACCOUNT_UNKNOWN_AUTH_KEY", "The Auth Key is not known")
        return key

    def _expiry(self, auth: Params) -> float:
        """The time when the signature expires; now, if `auth.expires` is absent. Raises ApiError if it has passed."""
        if "expires" not in auth:
            return self._clock()
        try:
            # Clients write either 2026/11/23 10:00:00+00:00 or ISO 8601.
            expires = datetime.fromisoformat(str(auth["expires"]).replace("/", "-"))
        except ValueError:
            raise ApiError("INVALID_AUTH_EXPIRES_PARAMETER", "The auth.expires parameter is no time") from None
        expires_at = (expires if expires.tzinfo else expires.replace(tzinfo=UTC)).timestamp()
        if expires_at <= self._clock():
            raise ApiError("AUTH_EXPIRED", "The time of auth.expires has passed")
        return expires_at

    def _use_once(self, signature: str, expires_at: float) -> None:
        if self._store.signatures.get(signature, 0) > self._clock():
            raise ApiError("SIGNATURE_REUSE_DETECTED", "This signature was used before; add a nonce")
        self._store.signatures[signature] = expires_at


def demand_proof(sender: Sender, auth: Params) -> None:
    """Raises ApiError unless the request has a bearer token, or a signature that expires: an Auth Key is no secret."""
    if sender.how == "bearer":
        return
    _demand_expiry(auth)
    if sender.how != "signature":
        raise ApiError("NO_SIGNATURE_FIELD", "There is no signature field")


def _demand_expiry(auth: Params) -> None:
    if "expires" not in auth:
        raise ApiError("NO_AUTH_EXPIRES_PARAMETER", "There is no auth.expires parameter")


def _check_signature(params: str, signature: str, key: AuthKey) -> None:
    """Check `sha384:<hex>`. Without a prefix it is SHA-1, which older clients send. A key may demand one algorithm.

    Raises ApiError.
    """
    prefix, colon, digest = signature.partition(":")
    algorithm = prefix if colon else "sha1"
    if algorithm not in ALGORITHMS:
        raise ApiError("INVALID_SIGNATURE", f"unknown algorithm; one of {', '.join(ALGORITHMS)}")
    if key.signature_algo not in (None, algorithm):
        raise ApiError("INVALID_SIGNATURE", f"This Auth Key signs with {key.signature_algo} only")
    expected = hmac.digest(key.secret.encode(), params.encode("utf-8", "surrogatepass"), algorithm).hex()
    given = digest if colon else signature
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass")):
        raise ApiError("INVALID_SIGNATURE", "The signature does not fit the params and the Auth Secret")


def _check_referer(auth: Params, referer: str | None) -> None:
    """`auth.referer` is a regular expression for the Referer header. A request without that header passes."""
    if "referer" not in auth:
        return
    try:
        fits = referer is None or re.search(str(auth["referer"]), referer)
    except (re.error, OverflowError, RecursionError):
        raise ApiError("INVALID_AUTH_REFERER_PARAMETER", "The auth.referer parameter is no expression") from None
    if not fits:
        raise ApiError("REFERER_MISMATCH", "The Referer does not match auth.referer")
