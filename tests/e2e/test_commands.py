"""`token-broker jwt` and `exchange` against a running stack, and the lines of the docs that call it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.sam import ROOT
from tests.kit.jwts import Signer
from tests.kit.stacks import Client

COMMAND = Path(sys.executable).with_name("token-broker")


def run(client: Client, *arguments: str, text: str | None = None) -> tuple[int, str, str]:
    stack = Path(client.stack["log_dir"]).parent / "stack.json"
    command: list[str | Path] = [COMMAND, *arguments, "--stack", stack]
    done = subprocess.run(command, capture_output=True, text=True, check=False, input=text)
    return done.returncode, done.stdout, done.stderr


def test_an_exchange_alone_gets_a_token_of_alice_one_of_the_editors(client: Client) -> None:
    status, out, err = run(client, "exchange")
    assert (status, err) == (0, "")
    assert json.loads(out)["scope"] == "assemblies:read assemblies:write"


def test_claims_that_are_given_win_over_those_that_a_person_has(client: Client) -> None:
    status, out, _ = run(client, "exchange", "--claim", 'groups=["admins"]')
    assert (status, json.loads(out)["scope"].count(":") > 2) == (0, True)
    assert run(client, "exchange", "--claim", "groups=[]")[0] == 1


def test_an_exchange_prints_the_answer(client: Client) -> None:
    status, out, err = run(client, "exchange", "--claim", 'groups=["editors"]', "--scope", "assemblies:read")
    assert (status, err) == (0, "")
    assert json.loads(out)["scope"] == "assemblies:read"


def test_a_refusal_goes_to_stderr_with_status_1(client: Client) -> None:
    status, out, err = run(client, "exchange", "--subject", "mallory")
    assert (status, out) == (1, "")
    assert json.loads(err)["error"] == "access_denied"


def test_a_jwt_from_elsewhere_is_taken_from_a_file_or_stdin_and_never_from_an_argument(
    client: Client, tmp_path: Path
) -> None:
    file = tmp_path / "jwt"
    file.write_text(client.jwt() + "\n")
    assert run(client, "exchange", "--jwt", str(file))[0] == 0
    assert run(client, "exchange", "--jwt", "-", text=client.jwt())[0] == 0
    forged = Signer("RS256", name="forger").jwt({"iss": client.stack["issuer_url"], "sub": "x"})
    status, _, err = run(client, "exchange", "--jwt", "-", text=forged)
    assert (status, json.loads(err)["error"]) == (1, "invalid_token")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["exchange", "--url", "http://127.0.0.1:9"], "it takes no connection"),
        (["exchange", "--jwt", "no/such/file"], "no file no/such/file; --jwt names a file with a caller JWT"),
        (["exchange", "--claim", "groups"], "write NAME=JSON"),
        (["jwt", "--claim", "=5"], "write NAME=JSON"),
        (
            ["jwt", "--claim", "groups=editors"],
            """groups='"editors"' for a text, groups='["editors"]' for a list""",
        ),
        (["exchange", "--scope", "assembly:read"], "did you mean `assemblies:read`?"),
    ],
)
def test_a_command_that_cannot_run_prints_one_line_with_status_2(
    client: Client, arguments: list[str], message: str
) -> None:
    status, out, err = run(client, *arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_the_jwt_command_takes_claims_audience_and_expiry(client: Client) -> None:
    status, out, _ = run(client, "jwt", "--subject", "bob", "--claim", 'team="blue"', "--expires", "-400")
    assert status == 0
    answer = client.post(out.strip())
    assert answer.status == 401
    assert "expired" in client.record_of(answer)["reason"]
    _, out, _ = run(client, "jwt", "--audience", "elsewhere")
    answer = client.post(out.strip())
    assert (answer.status, client.record_of(answer)["reason"]) == (401, "audience")


def test_the_lines_of_aws_callers_md_work_on_the_stack_as_they_stand(client: Client, tmp_path: Path) -> None:
    answers = re.findall(r'"scope": ?"([^"]*)"', run_lines("docs/aws-callers.md", client, tmp_path))
    assert answers == ["assemblies:read queues:read", "assemblies:write"]


def test_the_lines_of_pipelines_md_make_one_assembly_of_two_equal_events(client: Client, tmp_path: Path) -> None:
    answers = re.findall(r'"assembly_id": ?"([0-9a-f]{32})"', run_lines("docs/pipelines.md", client, tmp_path))
    assert len(answers) == 2
    assert len(set(answers)) == 1


def run_lines(page: str, client: Client, folder: Path) -> str:
    """What the page's lines for the running stack write."""
    (folder / ".local").symlink_to(client.folder)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    lines = re.findall(r"^```sh\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    done = subprocess.run(["sh", "-ec", "".join(lines)], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout
