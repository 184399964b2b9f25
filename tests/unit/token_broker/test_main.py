"""The command line: every option explains itself, and a slip of the pen is reported."""

import argparse
import importlib.metadata
import subprocess
import sys
from collections.abc import Iterator

import broker
import pytest
import token_broker_client
from token_broker.main import Parser, parser


def parts(of: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield of
    for action in of._actions:
        if isinstance(action, argparse._SubParsersAction):
            for part in action.choices.values():
                yield from parts(part)


PARTS = {part.prog: part for part in parts(parser())}


@pytest.mark.parametrize("name", PARTS)
def test_every_option_and_every_command_has_a_help_text(name: str) -> None:
    for action in PARTS[name]._actions:
        if isinstance(action, argparse._SubParsersAction):
            assert [choice.help for choice in action._choices_actions if not choice.help] == []
            assert len(action._choices_actions) == len(action.choices)
        else:
            assert action.help, action.dest
            assert action.help != argparse.SUPPRESS


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        (["polcy", "check"], "policy"),
        (["policy", "chek"], "check"),
        (["policy", "explain", "--jwt", "-", "--isuer", "x"], "--issuer"),
        (["policy", "explain", "--jwt", "-", "--aud", "api"], "api2"),
        (["policy", "check", "--format", "jsno"], "json"),
        (["exchange", "--scpoe", "x"], "--scope"),
    ],
)
def test_a_mistyped_word_is_refused_with_the_nearest_one(
    typed: list[str], near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(typed)
    assert ended.value.code == 2
    assert capsys.readouterr().err.rstrip().endswith(f"; did you mean {near}?")


def test_a_word_that_is_near_none_is_refused_without_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["zzzzzz"])
    assert "did you mean" not in capsys.readouterr().err


def test_every_part_of_the_command_suggests_the_nearest_word() -> None:
    assert {type(part) for part in PARTS.values()} == {Parser}


def test_the_command_is_installed_with_the_client_of_its_own_version() -> None:
    assert token_broker_client.__version__ == broker.__version__
    needed = importlib.metadata.requires("transloadit-token-broker") or []
    assert f"transloadit-token-broker-client=={broker.__version__}" in needed


def test_a_command_that_asks_no_aws_account_does_not_wait_for_boto3() -> None:
    probe = "import sys, token_broker.main; sys.exit('boto3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0
