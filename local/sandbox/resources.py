"""Templates and Template Credentials as the sandbox stores them."""

from dataclasses import dataclass
from typing import Any

from local.sandbox.clock import iso


@dataclass(frozen=True, slots=True)
class Template:
    """A Template. `content`: Assembly Instructions. `require_signature_auth` is 0 or 1, as in api2's answers."""

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


_HLS = {
    ":original": {"robot": "/upload/handle"},
    "low": {"robot": "/video/encode", "use": ":original", "preset": "hls-270p", "result": True},
    "mid": {"robot": "/video/encode", "use": ":original", "preset": "hls-360p", "result": True},
    "high": {"robot": "/video/encode", "use": ":original", "preset": "hls-540p", "result": True},
    "adaptive": {
        "robot": "/video/adaptive",
        "use": {"steps": ["low", "mid", "high"], "bundle_steps": True},
        "technique": "hls",
    },
}
# The builtin Template that the official command line uses. Its Steps are those of its predecessor in the vendor's
# MCP server: 270p, 360p, 540p and a playlist, as the documentation says.
BUILTIN = Template("builtin/encode-hls-video@0.0.1", "", "builtin/encode-hls-video", {"steps": _HLS}, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Credential:
    """Template Credentials: an Assembly's access to a third party."""

    id: str
    workspace: str
    name: str
    type: str
    content: dict[str, Any]
    created: float
    modified: float
