"""What `exec`, `headers` and `exchange` say of what is asked wrongly: cause and next step, in one line."""

import pytest
from token_broker.main import parser

from tests.kit.token_server import TokenServer


def ask(*words: str) -> int:
    arguments = parser().parse_args([*words])
    return int(arguments.run(arguments))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--scope", "assembly:read"], "no scope of Transloadit `assembly:read`; did you mean `assemblies:read`?"),
        (["--url", "http://tokens.example.com"], "--url must begin with https://"),
        (["--url", "https://tokens.example.com/token"], "--url is the origin of the broker alone"),
        (["--url", "http://127.0.0.1:9"], "takes no connection; check the URL"),
    ],
)
@pytest.mark.parametrize("command", ["headers", "exchange"])
def test_what_cannot_be_asked_is_told_in_one_line_with_status_2(
    broker: TokenServer, capsys: pytest.CaptureFixture[str], command: str, words: list[str], message: str
) -> None:
    assert ask(command, *words) == 2
    said = capsys.readouterr()
    assert (said.out, len(said.err.splitlines())) == ("", 1)
    assert said.err.startswith("token-broker: ")
    assert message in said.err
    assert broker.calls == []


def test_exec_tells_it_too_with_the_status_that_says_that_nothing_was_run(
    broker: TokenServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask("exec", "--scope", "assembly:read", "--", "true") == 125
    assert "did you mean `assemblies:read`?" in capsys.readouterr().err


def test_without_a_broker_the_variable_is_named(
    environ: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask("headers") == 2
    assert "no broker: set TRANSLOADIT_BROKER_URL" in capsys.readouterr().err
