"""The folders of local/ import in one direction, and `down` loads no part of the stack."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import local
from tests.kit.ladders import rungs

FOLDER = Path(local.__path__[0])
ROOMS = rungs(local)
FILES = [file for file in FOLDER.rglob("*.py") if file.stem not in ("__init__", "__main__")]


def room(file: Path) -> str:
    return file.relative_to(FOLDER).parts[0].removesuffix(".py")


def imported_rooms(file: Path) -> set[str]:
    modules = {node.module or "" for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ImportFrom)}
    return {module.split(".")[1] for module in modules if module.startswith("local.")}


def test_the_ladder_of_local_names_every_folder() -> None:
    assert {room(file) for file in FILES} == ROOMS.keys()


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(FOLDER)))
def test_a_folder_of_local_imports_only_folders_below_it(file: Path) -> None:
    assert {name for name in imported_rooms(file) if ROOMS[name] < ROOMS[room(file)]} == set()


def test_down_loads_neither_the_stack_nor_a_package_that_is_slow_to_load() -> None:
    script = "import sys, local.__main__; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    slow = re.compile(r"local\.stack\.(supervisor|up|plan)|aiohttp|boto3|samtranslator|broker\..*")
    assert [name for name in loaded if slow.fullmatch(name)] == []
