"""Tables and colours on a terminal, plain lines for programs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.terminals import answer_questions
from tests.kit.token_server import TokenServer, token

COMMAND = Path(sys.executable).with_name("token-broker")
ESCAPE = "\x1b["
POLICY = """version: 1
credentials: {default: {}}
issuers:
  site: {issuer: https://login.example.com/, audiences: [a], algorithms: [RS256], keys: discovery}
rules:
  - {name: all, issuer: site, when: {sub: {exists: true}}, scopes: [assembly:read]}
"""


def on_a_terminal(folder: Path, *words: str) -> str:
    variables = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    return answer_questions([COMMAND, *words], [], folder=folder, variables=variables)[1]


def piped(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *words], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text(POLICY)
    return tmp_path


def test_problems_of_a_policy_are_a_table_on_a_terminal_and_lines_elsewhere(folder: Path) -> None:
    shown, lines = on_a_terminal(folder, "policy", "check"), piped(folder, "policy", "check").stderr
    assert ESCAPE in shown
    assert "┃" in shown
    assert "assembly:read" in shown
    assert "policy.yaml:6:" in lines
    assert ": error: " in lines
    assert ESCAPE not in lines
    assert "┃" not in lines


def test_an_answer_is_coloured_on_a_terminal_and_json_elsewhere(broker: TokenServer, tmp_path: Path) -> None:
    broker.then(token())
    assert ESCAPE in on_a_terminal(tmp_path, "exchange")
    out = piped(tmp_path, "exchange").stdout
    assert ESCAPE not in out
    assert '"access_token": "bearer-1"' in out


def test_a_message_is_one_line_on_a_terminal_too(broker: TokenServer, tmp_path: Path) -> None:
    shown = on_a_terminal(tmp_path, "exchange", "--scope", "[bold]assembly:read[/bold]")
    assert ESCAPE in shown
    # Square brackets are no mark-up of ours.
    assert "`[bold]assembly:read[/bold]`" in shown
    assert shown.count("\n") == 1
