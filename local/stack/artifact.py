"""The artifact that the stack runs: the real `sam build` makes it for this machine; a copy gets the local policy."""

import fcntl
import hashlib
import platform
import shutil
from pathlib import Path

from infra import sam
from infra.sam import ROOT
from local.command import say

_INPUTS = ("template.yaml", "requirements.txt", "policy.yaml", "functions", "infra", "cli")
_MACHINES = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def built(cache: Path) -> Path:
    """The folder with the artifact for this machine. Builds it if an input has changed. Raises BuildFailed."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "build.lock").open("w") as lock:
        # Test processes start stacks at the same time, and share this folder.
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = _hash_inputs()
        mark = cache / "build" / "inputs"
        if not mark.exists() or mark.read_text() != wanted:
            say("building the artifact with sam build")
            sam.build(cache / "build", ARCHITECTURE=_MACHINES[platform.machine()])
            mark.write_text(wanted)
    return cache / "build" / "BrokerFunction"


def lay_over(artifact: Path, policy: bytes, target: Path) -> None:
    """Make `target` a copy of the artifact with this compiled policy."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(artifact, target)
    (target / "policy.json").write_bytes(policy)


def _hash_inputs() -> str:
    found = hashlib.sha256(platform.machine().encode())
    for name in _INPUTS:
        path = ROOT / name
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file() and file.suffix != ".pyc":
                found.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return found.hexdigest()
