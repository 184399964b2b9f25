"""The endpoints of Auth Keys: https://transloadit.com/docs/api/#auth-keys"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from broker.policy.scopes import SCOPES

from local.sandbox.call import Answer, Call
from local.sandbox.clock import iso
from local.sandbox.errors import ApiError
from local.sandbox.model import ALGORITHMS, AuthKey, is_key, new_id
from local.sandbox.store import Store
from local.sandbox.tokens import split_scopes
from local.sandbox.values import switch

MOST = 1_000


class AuthKeys:
    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._keys = store.keys
        self._clock = clock

    async def create(self, call: Call) -> Answer:
        """Create an Auth Key. Only this answer contains the Auth Secret unasked."""
        name, now = call.params.get("auth_key") or new_id(), self._clock()
        if not is_key(name):
            raise ApiError("AUTH_KEY_NOT_CREATED", "auth_key is a visible text without a colon")
        if len(self._keys) >= MOST:
            raise ApiError("AUTH_KEY_NOT_CREATED", f"The sandbox keeps {MOST} Auth Keys at most; delete some")
        if name in self._keys:
            raise ApiError("AUTH_KEY_NOT_CREATED", "There is an Auth Key of this name already")
        blank = AuthKey(name, new_id(), (), workspace=call.workspace, created=now)
        names = ("is_allowed_for_smartcdn", "can_show_auth_secret")
        key = self._change(blank, call.params | {"scope": call.params.get("scope", "")}, names, "CREATED")
        self._keys[name] = key
        return _make_words("AUTH_KEY_CREATED") | {"auth_key": _show(key) | {"auth_secret": key.secret}}

    async def list(self, call: Call) -> Answer:
        keys = [_show(key) for key in self._keys.values() if key.workspace == call.workspace]
        return _make_words("AUTH_KEYS_FOUND") | {"auth_keys": keys}

    async def scopes(self, call: Call) -> Answer:
        return _make_words("AUTH_KEY_SCOPES_FOUND") | {"scopes": SCOPES}

    async def update(self, call: Call) -> Answer:
        names = ("is_active", "is_allowed_for_smartcdn")
        key = self._change(self._find(call, "AUTH_KEY_NOT_UPDATED"), call.params, names, "UPDATED")
        self._keys[key.key] = key
        return _make_words("AUTH_KEY_UPDATED") | {"auth_key": _show(key)}

    async def delete(self, call: Call) -> Answer:
        del self._keys[self._find(call, "AUTH_KEY_NOT_DELETED").key]
        return _make_words("AUTH_KEY_DELETED")

    async def delete_self(self, call: Call) -> Answer:
        """Revoke the key that signed this request. No scope is needed."""
        if call.params.get("action") != "revoke_auth_key" or call.sender is None or call.sender.how != "signature":
            raise ApiError("AUTH_KEY_NOT_DELETED", "A signed request whose action is revoke_auth_key is needed")
        del self._keys[call.key.key]
        return _make_words("AUTH_KEY_DELETED")

    async def show_secret(self, call: Call) -> Answer:
        key = self._find(call, "AUTH_SECRET_NOT_RETRIEVED")
        if not key.can_show_auth_secret:
            raise ApiError("AUTH_SECRET_NOT_RETRIEVED", "This Auth Key does not show its secret")
        return _make_words("AUTH_SECRET_RETRIEVED") | {"auth_key": key.key, "auth_secret": key.secret}

    def _find(self, call: Call, code: str) -> AuthKey:
        for key in self._keys.values():
            if (key.id, key.workspace) == (call.path("id"), call.workspace):
                return key
        raise ApiError(code, "The Auth Key was not found")

    def _change(self, key: AuthKey, params: Mapping[str, Any], names: Sequence[str], what: str) -> AuthKey:
        """The key with the changes of `params`. `names`: the switches that this endpoint may set. Raises ApiError."""
        scopes = tuple(dict.fromkeys(split_scopes(str(params["scope"])))) if "scope" in params else key.scopes
        algorithm = params.get("signature_algo", key.signature_algo)
        if not scopes or not set(scopes) <= set(SCOPES) or algorithm not in (None, *ALGORITHMS):
            message = f"scope names Transloadit's scopes; signature_algo is one of {', '.join(ALGORITHMS)}, or null"
            raise ApiError(f"AUTH_KEY_NOT_{what}", message)
        try:
            switches: dict[str, Any] = {name: switch(params[name]) for name in names if name in params}
        except ValueError:
            message = f"{' and '.join(names)} are true or false, 1 or 0"
            raise ApiError(f"AUTH_KEY_NOT_{what}", message) from None
        return replace(
            key,
            scopes=scopes,
            signature_algo=algorithm,
            description=str(params.get("description", key.description)),
            modified=self._clock(),
            **switches,
        )


def _make_words(ok: str) -> dict[str, Any]:
    return {"ok": ok, "message": f"{ok.replace('_', ' ').capitalize()}."}


def _show(key: AuthKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "auth_key": key.key,
        "description": key.description,
        "scope": " ".join(key.scopes),
        "signature_algo": key.signature_algo,
        "is_active": key.is_active,
        "is_allowed_for_smartcdn": key.is_allowed_for_smartcdn,
        "can_show_auth_secret": key.can_show_auth_secret,
        "created": iso(key.created),
        "modified": iso(key.modified),
        "last_used": None,
    }
