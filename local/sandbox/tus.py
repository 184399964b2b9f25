"""One resumable upload, and the constants of its protocol: https://tus.io/protocols/resumable-upload"""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-defer-length,termination"


@dataclass(slots=True)
class Upload:
    """A resumable upload. `size` is None until the client sends it."""

    id: str
    assembly_id: str
    url: str
    filename: str
    fieldname: str
    size: int | None
    offset: int = 0
    finished: bool = False
    busy: bool = False

    def shown(self) -> dict[str, Any]:
        return {
            "filename": self.filename,
            "fieldname": self.fieldname,
            "user_meta": {},
            "size": self.size or 0,
            "offset": self.offset,
            "finished": self.finished,
            "upload_url": self.url,
        }


def read_metadata(header: str) -> dict[str, str]:
    """Read `Upload-Metadata`: names with values in base64, separated by commas. Raises ValueError."""
    found = {}
    for pair in filter(None, (part.strip() for part in header.split(","))):
        name, _, value = pair.partition(" ")
        try:
            found[name] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise ValueError("Upload-Metadata cannot be read") from error
    return found
