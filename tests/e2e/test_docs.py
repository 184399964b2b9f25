"""Every command line of README and docs: run as it stands, against a stack, or listed with the reason why it is not."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.sam import ROOT
from tests.kit.docs import blocks, commands
from tests.kit.stacks import Client, running_stack

# docs/live.md needs an AWS account, in every line.
PAGES = ["README.md", *sorted(str(page.relative_to(ROOT)) for page in ROOT.glob("docs/*.md") if page.stem != "live")]
# Lines that are not run here, and why.
NOT_RUN = {
    r"\baws [a-z]+|\bsam (deploy|delete)": "needs an AWS account",
    r"^make deploy|secret put|--env ": "tests/integration/test_deploy.py follows the page",
    r"^git clone": "needs the repository's address",
    r"^gh |ACTIONS_ID_TOKEN": "needs a login at GitHub, or a job there",
    r"/var/run/secrets": "needs a pod",
    r"check --online": "needs the issuer; tests/integration/test_policy_online.py has one",
    r"--aws-sigv4": "signs for a deployment; tests/conformance/clients/test_curl.py signs for the stack",
    r"UPSTREAM=https": "needs a real Auth Key; tests/integration/test_stack.py takes another upstream",
    r"^openssl": "tests/unit/docs/test_docs.py runs them and uses the key",
    r"^make (demo|up|down)": "tests/integration/test_stack.py runs what it calls",
    r"^make sandbox": "tests/integration/sandbox/test_run.py runs what it calls",
    r"make (setup|test|build|bench|docs)|sam build|tests\.bench": "installs, builds, measures or tests: what CI does",
}
# Shows a refusal, on purpose.
REFUSED = re.compile(r"--subject mallory|--claims claims\.json")


def reason(line: str) -> str | None:
    return next((why for pattern, why in NOT_RUN.items() if re.search(pattern, line)), None)


# The policies that pages show: one in parts, and one that is whole where it is shown first.
POLICIES = {
    "docs/policy.md": "version: 1\n" + "".join(blocks("docs/policy.md", "yaml")),
    "docs/pipelines.md": blocks("docs/pipelines.md", "yaml")[0],
}
RUN = {page: lines for page in PAGES if (lines := [line for line in commands(page) if reason(line) is None])}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """As `make up` starts it."""
    with running_stack(tmp_path_factory.mktemp("docs"), ROOT / "local/policy.yaml", workers=1) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path, stack: Client) -> Path:
    """A checkout, as far as the lines need it: the command, which knows this stack, and a policy."""
    command = tmp_path / ".venv/bin/token-broker"
    command.parent.mkdir(parents=True)
    real = Path(sys.executable).with_name("token-broker")
    command.write_text(f'#!/bin/sh\nexec {real} "$@" --stack {stack.folder}/stack.json\n')
    command.chmod(0o755)
    (tmp_path / "policy.yaml").write_text((ROOT / "policy.yaml").read_text())
    (tmp_path / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\n")
    return tmp_path


def run(line: str, folder: Path, stack: Client) -> tuple[int, str]:
    """Status and output of a line, its addresses those of this stack."""
    broker, api2 = stack.stack["broker_url"], stack.stack["api2_url"].removeprefix("http://")
    line = re.sub(r"https://<api>|https://tokens\.example\.com|http://127\.0\.0\.1:3000", broker, line)
    line = line.replace("127.0.0.1:3002", api2)
    jwt = stack.jwt()
    told = {"HOME": str(folder), "TOKEN_URL": f"{broker}/token", "JWT": jwt, "CALLER_JWT": jwt, "TOKEN": "a"}
    command = ["bash", "-o", "pipefail", "-c", line]
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | told,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("page", RUN)
def test_the_commands_of_a_page_work(page: str, folder: Path, stack: Client) -> None:
    if page in POLICIES:
        (folder / "policy.yaml").write_text(POLICIES[page])
    for line in RUN[page]:
        status, out = run(line, folder, stack)
        assert status == (1 if REFUSED.search(line) else 0), f"{line}\n{out}"
        if "/token " in line:
            assert '"access_token"' in out, line


@pytest.mark.parametrize(
    ("file", "outcome"), [("claims.json", "REFUSED to u1"), ("editor.json", "SIGNED"), ("caller.json", "ASSEMBLED")]
)
def test_an_explanation_that_policy_md_shows_is_what_its_policy_and_its_claims_give(
    file: str, outcome: str, folder: Path, stack: Client
) -> None:
    page = (ROOT / "docs/policy.md").read_text()
    (folder / "policy.yaml").write_text(POLICIES["docs/policy.md"])
    (claims,) = (line for line in RUN["docs/policy.md"] if line.endswith(f"> {file}"))
    (shown,) = re.findall(rf"^    ({outcome}.*?)\n\n", page, re.MULTILINE | re.DOTALL)
    (line,) = (line for line in RUN["docs/policy.md"] if f"--claims {file}" in line)
    assert run(claims, folder, stack)[0] == 0
    shown = re.sub(r"^    ", "", shown, flags=re.MULTILINE)
    # What the page leaves out is an ellipsis at the end.
    assert run(line, folder, stack)[1].startswith(shown.removesuffix("  …") if shown.endswith("…") else shown + "\n")


def test_the_pages_have_the_lines_that_a_newcomer_types_first() -> None:
    lines = [line for page in PAGES for line in commands(page)]
    for start in ("git clone", "make demo", "make up", "curl -s http://127.0.0.1:3000/token", ".venv/bin/token-broker"):
        assert any(line.startswith(start) for line in lines), start


@pytest.mark.parametrize("pattern", NOT_RUN)
def test_every_reason_not_to_run_a_line_has_a_line(pattern: str) -> None:
    assert any(re.search(pattern, line) for page in PAGES for line in commands(page))
