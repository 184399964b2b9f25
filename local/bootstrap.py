"""Makes .venv of Python 3.13 and installs what is locked. Runs on any Python from 3.11, with nothing installed.

The old Python only boots: everything else, byte-code included, runs in .venv.
"""

import glob
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
WANTED = (3, 13)  # the runtime in template.yaml: byte-code is made for this very minor version
HELP = "Python 3.13 is needed: install it (`uv python install 3.13`, `pyenv install 3.13` or your system's package), then run this again."


def is_wanted(python: str) -> bool:
    """Whether this interpreter runs, is 3.13 and can make a virtual environment."""
    probe = "import sys, venv, ensurepip; print(*sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", probe], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.stdout.split() == [str(part) for part in WANTED]


def candidates() -> list[str]:
    """Where a Python 3.13 may be, best first: this one, pyenv's, the system's, uv's."""
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT", home / ".pyenv"))
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", home / ".local/share/uv/python"))
    on_path = shutil.which("python3.13")
    return [
        sys.executable,
        *sorted(glob.glob(f"{pyenv}/versions/3.13*/bin/python")),
        *([on_path] if on_path else []),
        *sorted(glob.glob(f"{uv}/cpython-3.13*/bin/python3.13")),
    ]


def run(*command: str | Path) -> None:
    done = subprocess.run(command, cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(f"setup stopped: `{' '.join(str(word) for word in command)}` failed (see above); run the same command again.")


def main() -> None:
    python = VENV / "bin" / "python"
    if not is_wanted(str(python)):
        found = next(filter(is_wanted, candidates()), None)
        if found is None:
            sys.exit(HELP)
        sys.stdout.write(f"setup: making .venv with {found}\n")
        run(found, "-m", "venv", "--clear", VENV)
    sys.stdout.write("setup: installing the locked packages (a minute or two, the first time)\n")
    sys.stdout.flush()
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", "requirements-dev.txt")
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "-e", ".")
    (VENV / "ready").touch()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nsetup stopped; run the same command again to go on.")
