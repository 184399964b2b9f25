"""The endpoints of Template Credentials: https://transloadit.com/docs/api/#template-credentials"""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from local.sandbox.call import Answer, Call
from local.sandbox.clock import iso
from local.sandbox.errors import ApiError
from local.sandbox.listing import Listing
from local.sandbox.model import new_id
from local.sandbox.resources import Credential
from local.sandbox.store import Store

# The official client's live tests use names with digits, although its schema does not allow them.
_NAME = re.compile(r"[a-zA-Z0-9-]{4,}")
_LISTING = Listing("TEMPLATE_CREDENTIALS_NOT_FOUND", ("id", "name", "created", "modified"))
TYPES = [
    *(
        "ai",
        "azure",
        "backblaze",
        "cloudflare",
        "companion",
        "digitalocean",
        "dropbox",
        "ftp",
        "google",
        "http",
        "mega",
    ),
    *("minio", "rackspace", "s3", "sftp", "supabase", "swift", "tigris", "vimeo", "wasabi", "youtube"),
]


class Credentials:
    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._credentials = store.credentials
        self._clock = clock

    async def create(self, call: Call) -> Answer:
        now = self._clock()
        blank = Credential(new_id(), call.workspace, "", "", {}, now, now)
        return self._keep(blank, call, "CREATED")

    async def get(self, call: Call) -> Answer:
        return _answer(self._find(call, "READ"), "READ")

    async def update(self, call: Call) -> Answer:
        return self._keep(self._find(call, "UPDATED"), call, "UPDATED")

    async def delete(self, call: Call) -> Answer:
        del self._credentials[self._find(call, "DELETED").id]
        return _make_words("DELETED")

    async def list(self, call: Call) -> Answer:
        """One page of the list: the official client asks for pages until it gets an empty one."""
        found = [each for each in self._credentials.values() if each.workspace == call.workspace]
        page = _LISTING.page(found, call.params, getattr, lambda each: each.name, _show)
        return _make_words("FOUND") | {"credentials": page["items"]}

    async def types(self, call: Call) -> Answer:
        return _make_words("TYPES_FOUND") | {"types": TYPES}

    def _find(self, call: Call, what: str) -> Credential:
        """Find by id or name. https://transloadit.com/docs/api/template-credentials-credentials-id-get/"""
        named = call.path("id")
        for each in self._credentials.values():
            if each.workspace == call.workspace and named in (each.id, each.name):
                return each
        raise ApiError(f"TEMPLATE_CREDENTIALS_NOT_{what}", "The Template Credentials were not found")

    def _keep(self, credential: Credential, call: Call, what: str) -> Answer:
        name = call.params.get("name", credential.name)
        kind, content = call.params.get("type", credential.type), call.params.get("content", credential.content)
        if not (isinstance(name, str) and _NAME.fullmatch(name) and kind in TYPES and isinstance(content, dict)):
            message = (
                f"name has at least 4 letters, digits or dashes, type is one of {', '.join(TYPES)}, content an object"
            )
            raise ApiError(f"TEMPLATE_CREDENTIALS_NOT_{what}", message)
        kept = replace(credential, name=name, type=kind, content=content, modified=self._clock())
        self._credentials[kept.id] = kept
        return _answer(kept, what)


def _answer(credential: Credential, what: str) -> dict[str, Any]:
    return _make_words(what) | {"credential": _show(credential)}


def _make_words(what: str) -> dict[str, Any]:
    return {"ok": f"TEMPLATE_CREDENTIALS_{what}", "message": f"Template Credentials: {what.lower().replace('_', ' ')}."}


def _show(credential: Credential) -> dict[str, Any]:
    return {
        "id": credential.id,
        "account_id": credential.workspace,
        "name": credential.name,
        "type": credential.type,
        "content": credential.content,
        "stringified": json.dumps(credential.content),
        "created": iso(credential.created),
        "modified": iso(credential.modified),
        "deleted": None,
    }
