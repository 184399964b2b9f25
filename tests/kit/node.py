"""Node for the clients that are written in it: the machine's, else PyPI's; with a folder's locked packages in place."""

import fcntl
import json
import subprocess
import sys
import threading
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Self

from infra.sam import ROOT
from local.node import NodeTools, find_node

Node = list[str | Path]
CACHE = ROOT / ".local/node"
_LOCKED = Path(__file__).with_name("requirements-node.txt")


def node_for(folder: Path) -> Node:
    """How to run Node, after the packages of the lock file in `folder` are installed."""
    node_tools().install_locked(folder)
    return [node_tools().node]


@cache
def node_tools() -> NodeTools:
    """The machine's Node, else PyPI's."""
    return find_node(CACHE) or _fetch_node()


def _fetch_node() -> NodeTools:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "fetch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        uv, wheel = Path(sys.executable).with_name("uv"), CACHE / "wheel"
        install: Node = [uv, "pip", "install", "--quiet", "--target", wheel, "--require-hashes", "-r", _LOCKED]
        subprocess.run(install, check=True)
    found = find_node(CACHE)
    assert found is not None
    return found


class Script:
    """A Node script that answers each line of JSON with another."""

    def __init__(self, node: Node, script: Path, *arguments: str) -> None:
        pipe = subprocess.PIPE
        self._name = script.name
        self._process = subprocess.Popen([*node, script, *arguments], stdin=pipe, stdout=pipe, text=True)

    def ask(self, **question: Any) -> Any:
        return self.ask_all([question])[0]

    def ask_all(self, questions: Iterable[dict[str, Any]]) -> list[Any]:
        """The answers in that order. The script answers one question while the next ones are written."""
        lines = [json.dumps(question) + "\n" for question in questions]
        # A thread of its own: both pipes would be full, and either end would wait for the other.
        writing = threading.Thread(target=self._write, args=(lines,))
        writing.start()
        answers = [self._read() for _ in lines]
        writing.join()
        return answers

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"{self._name} ended with {self._process.wait()}"
        return json.loads(line)

    def _write(self, lines: list[str]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.writelines(lines)
        self._process.stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Its input ends, and so it does."""
        self._process.communicate(timeout=60)
