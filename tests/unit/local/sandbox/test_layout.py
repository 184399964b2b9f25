"""The sandbox's ladder of imports, as its docstring draws it."""

import pytest

import local.sandbox
from tests.kit.ladders import modules, rungs, upward


def test_the_ladder_names_every_module() -> None:
    assert rungs(local.sandbox).keys() == modules(local.sandbox).keys()


@pytest.mark.parametrize("module", modules(local.sandbox))
def test_imports_go_down_the_ladder(module: str) -> None:
    assert upward(local.sandbox, module) == set()
