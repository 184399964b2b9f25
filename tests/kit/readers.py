"""Somebody who copies lines from a page: they run as they stand, with addresses of this machine in them."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.kit.node import node_for
from tests.kit.official import FOLDER


@dataclass(frozen=True)
class Reader:
    """`addresses`: what stands for each address of the page. `bin` in `folder` is first on the path."""

    folder: Path
    addresses: Mapping[str, str]

    def add_program(self, name: str, line: str) -> None:
        """Let the shell find a program of this name, which is one line of shell."""
        path = self.folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)

    def run(
        self, text: str, variables: Mapping[str, str] | None = None, *, python: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run lines of shell, or a program for this Python, without the variables of the tests."""
        text = self.here(text)
        command: list[str | Path] = [python, "-c", text] if python else ["bash", "-eo", "pipefail", "-c", text]
        own = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "TRANSLOADIT_ENDPOINT": self.addresses["https://api2.transloadit.com"],
        }
        environment = own | {name: self.here(value) for name, value in (variables or {}).items()}
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=60
        )

    def here(self, text: str) -> str:
        for address, other in self.addresses.items():
            text = text.replace(address, other)
        return text


def make_reader(folder: Path, broker_url: str, api2_url: str, jwt: str) -> Reader:
    """A reader with Transloadit's command line, our command, and two programs of a login that print this JWT."""
    reader = Reader(folder, {"https://tokens.example.com": broker_url, "https://api2.transloadit.com": api2_url})
    reader.add_program("npx", f'shift; exec {node_for(FOLDER)[0]} {FOLDER}/node_modules/transloadit/dist/cli.js "$@"')
    reader.add_program("token-broker", f'exec {Path(sys.executable).with_name("token-broker")} "$@"')
    for name in ("gcloud", "print-jwt"):
        reader.add_program(name, f"echo {jwt}")
    return reader
