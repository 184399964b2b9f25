"""docs/openapi.yaml: the two linters that its readers are most likely to run find nothing."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from infra.sam import ROOT
from tests.kit.node import Node, node_for

HERE = Path(__file__).parent
DOCUMENT = ROOT / "docs/openapi.yaml"
REDOCLY = HERE / "node_modules/@redocly/cli/bin/cli.js"
SPECTRAL = HERE / "node_modules/@stoplight/spectral-cli/dist/index.js"


@pytest.fixture(scope="module")
def node() -> Node:
    return node_for(HERE)


def redocly(node: Node, document: Path) -> dict[str, int]:
    """How many errors and warnings it has."""
    done = run([*node, REDOCLY, "lint", "--config", HERE / "redocly.yaml", "--format", "json", document])
    totals = json.loads(done.stdout)["totals"]
    return {level: totals[level] for level in ("errors", "warnings")}


def spectral(node: Node, document: Path) -> list[str]:
    """The codes of all that it has to say."""
    done = run([*node, SPECTRAL, "lint", "--ruleset", HERE / "spectral.yaml", "--format", "json", "--quiet", document])
    return [each["code"] for each in json.loads(done.stdout)]


def run(command: list[str | Path]) -> subprocess.CompletedProcess[str]:
    quiet = {"REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "REDOCLY_TELEMETRY": "off", "NO_COLOR": "1"}
    return subprocess.run(command, env=os.environ | quiet, capture_output=True, text=True, check=False, timeout=100)


def changed(folder: Path, text: str, to: str) -> Path:
    whole = DOCUMENT.read_text()
    assert text in whole
    (folder / "openapi.yaml").write_text(whole.replace(text, to))
    return folder / "openapi.yaml"


@pytest.mark.timeout(300)  # the packages may have to be installed first
def test_redocly_finds_nothing_and_would_find_a_description_that_a_comma_cuts(node: Node, tmp_path: Path) -> None:
    assert redocly(node, DOCUMENT) == {"errors": 0, "warnings": 0}
    cut = changed(tmp_path, '"Seconds, as in Retry-After"', "Seconds, as in Retry-After")
    assert redocly(node, cut)["errors"] == 1


@pytest.mark.timeout(300)
def test_spectral_finds_nothing_and_would_find_an_array_of_nothing(node: Node, tmp_path: Path) -> None:
    assert spectral(node, DOCUMENT) == []
    without = changed(tmp_path, "{type: array, items: {type: string}, maxItems: 0}", "{type: array, maxItems: 0}")
    assert spectral(node, without) == ["array-items"]
