"""examples/ci: each line of its scripts, as the runner calls it, in a checkout of a pull request."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from moto.server import ThreadedMotoServer

from infra.sam import ROOT

GITHUB = yaml.safe_load((ROOT / "examples/ci/github.yml").read_text())
GITLAB = yaml.safe_load((ROOT / "examples/ci/gitlab.yml").read_text())
# tests/integration/test_deploy.py runs `make deploy`, and `make setup` is how these tests came to run.
BY_OTHERS = ("make setup", "make deploy ENV=prod")
STEPS = GITHUB["jobs"]["policy"]["steps"]
GITHUB_LINES = "\n".join(step["run"] for step in STEPS if step.get("run", "make setup") not in BY_OTHERS)
GITLAB_LINES = "\n".join(GITLAB["policy"]["script"])

POLICY = """\
version: 1
credentials: {default: {}}
issuers:
  login: {issuer: "https://l.example", audiences: [broker], algorithms: [ES256], keys: discovery}
rules:
  - {name: editors, issuer: login, when: {group: editors}, scopes: [queues:read]}
tests:
  - {name: an editor, issuer: login, claims: {sub: u1, group: editors}, expect: {scopes: [queues:read]}}
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clone of depth one, whose pull request makes the rule of policy.yaml, and its test, wider than on main."""
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    git(tmp_path, "init", "-q", "-b", "main", "origin")
    (origin / "policy.yaml").write_text(POLICY)
    git(origin, "add", ".")
    git(origin, "commit", "-q", "-m", "as it was")
    git(origin, "checkout", "-q", "-b", "wider")
    (origin / "policy.yaml").write_text(POLICY.replace("[queues:read]", "[queues:read, templates:read]"))
    git(origin, "commit", "-q", "-a", "-m", "as it will be")
    git(tmp_path, "clone", "-q", "--depth", "1", "--branch", "wider", f"file://{origin}", "clone")
    (clone / ".venv").symlink_to(Path(sys.executable).parents[1])
    return clone


def git(folder: Path, *words: str) -> None:
    someone = {f"GIT_{role}_{what}": "a@b.example" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(["git", *words], cwd=folder, env=os.environ | someone, check=True, capture_output=True)


def run(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """As both runners do: bash, which stops at the first line that fails."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)} | variables
    options: dict[str, Any] = {"capture_output": True, "text": True, "check": False, "timeout": 60}
    return subprocess.run(["bash", "-eo", "pipefail", "-c", script], cwd=folder, env=environment, **options)


def test_a_pull_request_on_github_is_annotated_with_what_changes_for_whom(checkout: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary"
    done = run(GITHUB_LINES, checkout, GITHUB_BASE_REF="main", GITHUB_STEP_SUMMARY=str(summary))
    assert done.returncode == 0, done.stderr
    notes = [line for line in done.stdout.splitlines() if " gains " in line]
    assert len(notes) == 2
    assert all(note.startswith("::warning file=policy.yaml,line=") and "gains templates:read" in note for note in notes)
    assert summary.read_text().splitlines()[0] == "```diff"
    assert "+ rule " in summary.read_text()


def test_a_merge_request_on_gitlab_shows_in_its_log_what_changes_for_whom(checkout: Path) -> None:
    done = run(GITLAB_LINES, checkout, CI_MERGE_REQUEST_TARGET_BRANCH_NAME="main")
    assert done.returncode == 0, done.stderr
    assert "gains templates:read" in done.stdout
    notes = json.loads((checkout / GITLAB["policy"]["artifacts"]["reports"]["codequality"]).read_text())
    assert {note["location"]["path"] for note in notes} == {"policy.yaml"}
    assert all("gains templates:read" in note["description"] for note in notes)


@pytest.mark.parametrize("lines", [GITHUB_LINES, GITLAB_LINES], ids=["GitHub", "GitLab"])
def test_a_policy_that_is_wrong_ends_the_job_before_it_is_compared(checkout: Path, lines: str) -> None:
    (checkout / "policy.yaml").write_text("version: 2\n")
    done = run(lines, checkout, GITHUB_BASE_REF="main", CI_MERGE_REQUEST_TARGET_BRANCH_NAME="main")
    assert done.returncode == 1
    assert "gains" not in done.stdout


def test_a_pull_request_gets_no_right_but_to_read_and_no_text_of_it_becomes_a_command() -> None:
    assert GITHUB["permissions"] == {"contents": "read"}
    assert "permissions" not in GITHUB["jobs"]["policy"]
    # A branch's name in `${{ }}` would be pasted into the script before the shell reads it.
    assert not [step for job in GITHUB["jobs"].values() for step in job["steps"] if "${{" in step.get("run", "")]


def test_a_deployment_on_gitlab_trades_the_job_s_identity_for_the_role_itself(tmp_path: Path) -> None:
    job = GITLAB["deploy"]
    lines = [line for line in job["script"] if line not in BY_OTHERS]
    own = {name: text for name, text in job["variables"].items() if not text.startswith("$")}
    role = "arn:aws:iam::123456789012:role/deployer"
    asks = f"{sys.executable} -c \"import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])\""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        variables = own | {
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "jwt"),
            "AWS_ROLE_ARN": role,
            "AWS_JWT": "a.b.c",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "SAMCONFIG": (ROOT / "samconfig.example.toml").read_text(),
        }
        done = run("\n".join([*lines, asks]), tmp_path, **variables)
    finally:
        server.stop()
    assert done.returncode == 0, done.stderr
    assert ":assumed-role/deployer/" in done.stdout
    assert (tmp_path / "jwt").stat().st_mode & 0o077 == 0
    assert (tmp_path / "samconfig.toml").read_text().strip() == variables["SAMCONFIG"].strip()
