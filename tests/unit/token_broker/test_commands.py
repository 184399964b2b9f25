"""`token-broker policy …`, as its user and the build meet it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("token-broker")
GOOD = """
version: 1
credentials: {default: {secret: transloadit/default}}
issuers: {nightly: {issuer: nightly, audiences: [us], algorithms: [RS256], keys: {url: "https://a.example/keys"}}}
rules: [{name: one, issuer: nightly, when: {sub: job}, scopes: [queues:read]}]
"""


def run(*arguments: str | Path, folder: Path) -> tuple[int, str, str]:
    done = subprocess.run([COMMAND, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_good_policy_is_summed_up_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(GOOD)
    status, out, err = run("policy", "check", folder=tmp_path)
    assert (status, err) == (0, "")
    assert out.startswith("policy.yaml: 1 rule, 1 issuer, no tests, digest ")


def test_compile_writes_what_the_function_reads(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(GOOD)
    assert run("policy", "compile", "mine.yaml", "--output", "policy.json", folder=tmp_path)[0] == 0
    assert json.loads((tmp_path / "policy.json").read_text())["local"] is False


def test_every_mistake_is_told_at_once_by_its_place_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(GOOD.replace("queues:read", "queue:read").replace("RS256", "HS256"))
    status, out, err = run("policy", "compile", "--output", "policy.json", folder=tmp_path)
    assert (status, out) == (1, "")
    assert [line.partition(" error: ")[0] for line in err.splitlines() if " error: " in line] == [
        "policy.yaml:4:68:",
        "policy.yaml:5:65:",
    ]
    assert not (tmp_path / "policy.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["policy", "check"], "policy.yaml"),
        (["policy", "check", "nowhere.yaml"], "nowhere.yaml"),
        (["policy", "compile", "policy.yaml"], "--output"),
        (["policy"], "ACTION"),
        ([], "COMMAND"),
        (["nonsense"], "nonsense"),
    ],
)
def test_what_cannot_be_done_is_told_with_status_2(arguments: list[str], message: str, tmp_path: Path) -> None:
    status, out, err = run(*arguments, folder=tmp_path)
    assert (status, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
