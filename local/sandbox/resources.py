"""Templates and Template Credentials, as the sandbox keeps them."""

from dataclasses import dataclass
from typing import Any

from local.sandbox.clock import iso


@dataclass(frozen=True, slots=True)
class Template:
    """`content`: Assembly Instructions. `require_signature_auth` as on the wire, 0 or 1."""

    id: str
    workspace: str
    name: str
    content: dict[str, Any]
    require_signature_auth: int
    created: float
    modified: float
    assembly_status_expiry: str | None = None
    transcoding_result_expiry: str | None = None

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "content": self.content,
            "require_signature_auth": self.require_signature_auth,
            "assembly_status_expiry": self.assembly_status_expiry,
            "transcoding_result_expiry": self.transcoding_result_expiry,
        }

    def listed(self) -> dict[str, Any]:
        times = {"created": iso(self.created), "modified": iso(self.modified), "last_used": None}
        return self.shown() | times | {"encryption_version": 2}


BUILTIN = Template(
    id="builtin/pass-on@0.0.1",
    workspace="",
    name="builtin/pass-on",
    content={"steps": {":original": {"robot": "/upload/handle"}}},
    require_signature_auth=0,
    created=0,
    modified=0,
)


@dataclass(frozen=True, slots=True)
class Credential:
    """Template Credentials: what an Assembly needs to reach a third party."""

    id: str
    workspace: str
    name: str
    type: str
    content: dict[str, Any]
    created: float
    modified: float
