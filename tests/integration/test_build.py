"""The deployable artifact, by the real `sam build`: arm64, byte-compiled, the same bytes each time, never local."""

import hashlib
import importlib.util
import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.sam import ROOT

UNCHECKED = 0b01  # PEP 552: hash-based, and not checked against the source
AARCH64 = 183  # e_machine of an ELF file


def build(target: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    sam = Path(sys.executable).with_name("sam")
    target.parent.mkdir(parents=True, exist_ok=True)
    first = {"BUILD_FIRST": f"{target}.first"}  # as infra/sam.py does
    environment = {**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1", **first, **variables}
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        environment.pop(name, None)
    command: list[str | Path] = [sam, "build", "--build-dir", target, "--template", "template.yaml"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("one")
    done = build(folder)
    assert done.returncode == 0, done.stderr
    yield folder / "BrokerFunction"
    shutil.rmtree(folder)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def digest(folder: Path) -> dict[str, tuple[str, int, int]]:
    """The entries of a zip file of the folder: name, content, mode and time."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mode,
            int(path.stat().st_mtime),
        )
        for path in files(folder)
    }


def test_two_builds_are_the_same_bytes(artifact: Path, tmp_path: Path) -> None:
    assert build(tmp_path / "two").returncode == 0
    assert digest(tmp_path / "two/BrokerFunction") == digest(artifact)


def test_all_functions_have_the_same_bytes(artifact: Path) -> None:
    others = {folder.name: digest(folder) for folder in artifact.parent.iterdir() if folder.is_dir()}
    assert len(others) == 5
    assert all(each == digest(artifact) for each in others.values())


def test_every_module_is_compiled_for_this_runtime_and_never_checked(artifact: Path) -> None:
    for source in artifact.rglob("*.py"):
        byte_code = Path(importlib.util.cache_from_source(str(source)))
        head = byte_code.read_bytes()[:8]
        assert head[:4] == importlib.util.MAGIC_NUMBER, source
        assert struct.unpack("<I", head[4:])[0] == UNCHECKED, source
    assert sys.version_info[:2] == (3, 13)


def test_native_code_is_arm64(artifact: Path) -> None:
    libraries = list(artifact.rglob("*.so"))
    assert libraries
    for library in libraries:
        head = library.read_bytes()[:20]
        assert head[:4] == b"\x7fELF"
        assert struct.unpack("<H", head[18:20])[0] == AARCH64


def test_the_artifact_has_the_compiled_policy_of_the_root_without_a_local_mark(artifact: Path) -> None:
    policy = json.loads((artifact / "policy.json").read_text())
    assert (policy["local"], policy["upstream"], policy["aws_endpoint"]) == (
        False,
        "https://api2.transloadit.com",
        None,
    )


def test_the_artifact_has_what_the_function_needs_and_nothing_that_only_people_use(artifact: Path) -> None:
    names = {path.name for path in artifact.iterdir()}
    assert {"broker", "policy.json", "cryptography", "boto3", "urllib3", "aws_lambda_powertools"} <= names
    assert not names & {"yaml", "pydantic", "token_broker", "local", "tests", "moto", "bin"}
    assert not list(artifact.rglob("*.pyi"))
    assert not [path for path in files(artifact) if path.suffix in (".pem", ".key", ".env")]


def test_the_artifact_is_small(artifact: Path) -> None:
    assert sum(path.stat().st_size for path in files(artifact)) < 30_000_000


def test_deployed_packages_are_locked_with_hashes() -> None:
    text = (ROOT / "requirements.txt").read_text()
    packages = [line for line in text.splitlines() if "==" in line]
    assert packages
    assert text.count("--hash=sha256:") > len(packages)


def copy_of_the_build(tmp_path: Path) -> Path:
    """The checkout's build files, to break."""
    for name in ("functions", "infra", "cli"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("template.yaml", "policy.yaml", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    return tmp_path


def make(root: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """The step that SAM runs, from its scratch copy of the sources."""
    scratch = root / "scratch"
    shutil.copytree(root / "functions", scratch)
    target.mkdir()
    command: list[str | Path] = [
        "make",
        "--makefile",
        root / "functions/Makefile",
        f"ARTIFACTS_DIR={target}",
        "build-BrokerFunction",
    ]
    return subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)


def test_a_wrong_policy_is_not_built_and_its_place_is_reported(tmp_path: Path) -> None:
    root = copy_of_the_build(tmp_path / "root")
    policy = (root / "policy.yaml").read_text()
    (root / "policy.yaml").write_text(policy.replace("scopes: [assemblies:write]", "scopes: [assemblies:wrote]", 1))
    done = make(root, tmp_path / "artifact")
    assert done.returncode != 0
    assert "policy.yaml:40:14: error: `scopes`: no scope of Transloadit `assemblies:wrote`" in done.stdout + done.stderr


def test_a_failing_test_of_the_policy_is_not_built(tmp_path: Path) -> None:
    root = copy_of_the_build(tmp_path / "root")
    policy = (root / "policy.yaml").read_text()
    (root / "policy.yaml").write_text(policy.replace("expect: refused", "expect: {scopes: [assemblies:write]}"))
    done = make(root, tmp_path / "artifact")
    assert done.returncode != 0
    assert "an unverified address gets nothing" in done.stdout + done.stderr


def test_an_artifact_with_the_local_mark_is_refused(tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text(json.dumps({"local": True}))
    done = subprocess.run(
        [sys.executable, ROOT / "infra/finish.py", tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "policy.json is compiled for the local stack: it must not be deployed\n"
