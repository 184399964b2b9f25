"""What Assemblies have stored: the paths that their store Steps write, with the Assembly Variables in them filled in.

https://transloadit.com/docs/topics/assembly-variables/
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from local.sandbox.assembly import Assembly
from local.sandbox.store import Store

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_DEFAULT_PATH = "${unique_prefix}/${file.url_name}"  # https://transloadit.com/docs/robots/s3-store/

File = dict[str, Any]


def fill(text: str, variables: Mapping[str, Any]) -> str:
    """The text with its variables replaced; an unknown one becomes the empty text. What a value holds is left as is."""
    return _VARIABLE.sub(lambda found: str(variables.get(found[1].strip(), "")), text)


def name_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """An Assembly's fields by the names of their variables."""
    return {f"fields.{name}": value for name, value in fields.items()}


def find_stored(store: Store, workspace: str, path: str, now: float) -> File | None:
    """The file that an Assembly of this Workspace stored last at this path, or None."""
    wanted = path.lstrip("/")
    for assembly in reversed(store.assemblies.values()):
        if assembly.key.workspace == workspace:
            for stored_at, file in _list_stored(assembly, now):
                if stored_at == wanted:
                    return file
    return None


def _list_stored(assembly: Assembly, now: float) -> Iterator[tuple[str, File]]:
    """Path and file of all that the Assembly has stored; nothing before it has completed."""
    if assembly.state(now) != "ASSEMBLY_COMPLETED":
        return
    named = name_fields(assembly.instructions.fields) | {"assembly.id": assembly.id}
    for storing in assembly.instructions.storing():
        path = str(assembly.instructions.steps[storing].get("path", _DEFAULT_PATH))
        for step in assembly.instructions.used_by(storing):
            for file in assembly.files_of(step):
                variables = named | {"previous_step.name": step} | _name_members(file)
                yield fill(path, variables).lstrip("/"), file


def _name_members(file: File) -> dict[str, Any]:
    id_ = file["id"]
    members = {f"file.{name}": value for name, value in file.items() if isinstance(value, str | int)}
    return members | {"file.url_name": quote(file["name"]), "unique_prefix": f"{id_[:2]}/{id_[2:]}"}
