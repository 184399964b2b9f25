"""A bucket of Transloadit Storage, opened by a Storage grant.

A grant is what `signStorageGrant` of `@transloadit/utils` makes: a JWT by HS256 with bucket, prefix and scopes. It is
checked as the S3 provider of Transloadit's Companion does, but the addresses here are the sandbox's own.
"""

import base64
import binascii
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from local.sandbox.errors import ApiError
from local.sandbox.files import Files
from local.sandbox.model import AuthKey, new_id
from local.sandbox.store import Store
from local.sandbox.values import read_json

PATHS = (("GET", "/buckets/{bucket}"), ("GET", "/buckets/{bucket}/{key:.+}"), ("PUT", "/buckets/{bucket}/{key:.+}"))
SCOPE = "storage_grants:write"
_INVALID = "BEARER_TOKEN_INVALID"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a grant opens, until `exp` (seconds since the epoch)."""

    bucket: str
    prefix: str
    scopes: frozenset[str]
    exp: float

    @classmethod
    def read(cls, claims: Any) -> "Grant":
        """The grant with these claims. Raises ApiError unless they are those of a grant of version 1."""
        match claims:
            case {"v": int(v), "bucket": str(bucket), "prefix": str(prefix), "scopes": list(scopes), "exp": int(exp)}:
                # Otherwise a prefix `users/al` would open the files of `users/alice` too.
                folder = prefix.lstrip("/")
                folder = folder if folder.endswith("/") or not folder else f"{folder}/"
                is_version = v == 1 and bool not in (type(v), type(exp))  # in Python true is an int, and equals 1
                if is_version and bucket and all(scope in ("read", "write") for scope in scopes):
                    return cls(bucket, folder, frozenset(scopes), exp)
        raise ApiError(_INVALID, "The grant has not the claims of a Storage grant")


class Storage:
    def __init__(self, store: Store, files: Files, clock: Callable[[], float]) -> None:
        self._store = store
        self._files = files
        self._clock = clock

    async def answer(self, request: web.Request, note: Callable[[str], None]) -> web.Response:
        """List the names below the query's `prefix`, or get or put one file. Raises ApiError.

        `note` is called with the grant's signer once it is known.
        """
        grant = self._check(request.headers.get("Authorization", ""), note)
        key, is_write = request.match_info.get("key"), request.method == "PUT"
        wanted = request.query.get("prefix", grant.prefix) if key is None else key
        if request.match_info["bucket"] != grant.bucket:
            raise ApiError("SERVER_403", "The grant is for another bucket")
        if not wanted.startswith(grant.prefix) or ".." in wanted.split("/"):
            raise ApiError("SERVER_403", "That is outside the grant's prefix")
        if not grant.scopes >= ({"read", "write"} if is_write else {"read"}):
            raise ApiError("SERVER_403", "The grant has not the scope for that")
        if key is None:
            names = sorted(name for bucket, name in self._store.objects if bucket == grant.bucket)
            return web.json_response({"items": [name for name in names if name.startswith(wanted)]})
        if is_write:
            id_ = self._store.objects[grant.bucket, key] = new_id()
            self._store.contents.keep(id_, await request.read())
            return web.json_response({"ok": "STORED", "key": key})
        return self._files.serve(self._store.objects.get((grant.bucket, key), ""), key)

    def _check(self, authorization: str, note: Callable[[str], None]) -> Grant:
        kind, _, token = authorization.partition(" ")
        signed, _, signature = token.strip().rpartition(".")
        header, _, payload = signed.partition(".")
        claims, algorithm = _decode(payload), _decode(header)
        if kind.lower() != "bearer" or not isinstance(algorithm, dict) or algorithm.get("alg") != "HS256":
            raise ApiError(_INVALID, "Send a Storage grant as bearer token")
        grant = Grant.read(claims)
        for key in self._find_keys(grant.bucket):
            expected = base64.urlsafe_b64encode(hmac.digest(key.secret.encode(), signed.encode(), "sha256"))
            if hmac.compare_digest(expected.rstrip(b"="), signature.encode("utf-8", "surrogatepass")):
                note(f"grant of {key.key}")
                if grant.exp <= self._clock():
                    raise ApiError("BEARER_TOKEN_EXPIRED", "The Storage grant has expired")
                return grant
        raise ApiError(_INVALID, "No Auth Key of this Workspace that may sign grants has signed this one")

    def _find_keys(self, workspace: str) -> list[AuthKey]:
        keys = [key for key in self._store.keys.values() if key.workspace == workspace and key.is_active]
        return [key for key in keys if SCOPE in key.scopes]


def _decode(part: str) -> Any:
    """The JSON in a part of the token. Raises ApiError."""
    try:
        return read_json(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, binascii.Error):
        raise ApiError(_INVALID, "The grant cannot be read") from None
