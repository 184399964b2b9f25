"""Makes .venv of Python 3.13 and installs what is locked. Runs on any Python from 3.11, with nothing installed.

The old Python only boots: everything else, byte-code included, runs in .venv.
"""

import glob
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
WANTED = (3, 13)  # the runtime in template.yaml: byte-code is made for this very minor version
HELP = (
    "Python 3.13 is needed: install it (`uv python install 3.13`, `pyenv install 3.13` or your system's package), "
    "then run this again."
)


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


def run(*command: str | Path) -> bool:
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def locked(name: str) -> str:
    """The lines of one package in the lock file, hashes included."""
    lines = (ROOT / "requirements-dev.txt").read_text().splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith(f"{name}=="))
    end = next((n for n, line in enumerate(lines[start + 1 :], start + 1) if not line.startswith(" ")), len(lines))
    return "\n".join(lines[start:end])


def install(python: Path) -> bool:
    """Install what is locked: with uv, itself locked, since it takes seconds where pip takes minutes; else with pip."""
    pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    hashed = [*pip, "--require-hashes", "-r"]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(locked("uv") + "\n")
        file.flush()
        has_uv = run(*hashed, file.name)
    uv: list[str | Path] = [VENV / "bin/uv", "pip", "install", "--python", python, "--require-hashes", "-r"]
    if not (has_uv and run(*uv, "requirements-dev.txt")) and not run(*hashed, "requirements-dev.txt"):
        return False
    return run(*pip, "--no-deps", "--no-build-isolation", "--editable", ".")


def main() -> None:
    python = VENV / "bin" / "python"
    if not is_wanted(str(python)):
        found = next(filter(is_wanted, candidates()), None)
        if found is None:
            sys.exit(HELP)
        sys.stdout.write(f"setup: making .venv with {found}\n")
        sys.stdout.flush()
        if not run(found, "-m", "venv", "--clear", VENV):
            sys.exit("setup stopped: .venv could not be made (see above).")
    sys.stdout.write("setup: installing the locked packages (up to two minutes, the first time)\n")
    sys.stdout.flush()
    if not install(python):
        sys.exit("setup stopped: a package could not be installed (see above); run the same command again to go on.")
    (VENV / "ready").touch()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nsetup stopped; run the same command again to go on.")
