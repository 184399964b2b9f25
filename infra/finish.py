"""The last step of the build: prunes and byte-compiles the artifact, and makes it the same bytes each time.

    python infra/finish.py FOLDER

Only equal bytes let a second build show that an artifact came from this source. Times and modes would differ from one
build to the next, so they are set to constants.
"""

import compileall
import json
import os
import sys
from pathlib import Path
from py_compile import PycInvalidationMode

from infra.prune import prune

RUNTIME = (3, 13)  # as in template.yaml: Python ignores the byte-code of another minor version and compiles at start
EPOCH = 315_532_800  # 1980-01-01, the earliest time that a zip file can hold


def finish(folder: Path) -> None:
    """Finish the artifact in `folder`. Raises SystemExit with one line if it must not be deployed."""
    if sys.version_info[:2] != RUNTIME:
        sys.exit(f"the build needs Python {RUNTIME[0]}.{RUNTIME[1]}: run 'make setup' again")
    if json.loads((folder / "policy.json").read_bytes())["local"] is not False:
        sys.exit("policy.json is compiled for the local stack: it must not be deployed")
    prune(folder)
    byte_compile(folder)
    # Modes come from the builder's umask and times from its clock. Both are in the zip file, and would change its hash.
    for path in [*folder.rglob("*"), folder]:
        path.chmod(0o755 if path.is_dir() or path.suffix == ".so" else 0o644)
        os.utime(path, (EPOCH, EPOCH))


def byte_compile(folder: Path) -> None:
    """Compile all modules. Python must not compare the byte-code with its source at start.

    By default it compares times, and Lambda unpacks files with times of its own: it would compile everything at each
    start, and could not store the result on the read-only file system.
    https://docs.python.org/3/reference/import.html#cached-bytecode-invalidation
    """
    # `stripdir` and `prependdir`: the byte-code contains the path of its source, and each checkout has another one.
    mode = PycInvalidationMode.UNCHECKED_HASH
    if not compileall.compile_dir(
        folder, quiet=1, invalidation_mode=mode, stripdir=str(folder), prependdir="/var/task"
    ):
        sys.exit("a module does not compile (see above)")


if __name__ == "__main__":
    finish(Path(sys.argv[1]))
