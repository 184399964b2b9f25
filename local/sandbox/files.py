"""Uploaded files: their entries in an Assembly Status, and their bytes."""

import hashlib
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from aiohttp import web

from local.sandbox.call import Answer, Call
from local.sandbox.errors import ApiError
from local.sandbox.media import recognise
from local.sandbox.model import new_id
from local.sandbox.store import Store

_CHUNK = 2**16


class Files:
    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, content: bytes, name: str, field: str, origin: str, tus_url: str | None = None) -> dict[str, Any]:
        """Keep these bytes. Returns the file's entry for an Assembly's uploads."""
        id_, name = new_id(), _last(name)
        self._store.contents.keep(id_, content)
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        return describe(id_, name, field, len(content), f"{origin}/files/{id_}/{quote(name)}", content) | {
            "md5hash": digest,
            "original_md5hash": digest,
            "is_tus_file": tus_url is not None,
            "tus_upload_url": tus_url,
        }

    async def get(self, call: Call) -> Answer:
        """`GET /files/{id}/{name}`: the URLs of uploads and results."""
        return self.serve(call.path("id"), call.path("name"))

    def serve(self, id_: str, name: str) -> web.Response:
        """The bytes that are kept by this id. Raises ApiError."""
        content = self._store.contents.get(id_)
        if content is None:
            raise ApiError("SERVER_404", "The file is not there, or no longer")
        mime, _ = recognise(name, content)
        # An uploaded HTML file would run as a page of this origin in the browser of anyone who opens it. So it must be
        # downloaded.
        headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=content, content_type=mime, headers=headers)


def _last(name: str) -> str:
    """The name without folders. It becomes a part of URLs, and of paths on the disks of those who download it."""
    found = PurePosixPath(name.replace("\\", "/")).name
    return "file" if found in ("", "..") else found


def describe(id_: str, name: str, field: str, size: int, url: str, content: bytes = b"") -> dict[str, Any]:
    """Make the entry of a file. `content` is empty for a file on another server."""
    name = _last(name)
    path = PurePosixPath(name)
    mime, ext = recognise(name, content)
    return {
        "id": id_,
        "name": name,
        "basename": path.stem,
        "ext": ext,
        "size": size,
        "mime": mime,
        "type": mime.partition("/")[0] if mime.partition("/")[0] in ("audio", "image", "video") else None,
        "field": field,
        "md5hash": None,
        "original_id": id_,
        "original_basename": path.stem,
        "original_name": name,
        "original_path": "/",
        "original_md5hash": None,
        "from_batch_import": False,
        "is_tus_file": False,
        "tus_upload_url": None,
        "url": url,
        "ssl_url": url,
        "is_temp_url": True,
        "meta": {},
        "user_meta": {},
        "cost": size,
    }
