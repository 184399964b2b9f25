"""The last step of the build: the artifact pruned, byte-compiled, and the same bytes each time.

python infra/finish.py FOLDER
"""

import compileall
import json
import os
import sys
from pathlib import Path
from py_compile import PycInvalidationMode

from infra.prune import prune

RUNTIME = (3, 13)  # as in template.yaml: byte-code of another minor version is ignored at start
EPOCH = 315_532_800  # 1980-01-01, the first moment that a zip file knows


def finish(folder: Path) -> None:
    """Raises SystemExit with one line where the artifact must not be deployed."""
    if sys.version_info[:2] != RUNTIME:
        sys.exit(f"the build needs Python {RUNTIME[0]}.{RUNTIME[1]}: run 'make setup' again")
    if json.loads((folder / "policy.json").read_bytes())["local"] is not False:
        sys.exit("policy.json is compiled for the local stack: it must not be deployed")
    prune(folder)
    byte_compile(folder)
    for path in [*folder.rglob("*"), folder]:
        path.chmod(0o755 if path.is_dir() or path.suffix == ".so" else 0o644)
        os.utime(path, (EPOCH, EPOCH))


def byte_compile(folder: Path) -> None:
    """Ahead of time, and never checked against the source: Lambda's file system is read-only and its times are its own.

    https://docs.python.org/3/reference/import.html#cached-bytecode-invalidation
    """
    mode = PycInvalidationMode.UNCHECKED_HASH
    if not compileall.compile_dir(
        folder, quiet=1, invalidation_mode=mode, stripdir=str(folder), prependdir="/var/task"
    ):
        sys.exit("a module does not compile (see above)")


if __name__ == "__main__":
    finish(Path(sys.argv[1]))
