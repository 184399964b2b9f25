"""docs/sandbox.md on what differs from the live API: each row names a test that there is, or its reason."""

import re
from functools import cache

import pytest

from infra.sam import ROOT

SECTION = "## What differs from the live API"


def rows() -> list[list[str]]:
    """The cells of each row of each table in the section, without the heads."""
    section = (ROOT / "docs/sandbox.md").read_text().partition(SECTION)[2].partition("\n## ")[0]
    tables = re.findall(r"^\|[-|]+\|\n((?:\|.*\n?)+)", section, re.MULTILINE)
    return [[cell.strip() for cell in line[1:-1].split("|")] for table in tables for line in table.splitlines()]


@cache
def every_test() -> set[str]:
    files = (file for file in (ROOT / "tests").rglob("test_*.py") if "node_modules" not in file.parts)
    return {
        name for file in files for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE)
    }


@pytest.mark.parametrize("row", rows(), ids=lambda row: str(row[0]))
def test_a_difference_has_a_test_or_a_reason(row: list[str]) -> None:
    named = re.findall(r"`(test_\w+)`", row[-1])
    assert set(named) <= every_test()
    assert named or re.fullmatch(r"reason: \S+( \S+){3,}", row[-1])


def test_no_table_of_the_section_is_overlooked() -> None:
    section = (ROOT / "docs/sandbox.md").read_text().partition(SECTION)[2]
    heads = [line for line in section.splitlines() if line.endswith("| test, or reason |")]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    assert len(heads) == 3
    assert len(rows()) == len(lines) - 2 * len(heads)
