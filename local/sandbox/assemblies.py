"""The endpoints of Assemblies: https://transloadit.com/docs/api/#assemblies"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from local.sandbox.assembly import CANCELED, Assembly
from local.sandbox.authentication import demand_proof
from local.sandbox.call import Answer, Call
from local.sandbox.clock import Pulse
from local.sandbox.errors import ApiError
from local.sandbox.files import Files, describe
from local.sandbox.instructions import needs_proof, read_instructions
from local.sandbox.limits import Limits
from local.sandbox.listing import Listing
from local.sandbox.model import new_id
from local.sandbox.store import Store
from local.sandbox.values import whole_number

_ID = re.compile(r"[0-9a-f]{32}")
_TYPES = {
    "uploading": "ASSEMBLY_UPLOADING",
    "executing": "ASSEMBLY_EXECUTING",
    "canceled": "ASSEMBLY_CANCELED",
    "completed": "ASSEMBLY_COMPLETED",
    "failed": "",
    # Kinds of Assemblies that the sandbox never has; a list of them is empty.
    "request_aborted": None,
    "expired": None,
    "fixable": None,
    "problematic": None,
}
MOST_FILES = 1_000  # files of one Assembly, even if auth.max_number_of_files allows more
_LISTING = Listing("ASSEMBLY_LIST_ERROR", ("id", "created", "execution_duration", "bytes_usage"))


class Assemblies:
    """`seconds`: how long an Assembly executes. `on_start` is called with each new Assembly."""

    def __init__(
        self,
        store: Store,
        files: Files,
        limits: Limits,
        clock: Callable[[], float],
        pulse: Pulse,
        seconds: float,
        on_start: Callable[[Assembly], None],
    ) -> None:
        self._store = store
        self._files = files
        self._limits = limits
        self._clock = clock
        self._pulse = pulse
        self.seconds = seconds  # for which an Assembly executes once its files are there
        self._on_start = on_start
        self.lag = 0.0  # seconds by which the status that is asked for is old

    async def create(self, call: Call) -> Answer:
        """`POST /assemblies`; or `POST` or `PUT /assemblies/{id}` with an id that the client chose."""
        id_ = call.request.match_info.get("id") or new_id()
        if not _ID.fullmatch(id_):
            raise ApiError("SERVER_404", "An Assembly's id is 32 hexadecimal digits")
        assembly = self._make(call, id_)
        check_files(assembly, [len(file.content) for file in call.files])
        for file in call.files:
            assembly.receive(self._files.keep(file.content, file.name, file.field, call.origin), self._clock())
        self._start(assembly)
        status = assembly.status(self._clock())
        return {name: status[name] for name in ("ok", "assembly_id")} if call.params.get("quiet") else status

    async def status(self, call: Call) -> Answer:
        self._limits.take("status", call.path("id"))
        return self._store.assembly(call.path("id")).status(self._clock() - self.lag)

    async def cancel(self, call: Call) -> Answer:
        """Cancel an Assembly. A completed one stays completed, and the answer is `ASSEMBLY_CANCELED` all the same.

        The official client's live tests say so ("even when it completed"); docs/sandbox.md has the other sources.
        """
        assembly = self._store.assembly(call.path("id"))
        assembly.cancel(self._clock())
        self._end(assembly)
        status = assembly.status(self._clock())
        return status | CANCELED if "ok" in status else status

    async def list(self, call: Call) -> Answer:
        kind, now = str(call.params.get("type", "all")), self._clock()
        if kind != "all" and kind not in _TYPES:
            raise ApiError("ASSEMBLY_LIST_ERROR", f"type is all or one of {', '.join(_TYPES)}")
        found = [each for each in self._store.assemblies.values() if each.key.workspace == call.workspace]
        if kind != "all":
            found = [each for each in found if each.state(now) == _TYPES[kind]]
        for name in {"assembly_id", "template_id", "region"} & call.params.keys():
            found = [each for each in found if each.column(name, now) == call.params[name]]
        return _LISTING.page(
            found, call.params, lambda each, name: each.column(name, now), _words, lambda each: each.listed(now)
        )

    async def replay(self, call: Call) -> Answer:
        """Process the same files again. The request's Steps, Template, fields and notify_url replace the first ones."""
        before = self._store.assembly(call.path("id"), call.workspace)
        if not before.is_final(self._clock()):
            raise ApiError("ASSEMBLY_CANNOT_BE_REPLAYED", "The Assembly has not ended yet")
        after = self._make(call, new_id(), before)
        self._start(after)
        return {
            "ok": "ASSEMBLY_REPLAYING",
            "message": "The Assembly is being replayed.",
            "success": True,
            "assembly_id": after.id,
            "assembly_url": after.url,
            "assembly_ssl_url": after.url,
            "notify_url": after.instructions.notify_url,
        }

    async def reserve_file(self, call: Call) -> Answer:
        """Uppy announces a file that it will import. Nothing to do: the Assembly's expected number includes it."""
        return self._store.assembly(call.path("id")).status(self._clock())

    async def add_file(self, call: Call) -> Answer:
        """Add a file that lies on another server. The sandbox does not fetch it; it takes the name and size as sent."""
        assembly, query = self._store.assembly(call.path("id")), call.request.query
        try:
            size = whole_number(query.get("size", "0"))
        except ValueError:
            raise ApiError("INVALID_FORM_DATA", "size is a whole number") from None
        upload = describe(
            new_id(), query.get("filename", "file"), query.get("fieldname", "file"), size, query.get("s3Url", "")
        )
        if assembly.waits:
            self.admit(assembly, [size])
            self.receive(assembly, upload)
        return assembly.status(self._clock())

    def admit(self, assembly: Assembly, sizes: Sequence[int]) -> None:
        """Check that files of these sizes may be added; fail the Assembly if not. Raises ApiError."""
        try:
            check_files(assembly, sizes)
        except ApiError as error:
            self.fail(assembly, error.code, error.message)
            raise

    def receive(self, assembly: Assembly, upload: dict[str, Any]) -> None:
        assembly.receive(upload, self._clock())
        self._pulse.beat()

    def fail(self, assembly: Assembly, code: str, message: str) -> None:
        assembly.error = (code, message)
        self._end(assembly)

    def _end(self, assembly: Assembly) -> None:
        """Drop the uploads that have not finished."""
        for upload in assembly.tus:
            if not upload.finished:
                self._store.drop(upload)
        self._pulse.beat()

    def _make(self, call: Call, id_: str, before: Assembly | None = None) -> Assembly:
        """Make an Assembly, after limits and the proof that its instructions demand. `before`: the one to replay.

        Raises ApiError.
        """
        self._limits.take("assembly", call.workspace)
        if id_ in self._store.assemblies:
            raise ApiError("DO_NOT_REUSE_ASSEMBLY_IDS", "There is an Assembly with this id already")
        first = before.instructions if before else None
        instructions = read_instructions(call.params, call.fields, self._store, call.workspace, first)
        if needs_proof(instructions):
            assert call.sender is not None
            demand_proof(call.sender, call.auth)
        headers = call.request.headers
        return Assembly(
            id=id_,
            key=call.key,
            instructions=instructions,
            origin=call.origin,
            created=self._clock(),
            seconds=self.seconds,
            expected=len(before.uploads) if before else _count_expected(call),
            client={
                "client_agent": headers.get("User-Agent"),
                "client_ip": call.request.remote,
                "client_referer": headers.get("Referer"),
                "transloadit_client": headers.get("Transloadit-Client"),
            },
            parent_id=before.id if before else None,
            uploads=[*before.uploads] if before else [],
        )

    def _start(self, assembly: Assembly) -> None:
        assembly.receive(None, self._clock())
        self._store.assemblies[assembly.id] = assembly
        self._on_start(assembly)
        self._pulse.beat()


def _words(assembly: Assembly) -> str:
    """The text in which a list's keywords are searched."""
    of = assembly.instructions
    return f"{assembly.id} {of.redirect_url} {of.fields} {of.notify_url}"


def check_files(assembly: Assembly, sizes: Sequence[int]) -> None:
    """Check that files of these sizes may be added. Raises ApiError."""
    limits = assembly.instructions
    size = sum(upload["size"] for upload in assembly.uploads) + sum(sizes)
    if limits.max_size is not None and size > limits.max_size:
        raise ApiError("MAX_SIZE_EXCEEDED", "The files are larger together than auth.max_size")
    most = MOST_FILES if limits.max_number_of_files is None else min(limits.max_number_of_files, MOST_FILES)
    # Files that the Assembly imports by itself count too.
    if len(assembly.uploads) + len(sizes) + limits.count_imports() > most:
        raise ApiError("MAX_NUMBER_OF_FILES_EXCEEDED", f"There are more files than {most}")


def _count_expected(call: Call) -> int:
    """The number of files that the Assembly waits for: those of the form and those that the client announced."""
    count = len(call.files)
    for name in ("num_expected_upload_files", "tus_num_expected_upload_files"):
        try:
            count += whole_number(call.fields.get(name, "0"))
        except ValueError:
            code = "ASSEMBLY_INVALID_NUM_EXPECTED_UPLOAD_FILES_PARAM"
            raise ApiError(code, f"{name} is a whole number") from None
    return count
