"""Python environments of their own, for packages whose dependencies are not those of the checkout."""

import fcntl
import subprocess
import sys
from pathlib import Path

from infra.sam import ROOT


def python_for(lock: Path, name: str) -> Path:
    """The interpreter of an environment with the packages of this lock file; made on first use."""
    folder = ROOT / ".local/python" / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        mark, wanted = folder / "installed", lock.read_text()
        if not mark.exists() or mark.read_text() != wanted:
            uv = Path(sys.executable).with_name("uv")
            subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True)
            sync: list[str | Path] = [
                uv,
                "pip",
                "sync",
                "--quiet",
                "--python",
                folder / "bin/python",
                "--require-hashes",
                lock,
            ]
            subprocess.run(sync, check=True)
            mark.write_text(wanted)
    return folder / "bin/python"
