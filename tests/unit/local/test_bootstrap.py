"""`make setup` before anything is installed: which Python it takes, what it locks, and what it says."""

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from local import bootstrap


def interpreter(folder: Path, says: str) -> str:
    """A program that answers the probe so."""
    file = folder / "python3.13"
    file.write_text(f"#!/bin/sh\n{says}\n")
    file.chmod(0o755)
    return str(file)


def test_this_very_python_is_good() -> None:
    assert bootstrap.is_wanted(sys.executable)


@pytest.mark.parametrize("says", ["echo 3 12", "echo 3 14", "exit 1", "echo no module named venv >&2; exit 1"])
def test_another_version_and_one_without_venv_are_not(tmp_path: Path, says: str) -> None:
    assert not bootstrap.is_wanted(interpreter(tmp_path, says))


def test_an_interpreter_that_is_not_there_is_not_wanted() -> None:
    assert not bootstrap.is_wanted("/no/such/python")


def test_setup_looks_for_python_on_the_path_at_pyenv_s_and_at_uv_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = ["versions/3.13.5/bin/python", "uv/cpython-3.13.9-linux/bin/python3.13", "bin/python3.13"]
    for place in places:
        (tmp_path / place).parent.mkdir(parents=True)
        interpreter((tmp_path / place).parent, "echo 3 13")
        if not (tmp_path / place).exists():
            ((tmp_path / place).parent / "python3.13").rename(tmp_path / place)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    found = bootstrap.candidates()
    assert found[0] == sys.executable
    assert set(found[1:]) == {str(tmp_path / place) for place in places}


def test_an_environment_whose_making_was_interrupted_is_not_gone_on_with(tmp_path: Path) -> None:
    """Python is there first, and pip a second later: every later setup failed for want of it."""
    venv.create(tmp_path / "venv", symlinks=True)
    python = str(tmp_path / "venv/bin/python")
    assert bootstrap.is_wanted(python)
    assert not bootstrap.is_made(python)
    assert bootstrap.is_made(sys.executable)


def test_setup_without_python_3_13_says_in_one_line_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "candidates", list)
    monkeypatch.setattr(bootstrap, "fetch_python", lambda: None)
    with pytest.raises(SystemExit) as ended:
        bootstrap.make_venv()
    told = str(ended.value.code)
    assert "Python 3.13 is needed" in told
    assert "\n" not in told
    assert capsys.readouterr().out == ""


def test_a_python_that_uv_fetched_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The machine has none at first."""
    found: list[str] = []
    monkeypatch.setattr(bootstrap, "candidates", lambda: found)
    monkeypatch.setattr(bootstrap, "fetch_python", lambda: found.append(sys.executable))
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / "venv")
    bootstrap.make_venv()
    assert bootstrap.is_wanted(str(tmp_path / "venv/bin/python"))
    assert capsys.readouterr().out == f"setup: making .venv with {sys.executable}\n"


def test_uv_itself_is_locked_by_its_hashes_and_nothing_else_with_it() -> None:
    lines = bootstrap.locked("uv").splitlines()
    assert re.match(r"uv==\d", lines[0])
    assert len(lines) > 10
    assert all(line.startswith("    --hash=sha256:") for line in lines[1:] if "#" not in line)


def test_setup_prints_the_number_of_packages() -> None:
    names = [line.partition("==")[0].partition("[")[0] for line in bootstrap.packages()]
    assert {"uv", "cryptography", "moto", "aws-sam-cli"} <= set(names)
    assert max(names.count(name) for name in names) == 2  # once for each of the two environments
    assert len(names) > 100


def versions(lock: str, name: str) -> list[str]:
    return re.findall(rf"^{name}==(\S+)", (bootstrap.ROOT / lock).read_text(), re.MULTILINE)


def test_the_sam_cli_does_not_choose_the_functions_boto3() -> None:
    for lock in ("requirements.txt", "requirements-dev.txt"):
        assert not versions(lock, "aws-sam-cli")
    assert versions("requirements.txt", "boto3") == versions("requirements-dev.txt", "boto3")


def test_what_the_lock_no_longer_names_is_removed(tmp_path: Path) -> None:
    """Stubs that an older lock brought made mypy fail in every checkout from before."""
    venv.create(tmp_path / "venv", symlinks=True)
    (packages,) = (tmp_path / "venv").glob("lib/*/site-packages")
    for name in ("kept", "stale"):
        folder = packages / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (folder / "RECORD").write_text(f"{name}-1.0.dist-info/METADATA,,\n{name}-1.0.dist-info/RECORD,,\n")
    lock = tmp_path / "lock.txt"
    lock.write_text(f"kept==1.0 --hash=sha256:{'0' * 64}\n")
    assert bootstrap.install_lock(tmp_path / "venv", lock, has_uv=True)
    assert [folder.name for folder in packages.glob("*.dist-info")] == ["kept-1.0.dist-info"]


def test_people_find_sam_beside_the_other_commands() -> None:
    assert Path(sys.executable).with_name("sam").resolve() == bootstrap.SAM_VENV / "bin/sam"


def test_the_words_of_a_tool_that_fails_are_shown(capfd: pytest.CaptureFixture[str]) -> None:
    assert not bootstrap.run(sys.executable, "-c", "import sys; sys.exit('no such package')")
    assert capfd.readouterr().err == "no such package\n"


def test_setup_needs_nothing_that_is_installed() -> None:
    """It runs before everything else."""
    command = [sys.executable, "-I", "-S", "-c", "import runpy; runpy.run_path('local/bootstrap.py', run_name='boot')"]
    subprocess.run(command, cwd=bootstrap.ROOT, env={"PATH": os.environ["PATH"]}, check=True)
