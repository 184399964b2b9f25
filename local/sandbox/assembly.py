"""One Assembly: its instructions, its files, and its state at a given time.

Nothing is processed. State, results and events are computed from the recorded requests and the time that is passed in.
"""

import hashlib
import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from local.sandbox.clock import gmt, iso
from local.sandbox.model import AuthKey
from local.sandbox.resources import Template
from local.sandbox.robots import reads_content
from local.sandbox.tus import Upload

_WORDS = {
    "ASSEMBLY_UPLOADING": "The Assembly is still in the process of being uploaded.",
    "ASSEMBLY_EXECUTING": "The Assembly is currently being executed.",
    "ASSEMBLY_COMPLETED": "The Assembly was successfully completed.",
    "ASSEMBLY_CANCELED": "The Assembly was canceled.",
}
_NO_INPUT = ("INVALID_INPUT_ERROR", "A file is empty, and a robot has to read it")
CANCELED = {"ok": "ASSEMBLY_CANCELED", "message": _WORDS["ASSEMBLY_CANCELED"]}
REGION = "sandbox"
FINAL = ("ASSEMBLY_COMPLETED", "ASSEMBLY_CANCELED", "")


@dataclass(frozen=True, slots=True)
class Instructions:
    """The instructions of an Assembly. `params` as the client sent them; `steps` with those of the Template."""

    params: str
    steps: dict[str, dict[str, Any]]
    fields: dict[str, Any] = field(default_factory=dict)
    template: Template | None = None
    notify_url: str | None = None
    redirect_url: str | None = None
    max_size: int | None = None
    max_number_of_files: int | None = None

    def shown(self) -> list[str]:
        """The Steps whose files are results: those with `result`, those that are stored, and those that no Step uses.

        A file that a Step stores is a result of the Step that made it, as in the example of
        https://transloadit.com/docs/api/assembly-status-response/
        """
        used = {name for step in self.steps for name in self.used_by(step)}
        storing = self.storing()
        stored = {name for each in storing for name in self.used_by(each)}
        by_default = stored | (self.steps.keys() - used - storing)
        steps: dict[str, dict[str, Any]] = {":original": {}} | self.steps
        return [name for name, step in steps.items() if step.get("result", name in by_default)]

    def read_content(self) -> bool:
        """Whether a robot must decode the files."""
        return any(self.used_by(name) and reads_content(str(step["robot"])) for name, step in self.steps.items())

    def count_imports(self) -> int:
        """How many files import Steps bring at least: one for each URL or path that they name."""
        imports = [step for step in self.steps.values() if str(step["robot"]).endswith("/import")]
        named = [step.get("url", step.get("path")) for step in imports]
        return sum(len(each) if isinstance(each, list) else 1 for each in named)

    def storing(self) -> set[str]:
        """The Steps that store the files of those that they use."""
        return {name for name, step in self.steps.items() if str(step["robot"]).endswith("/store")}

    def used_by(self, name: str) -> set[str]:
        """The names of the Steps in a Step's `use`: a name, a list of names, or an object with such a list.

        In place of a name there may be an object with a `name`.
        """
        use = self.steps[name].get("use")
        use = use.get("steps") if isinstance(use, dict) else use
        listed = use if isinstance(use, list) else [use]
        names = (each.get("name") if isinstance(each, dict) else each for each in listed)
        return {name for name in names if isinstance(name, str)}


@dataclass(slots=True)
class Assembly:
    """`origin`: the beginning of its URLs. `expected`: the number of uploads. Times are seconds since the epoch."""

    id: str
    key: AuthKey
    instructions: Instructions
    origin: str
    created: float
    seconds: float
    expected: int
    client: dict[str, str | None] = field(default_factory=dict)
    parent_id: str | None = None
    uploads: list[dict[str, Any]] = field(default_factory=list)
    tus: list[Upload] = field(default_factory=list)
    uploaded_at: float | None = None
    canceled: bool = False
    error: tuple[str, str] | None = None
    notified: dict[str, Any] = field(default_factory=dict)
    notifications: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=100))

    @property
    def url(self) -> str:
        return f"{self.origin}/assemblies/{self.id}"

    def receive(self, upload: dict[str, Any] | None, now: float) -> None:
        """Add a file (or none, if None), and note the time at which all files have arrived."""
        if upload is not None:
            self.uploads.append(upload)
        if self.uploaded_at is None and len(self.uploads) >= self.expected:
            self.uploaded_at = now

    def cancel(self, now: float) -> None:
        self.canceled = self.canceled or not self.is_final(now)

    @property
    def waits(self) -> bool:
        """Whether the Assembly accepts more files."""
        return self.uploaded_at is None and not self.canceled and self.error is None

    def state(self, now: float) -> str:
        """The value of `ok`; empty for a failed Assembly."""
        if self.error:
            return ""
        if self.canceled:
            return "ASSEMBLY_CANCELED"
        if self.uploaded_at is None:
            return "ASSEMBLY_UPLOADING"
        if now < self.uploaded_at + self.seconds:
            return "ASSEMBLY_EXECUTING"
        return "" if self._has_no_input else "ASSEMBLY_COMPLETED"

    @property
    def _has_no_input(self) -> bool:
        """Whether a robot must decode an empty file. Files on other servers (without a hash) do not count."""
        is_empty = any(upload["size"] == 0 and upload["md5hash"] for upload in self.uploads)
        return is_empty and self.instructions.read_content()

    def is_final(self, now: float) -> bool:
        return self.state(now) in FINAL

    def pause(self, now: float, longest: float = 15) -> float:
        """The seconds until the state may change by the passing of time alone."""
        left = longest if self.uploaded_at is None else self.uploaded_at + self.seconds - now
        return min(max(left, 0.01), longest)

    def results(self, now: float) -> dict[str, list[dict[str, Any]]]:
        """The results by Step. Each Step passes its files on unchanged, since nothing is processed."""
        if self.state(now) != "ASSEMBLY_COMPLETED":
            return {}
        return {name: self.files_of(name) for name in self.instructions.shown()}

    def files_of(self, step: str) -> list[dict[str, Any]]:
        """The files that a Step passes on."""
        return self.uploads if step == ":original" else [self._result(step, upload) for upload in self.uploads]

    def _result(self, step: str, upload: dict[str, Any]) -> dict[str, Any]:
        id_ = hashlib.sha256(f"{self.id} {step} {upload['id']}".encode()).hexdigest()[:32]
        return {name: value for name, value in upload.items() if not name.startswith("tus_")} | {"id": id_}

    def events(self, now: float) -> list[tuple[str, str]]:
        """All events so far, in order: name (empty for a plain message) and data. Later calls only append."""
        found = [("assembly_upload_finished", json.dumps(upload)) for upload in self.uploads]
        if self.uploaded_at is not None:
            found += [("", "assembly_uploading_finished"), ("", "assembly_upload_meta_data_extracted")]
            found.append(("assembly_execution_progress", '{"progress_combined": 0}'))
        state = self.state(now)
        if not state:
            found.append(("assembly_error", json.dumps(self.status(now))))
        elif state == "ASSEMBLY_COMPLETED":
            for step, files in self.results(now).items():
                found += [("assembly_result_finished", json.dumps([step, file])) for file in files]
            found += [("assembly_execution_progress", '{"progress_combined": 100}'), ("", "assembly_finished")]
        return found

    def status(self, now: float) -> dict[str, Any]:
        """The Assembly Status: https://transloadit.com/docs/api/assembly-status-response/"""
        return self._outcome(now) | self._identity() | self._uploading() | self._executing(now) | self.notified

    def _outcome(self, now: float) -> dict[str, Any]:
        state = self.state(now)
        if not state:
            code, message = self.error or _NO_INPUT
            return {"error": code, "http_code": 400, "message": message}
        return {"ok": state, "http_code": 200, "message": _WORDS[state]}

    def _identity(self) -> dict[str, Any]:
        template = self.instructions.template
        return {
            "assembly_id": self.id,
            "parent_id": self.parent_id,
            "account_id": self.key.workspace,
            "account_name": self.key.workspace,
            "account_slug": self.key.workspace,
            "api_auth_key_id": self.key.id,
            "template_id": template.id if template else None,
            "template_name": template.name if template else None,
            "instance": self.origin.partition("//")[2],
            "region": REGION,
            "assembly_url": self.url,
            "assembly_ssl_url": self.url,
            "uppyserver_url": f"{self.origin}/companion",
            "companion_url": f"{self.origin}/companion",
            "websocket_url": f"{self.origin}/updates",
            "update_stream_url": f"{self.origin}/updates?assembly={self.id}",
            "tus_url": f"{self.origin}/resumable/files/",
            "start_date": gmt(self.created),
            "is_infinite": False,
            "build_id": "sandbox",
            **self.client,
        }

    def _uploading(self) -> dict[str, Any]:
        received = sum(upload["size"] for upload in self.uploads)
        return {
            "bytes_received": received,
            "bytes_expected": received,
            "upload_duration": (self.uploaded_at or self.created) - self.created,
            "upload_meta_data_extracted": self.uploaded_at is not None,
            "num_input_files": len(self.uploads),
            "expected_tus_uploads": self.expected,
            "started_tus_uploads": len(self.tus),
            "finished_tus_uploads": sum(upload.finished for upload in self.tus),
            "tus_uploads": [upload.shown() for upload in self.tus],
            "uploads": self.uploads,
        }

    def _executing(self, now: float) -> dict[str, Any]:
        started = self.uploaded_at
        template = self.instructions.template
        return {
            "warnings": [],
            "has_dupe_jobs": False,
            "execution_start": gmt(started) if started is not None else None,
            "execution_duration": min(now - started, self.seconds) if started is not None else None,
            "queue_duration": 0,
            "jobs_queue_duration": 0,
            "notify_start": None,
            "notify_url": self.instructions.notify_url,
            "notify_status": None,
            "notify_response_code": None,
            "notify_response_data": None,
            "notify_duration": None,
            "last_job_completed": None,
            "fields": self.instructions.fields,
            "running_jobs": [],
            "bytes_usage": sum(upload["size"] for upload in self.uploads),
            "executing_jobs": list(self.instructions.steps) if self.state(now) == "ASSEMBLY_EXECUTING" else [],
            "started_jobs": list(self.instructions.steps) if started is not None else [],
            "parent_assembly_status": None,
            "params": self.instructions.params,
            "template": json.dumps(template.content) if template else None,
            "merged_params": json.dumps({"steps": self.instructions.steps}),
            "results": self.results(now),
        }

    def column(self, name: str, now: float) -> Any:
        """One column of the row in a list, for sorting and filtering without building the whole row."""
        template, started = self.instructions.template, self.uploaded_at
        values = {
            "assembly_id": self.id,
            "id": self.id,
            "created": self.created,
            "template_id": template.id if template else None,
            "region": REGION,
            "execution_duration": -1 if started is None else min(now - started, self.seconds),
            "bytes_usage": sum(upload["size"] for upload in self.uploads),
        }
        return values[name]

    def listed(self, now: float) -> dict[str, Any]:
        """The row in the list of Assemblies."""
        status = self.status(now)
        names = (
            "parent_id account_id template_id template_name instance region notify_url execution_start "
            "execution_duration num_input_files bytes_usage bytes_expected bytes_received upload_duration"
        )
        return {
            "id": self.id,
            **{name: status[name] for name in names.split()},
            "redirect_url": self.instructions.redirect_url,
            "files": json.dumps([upload["name"] for upload in self.uploads]),
            "warning_count": 0,
            "ok": status.get("ok"),
            "error": status.get("error"),
            "created": iso(self.created),
            "created_ts": int(self.created),
        }
