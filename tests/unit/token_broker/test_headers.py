"""`token-broker headers`: one line of JSON for programs, and nothing on a terminal."""

import json
import os
import sys
from pathlib import Path

import pytest
from token_broker.main import parser

from tests.kit.terminals import answer_questions
from tests.kit.token_server import TokenServer, token

COMMAND = Path(sys.executable).with_name("token-broker")


def headers(*words: str) -> int:
    arguments = parser().parse_args(["headers", *words])
    return int(arguments.run(arguments))


def test_the_header_is_printed_as_json_and_nothing_else(
    broker: TokenServer, capsys: pytest.CaptureFixture[str]
) -> None:
    broker.then(token())
    assert headers("--aud", "mcp") == 0
    said = capsys.readouterr()
    assert (said.out.count("\n"), said.err) == (1, "")
    assert json.loads(said.out) == {"Authorization": "Bearer bearer-1"}
    assert broker.calls[0].fields["aud"] == "mcp"


def test_a_terminal_is_shown_no_token_unless_it_is_asked_for(broker: TokenServer, tmp_path: Path) -> None:
    broker.then(token())
    status, shown = answer_questions([COMMAND, "headers"], [], folder=tmp_path, variables=os.environ)
    assert (status, broker.calls) == (2, [])
    assert "add --show" in shown
    status, shown = answer_questions([COMMAND, "headers", "--show"], [], folder=tmp_path, variables=os.environ)
    assert (status, "Bearer bearer-1" in shown) == (0, True)


def test_a_wait_for_a_busy_broker_is_told(broker: TokenServer, capsys: pytest.CaptureFixture[str]) -> None:
    broker.then({"error": "temporarily_unavailable", "retry_after": 0.01}, 503).then(token())
    assert headers() == 0
    said = capsys.readouterr()
    assert "the broker is busy; asking again in 0 seconds" in said.err
    assert json.loads(said.out) == {"Authorization": "Bearer bearer-1"}


def test_a_refusal_prints_nothing_where_the_header_would_be(
    broker: TokenServer, capsys: pytest.CaptureFixture[str]
) -> None:
    broker.then({"error": "invalid_target", "request_id": "r1"}, 400)
    assert headers("--aud", "mcp") == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "leave out `aud` and `credential`" in said.err
