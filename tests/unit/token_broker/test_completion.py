"""`token-broker completion`: a shell completes the commands and their options."""

import subprocess
import sys
from pathlib import Path

import pytest
from token_broker.completion import SHELLS
from token_broker.main import parser


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    arguments = parser().parse_args(["completion", shell])
    assert arguments.run(arguments) == 0
    return capsys.readouterr().out


MARKS = {"bash": "complete -o", "zsh": "#compdef token-broker", "tcsh": "complete token-broker"}


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_s_script_knows_commands_and_options(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = script(shell, capsys)
    assert MARKS[shell] in text
    for word in ("exec", "headers", "exchange", "explain", "credential"):
        assert word in text


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        (["token-broker", "exch"], ["exchange"]),
        (["token-broker", "headers", "--sh"], ["--show"]),
        (["token-broker", "policy", "expl"], ["explain"]),
        (["token-broker", "exec", "--aud", "m"], ["mcp"]),
    ],
)
def test_bash_completes_by_the_script(
    typed: list[str], completed: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "script").write_text(script("bash", capsys))
    words = " ".join(f"'{word}'" for word in typed)
    typing = f"COMP_WORDS=({words}); COMP_CWORD={len(typed) - 1}"
    ask = f"source ./script; {typing}; _shtab_token_broker; echo ${{COMPREPLY[@]}}"
    done = subprocess.run(["bash", "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.split() == completed, done.stderr


def test_no_other_command_loads_what_writes_the_script_or_colours() -> None:
    probe = "import sys, token_broker.main; print({'shtab', 'rich', 'botocore'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
