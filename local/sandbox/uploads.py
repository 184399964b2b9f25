"""Resumable uploads: tus 1.0.0 with creation, deferred length and termination.

Transloadit's clients send their files to the `tus_url` of an Assembly: https://tus.io/protocols/resumable-upload
docs/decisions/10-sandbox.md says why no library is used.
"""

import re
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from local.sandbox.assemblies import Assemblies
from local.sandbox.assembly import Assembly
from local.sandbox.call import Answer, Call
from local.sandbox.errors import ApiError
from local.sandbox.files import Files
from local.sandbox.model import new_id
from local.sandbox.store import Store
from local.sandbox.tus import EXTENSIONS, VERSION, Upload, read_metadata
from local.sandbox.values import whole_number

MAX_BYTES = 128 * 2**20
CHUNK = "application/offset+octet-stream"
_NO_PARTS = (
    "Upload-Concat: the sandbox has no concatenation extension; send the file in one upload (parallelUploads: 1)"
)
_WORDS = {"Tus-Version": VERSION, "Tus-Extension": EXTENSIONS, "Tus-Max-Size": str(MAX_BYTES)}


class TusError(Exception):
    """A refusal in the protocol's format: a status and a text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


Handler = Callable[[Call], Awaitable[web.Response]]


class Uploads:
    def __init__(self, store: Store, assemblies: Assemblies, files: Files) -> None:
        self._store = store
        self._assemblies = assemblies
        self._files = files
        self._methods: dict[str, Handler] = {
            "HEAD": self._offset,
            "PATCH": self._append,
            "DELETE": self._terminate,
        }

    async def options(self, call: Call) -> Answer:
        """Answer with the server's extensions. Only this request has no protocol version."""
        return web.Response(status=204, headers={"Tus-Resumable": VERSION} | _WORDS)

    async def create(self, call: Call) -> Answer:
        return await _speak(self._create, call)

    async def upload(self, call: Call) -> Answer:
        """`/resumable/files/{id}`. A client that can only send POST names its method in a header."""
        method = call.request.headers.get("X-HTTP-Method-Override", call.request.method).upper()
        return await _speak(self._methods.get(method, _no_method), call)

    async def _create(self, call: Call) -> web.Response:
        headers = call.request.headers
        if "Upload-Concat" in headers:
            raise TusError(400, _NO_PARTS)
        size = _read_length(headers)
        if size is None and headers.get("Upload-Defer-Length") != "1":
            raise TusError(400, "Upload-Length or Upload-Defer-Length: 1 is needed")
        assembly, metadata = self._find_assembly(headers)
        self._check_size(assembly, size or 0)
        id_ = new_id()
        upload = Upload(
            id=id_,
            assembly_id=assembly.id,
            url=f"{call.origin}/resumable/files/{id_}",
            filename=metadata.get("filename", "file"),
            fieldname=metadata.get("fieldname", "file"),
            size=size,
        )
        self._store.uploads[id_] = upload
        self._store.contents.keep(id_, bytearray())
        assembly.tus.append(upload)
        self._finish(upload, call.origin)
        return web.Response(status=201, headers={"Location": upload.url, "Upload-Offset": "0"})

    async def _offset(self, call: Call) -> web.Response:
        upload = self._find(call)
        known = {"Upload-Length": str(upload.size)} if upload.size is not None else {"Upload-Defer-Length": "1"}
        return web.Response(headers=known | {"Upload-Offset": str(upload.offset), "Cache-Control": "no-store"})

    async def _append(self, call: Call) -> web.Response:
        request, upload = call.request, self._find(call)
        if request.content_type != CHUNK:
            raise TusError(415, f"Content-Type must be {CHUNK}")
        if request.headers.get("Upload-Offset") != str(upload.offset):
            raise TusError(409, f"The upload is at {upload.offset}")
        assembly = self._store.assembly(upload.assembly_id)
        if not (assembly.waits or upload.finished):
            raise TusError(403, "The Assembly waits for no more files")
        if (size := _read_length(request.headers)) is not None and upload.size is None:
            if size < upload.offset:
                raise TusError(400, f"Upload-Length is less than the {upload.offset} bytes that came")
            self._check_size(assembly, size, upload)
            upload.size = size
        if upload.busy:
            raise TusError(423, "Another request is writing to this upload")
        upload.busy = True
        try:
            await self._receive(upload, request)
        finally:
            upload.busy = False
        self._finish(upload, call.origin)
        return web.Response(status=204, headers={"Upload-Offset": str(upload.offset)})

    async def _terminate(self, call: Call) -> web.Response:
        upload = self._find(call)
        self._store.drop(upload)
        assembly = self._store.assembly(upload.assembly_id)
        assembly.tus = [each for each in assembly.tus if each is not upload]
        return web.Response(status=204)

    def _finish(self, upload: Upload, origin: str) -> None:
        """If all bytes have arrived, add the file to its Assembly."""
        if upload.finished or upload.offset != upload.size:
            return
        upload.finished = True
        entry = self._files.keep(
            self._store.contents.take(upload.id), upload.filename, upload.fieldname, origin, upload.url
        )
        self._assemblies.receive(self._store.assembly(upload.assembly_id), entry)

    def _find(self, call: Call) -> Upload:
        found = self._store.uploads.get(call.path("id"))
        if found is None or not (found.finished or found.id in self._store.contents):
            raise TusError(404, "The upload is not known, or no longer")
        return found

    async def _receive(self, upload: Upload, request: web.Request) -> None:
        """Append the bytes as they arrive, so that a client resumes from the last byte after a broken connection."""
        async for chunk in request.content.iter_any():
            if upload.offset + len(chunk) > (MAX_BYTES if upload.size is None else upload.size):
                raise TusError(413, "More bytes than Upload-Length")
            if not self._store.contents.append(upload.id, chunk):
                raise TusError(404, "The upload is known no longer")
            upload.offset += len(chunk)

    def _find_assembly(self, headers: Mapping[str, str]) -> tuple[Assembly, dict[str, str]]:
        """The Assembly in the metadata, and the metadata. Raises TusError if it is unknown or accepts no more files."""
        try:
            metadata = read_metadata(headers.get("Upload-Metadata", ""))
            found = re.search(r"/assemblies/([0-9a-f]{32})$", metadata.get("assembly_url", ""))
            assembly = self._store.assembly(found[1] if found else "")
        except (ValueError, ApiError):
            raise TusError(400, "Upload-Metadata must name the assembly_url of an Assembly") from None
        if not assembly.waits:
            raise TusError(403, "The Assembly waits for no more files")
        return assembly, metadata

    def _check_size(self, assembly: Assembly, size: int, upload: Upload | None = None) -> None:
        """Check that a file of this size may be added; fail the Assembly if not. Raises TusError."""
        if size > MAX_BYTES:
            raise TusError(413, f"The sandbox takes {MAX_BYTES} bytes at most")
        others = [each.size or 0 for each in assembly.tus if not each.finished and each is not upload]
        try:
            self._assemblies.admit(assembly, [*others, size])
        except ApiError as error:
            raise TusError(413, error.message) from None


def _read_length(headers: Mapping[str, str]) -> int | None:
    text = headers.get("Upload-Length")
    try:
        return None if text is None else whole_number(text)
    except ValueError:
        raise TusError(400, "Upload-Length is a whole number") from None


async def _no_method(call: Call) -> web.Response:
    raise TusError(405, "HEAD, PATCH or DELETE")


async def _speak(handler: Handler, call: Call) -> web.Response:
    """Call the handler if the client speaks our version of the protocol, and answer a TusError."""
    if call.request.headers.get("Tus-Resumable") != VERSION:
        return web.Response(status=412, text=f"Tus-Resumable must be {VERSION}", headers={"Tus-Version": VERSION})
    try:
        response = await handler(call)
    except TusError as error:
        response = web.Response(status=error.status, text=str(error))
    response.headers["Tus-Resumable"] = VERSION
    return response
