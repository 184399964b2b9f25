"""Everything that the sandbox remembers. It is kept in memory, and bounded."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from local.sandbox.assembly import Assembly
from local.sandbox.errors import ApiError
from local.sandbox.model import AuthKey, Bearer, Workspace
from local.sandbox.resources import Credential, Template
from local.sandbox.tus import Upload

_CONTENT_BYTES = 256 * 2**20


class Bounded[K, V](OrderedDict[K, V]):
    """A dict that forgets its oldest entries when it is full."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        if len(self) > self._limit:
            self.popitem(last=False)


class Contents:
    """The bytes of files and unfinished uploads, by id. When there are too many bytes the oldest are forgotten."""

    def __init__(self, limit: int = _CONTENT_BYTES, most: int = 20_000) -> None:
        self._limit = limit
        self._most = most
        self._size = 0
        self._files: OrderedDict[str, bytes | bytearray] = OrderedDict()

    def keep(self, id_: str, content: bytes | bytearray) -> None:
        self._files[id_] = content
        self._size += len(content)
        self._forget()

    def append(self, id_: str, chunk: bytes) -> bool:
        """Append to an upload. Returns False if the upload has been forgotten."""
        content = self._files.get(id_)
        if not isinstance(content, bytearray):
            return False
        content += chunk
        self._size += len(chunk)
        self._forget()
        return id_ in self._files

    def get(self, id_: str) -> bytes | bytearray | None:
        return self._files.get(id_)

    def __contains__(self, id_: str) -> bool:
        return id_ in self._files

    def take(self, id_: str) -> bytes:
        """Remove and return the bytes."""
        content = self._files.pop(id_, b"")
        self._size -= len(content)
        return bytes(content)

    def _forget(self) -> None:
        while self._size > self._limit or len(self._files) > self._most:
            self._size -= len(self._files.popitem(last=False)[1])


class Store:
    def __init__(
        self, workspaces: Iterable[Workspace], keys: Sequence[AuthKey], templates: Iterable[Template] = ()
    ) -> None:
        self.workspaces = {workspace.slug: workspace for workspace in workspaces}
        for key in keys:
            self.workspaces.setdefault(key.workspace, Workspace(key.workspace))
        self.keys = {key.key: key for key in keys}
        self.bearers: Bounded[str, Bearer] = Bounded(200_000)
        self.signatures: Bounded[str, float] = Bounded(10_000)
        self.assemblies: Bounded[str, Assembly] = Bounded(10_000)
        self.uploads: Bounded[str, Upload] = Bounded(10_000)
        self.templates: Bounded[str, Template] = Bounded(10_000)
        self.templates.update({template.id: template for template in templates})
        self.credentials: Bounded[str, Credential] = Bounded(10_000)
        self.objects: Bounded[tuple[str, str], str] = Bounded(10_000)  # ids of contents by bucket and name
        self.contents = Contents()

    def assembly(self, id_: str, workspace: str | None = None) -> Assembly:
        """The Assembly with this id, which must be of this Workspace if one is named. Raises ApiError."""
        found = self.assemblies.get(id_)
        if found is None:
            raise ApiError("ASSEMBLY_NOT_FOUND", "The Assembly was not found")
        if workspace not in (None, found.key.workspace):
            raise ApiError("ASSEMBLY_ACCOUNT_MISMATCH", "The Assembly belongs to another Workspace")
        return found

    def drop(self, upload: Upload) -> None:
        """Forget a resumable upload and its bytes."""
        self.uploads.pop(upload.id, None)
        self.contents.take(upload.id)
