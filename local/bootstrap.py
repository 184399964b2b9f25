"""Makes .venv of Python 3.13, with .venv/sam for the SAM CLI, and installs what is locked.

Runs on any Python from 3.11, with nothing installed. The old Python only boots: everything else, byte-code
included, runs in .venv.
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
LOCK = ROOT / "requirements-dev.txt"
SAM_VENV = VENV / "sam"
SAM_LOCK = ROOT / "requirements-sam.txt"
INSTALL = ("install", "--quiet", "--disable-pip-version-check")
EDITABLE = ("--editable", "clients/python", "--editable", ".")
WANTED = (3, 13)  # the runtime in template.yaml: byte-code is made for this very minor version
HELP = (
    "setup stopped: Python 3.13 is needed and could not be fetched; install it (`pyenv install 3.13` or your system's "
    "package), then run the same command again."
)


def is_wanted(python: str) -> bool:
    """Whether this interpreter runs, is 3.13 and can make a virtual environment."""
    return _is_3_13_after(python, "import venv, ensurepip")


def is_made(python: str) -> bool:
    """Whether this interpreter of a virtual environment runs, is 3.13 and has pip, which is installed last."""
    return _is_3_13_after(python, "from importlib.metadata import version; version('pip')")


def _is_3_13_after(python: str, statements: str) -> bool:
    probe = f"{statements}; import sys; print(*sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", probe], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.stdout.split() == [str(part) for part in WANTED]


def candidates() -> list[str]:
    """The paths at which a Python 3.13 may be, best first: this one, pyenv's, the system's, uv's."""
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
    """Run a command, whose output the person at the terminal sees. Returns whether it succeeded."""
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def say(line: str) -> None:
    sys.stdout.write(f"setup: {line}\n")
    sys.stdout.flush()


def packages() -> list[str]:
    """The first line of each package in the lock files, such as `uv==0.9.0 \\`."""
    return [line for lock in (LOCK, SAM_LOCK) for line in lock.read_text().splitlines() if line[:1].isalnum()]


def locked(name: str) -> str:
    """The lines of one package in the lock file, hashes included."""
    lines = LOCK.read_text().splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith(f"{name}=="))
    end = next((n for n, line in enumerate(lines[start + 1 :], start + 1) if not line.startswith(" ")), len(lines))
    return "\n".join(lines[start:end])


def install_uv(python: Path) -> bool:
    """Install the locked uv into the environment of this interpreter. Returns whether that succeeded."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(locked("uv") + "\n")
        file.flush()
        return run(python, "-m", "pip", *INSTALL, "--require-hashes", "-r", file.name)


def fetch_python() -> None:
    """Let uv fetch Python 3.13 from python-build-standalone into its own folder. If that fails, uv prints why."""
    say("no Python 3.13 here; uv fetches one")
    with tempfile.TemporaryDirectory() as folder:
        if run(sys.executable, "-m", "venv", folder) and install_uv(Path(folder, "bin/python")):
            run(Path(folder, "bin/uv"), "python", "install", "--no-progress", "3.13")


def make_venv() -> None:
    """Make .venv of Python 3.13. Exits with advice if there is none and none can be fetched."""
    found = next(filter(is_wanted, candidates()), None)
    if found is None:
        fetch_python()
        found = next(filter(is_wanted, candidates()), None)
    if found is None:
        sys.exit(HELP)
    say(f"making .venv with {found}")
    if not run(found, "-m", "venv", "--clear", VENV):
        sys.exit("setup stopped: .venv could not be made (see above).")


def install(python: Path) -> bool:
    """Install what is locked in both environments, and the checkout in the first."""
    has_uv = install_uv(python)
    # Without pip: nothing but this program installs into it.
    is_made = run(python, "-m", "venv", "--clear", "--without-pip", SAM_VENV)
    if not (is_made and all(install_lock(*pair, has_uv) for pair in ((VENV, LOCK), (SAM_VENV, SAM_LOCK)))):
        return False
    link_sam()
    return run(python, "-m", "pip", *INSTALL, "--no-deps", "--no-build-isolation", *EDITABLE)


def install_lock(environment: Path, lock: Path, has_uv: bool) -> bool:
    """Install with the locked uv, which takes seconds where pip takes minutes. If uv fails, install with pip.

    uv also removes what an older lock brought: mypy would check against its stubs.
    """
    python = environment / "bin/python"
    uv: list[str | Path] = [VENV / "bin/uv", "pip", "sync", "--quiet", "--python", python]
    pip: list[str | Path] = [VENV / "bin/python", "-m", "pip", "--python", python, *INSTALL, "-r"]
    return (has_uv and run(*uv, "--require-hashes", lock)) or run(*pip, lock, "--require-hashes")


def link_sam() -> None:
    """Make .venv/bin/sam a link to the SAM CLI, for people and for the build."""
    link = VENV / "bin/sam"
    link.unlink(missing_ok=True)
    link.symlink_to(os.path.relpath(SAM_VENV / "bin/sam", link.parent))


def main() -> None:
    python = VENV / "bin" / "python"
    if not is_made(str(python)):
        make_venv()
    say(f"installing {len(packages())} packages (up to two minutes, the first time)")
    if not install(python):
        sys.exit("setup stopped: a package could not be installed (see above); run the same command again to go on.")
    (VENV / "ready").touch()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nsetup stopped; run the same command again to go on.")
