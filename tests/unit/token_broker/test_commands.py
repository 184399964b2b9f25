"""`token-broker policy …`, as its user and the build meet it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.environments import write_environment
from tests.kit.local_policies import LOCAL, STACK, policy_of_stack

COMMAND = Path(sys.executable).with_name("token-broker")
GOOD = """
version: 1
credentials: {default: {}}
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


def test_compile_writes_the_policy_that_the_function_reads(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(GOOD)
    assert run("policy", "compile", "mine.yaml", "--output", "policy.json", folder=tmp_path)[0] == 0
    assert json.loads((tmp_path / "policy.json").read_text())["local"] is False


@pytest.mark.parametrize("action", [["check"], ["compile", "--output", "policy.json"]], ids=["check", "compile"])
def test_once_without_the_shared_table_is_an_error_at_its_place(tmp_path: Path, action: list[str]) -> None:
    (tmp_path / "policy.yaml").write_text(GOOD.replace('keys"}}', 'keys"}, once: true}'))
    status, out, err = run("policy", *action, folder=tmp_path)
    assert (status, out) == (1, "")
    assert err.startswith("policy.yaml:4:121: error: `once` needs the shared table: put SharedCache=yes into ")
    write_environment(tmp_path, "SharedCache=yes")
    status, _, err = run("policy", *action, "--env", "prod", folder=tmp_path)
    assert (status, err) == (0, "")


def test_a_credential_without_a_secret_in_the_environment_is_an_error_at_its_place(tmp_path: Path) -> None:
    write_environment(tmp_path, "")
    text = GOOD.replace("credentials: {default: {}}", "credentials: {default: {}, shop: {}}")
    (tmp_path / "policy.yaml").write_text(text)
    status, _, err = run("policy", "check", "--env", "prod", folder=tmp_path)
    assert status == 1
    assert "policy.yaml:3:34: error: the environment `prod` has no secret for it: add it to MoreCredentials" in err
    write_environment(tmp_path, "MoreCredentials=shop MoreSecretArns=arn:1")
    assert run("policy", "check", "--env", "prod", folder=tmp_path)[0] == 0


def test_the_policy_of_an_environment_is_the_one_that_its_profile_names(tmp_path: Path) -> None:
    write_environment(tmp_path, "", more='[prod.policy]\nfile = "prod.yaml"\n')
    (tmp_path / "prod.yaml").write_text(GOOD)
    status, out, _ = run("policy", "check", "--env", "prod", folder=tmp_path)
    assert (status, out.startswith("prod.yaml: ")) == (0, True)
    assert "has no environment `dev`; it has prod" in run("policy", "check", "--env", "dev", folder=tmp_path)[2]


def test_all_mistakes_are_reported_at_once_by_their_places_and_nothing_is_written(tmp_path: Path) -> None:
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
        (["policy", "check", "nowhere.yaml"], "no file nowhere.yaml; FILE names the trust policy"),
        (["policy", "check", "."], ". cannot be read (Is a directory)"),
        (["policy", "compile", "policy.yaml"], "--output"),
        (["policy"], "ACTION"),
        ([], "COMMAND"),
        (["nonsense"], "nonsense"),
    ],
)
def test_a_command_that_cannot_run_says_why_with_status_2(arguments: list[str], message: str, tmp_path: Path) -> None:
    status, out, err = run(*arguments, folder=tmp_path)
    assert (status, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


WARNED = GOOD.replace("scopes: [queues:read]", 'scopes: "*"')


def test_an_opinion_is_a_warning_and_a_failure_with_strict(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(WARNED)
    status, out, err = run("policy", "check", folder=tmp_path)
    assert status == 0
    assert err.startswith("policy.yaml:5:64: warning: gives all that the Auth Key has")
    assert err.rstrip().endswith("[all-scopes]")
    assert out.startswith("policy.yaml: 1 rule")
    assert run("policy", "check", "--strict", folder=tmp_path)[0] == 1


def test_the_build_shows_warnings_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(WARNED)
    status, _, err = run("policy", "compile", "--output", "policy.json", folder=tmp_path)
    assert (status, "[all-scopes]" in err) == (0, True)


def test_json_and_annotations_say_the_same_for_machines_and_ci(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(WARNED)
    _, out, _ = run("policy", "check", "--format", "json", folder=tmp_path)
    (problem,) = json.loads(out)["problems"]
    assert (problem["level"], problem["line"], problem["code"]) == ("warning", 5, "all-scopes")
    _, out, _ = run("policy", "check", "--format", "github", folder=tmp_path)
    assert out.startswith("::warning file=policy.yaml,line=5,col=64::gives all")
    (tmp_path / "policy.yaml").write_text(GOOD.replace("queues:read", "queue:read"))
    status, out, _ = run("policy", "check", "--format", "github", folder=tmp_path)
    assert status == 1
    assert out.startswith("::error file=policy.yaml,line=5,col=65::")


def test_a_grave_opinion_has_its_code_and_does_not_hide_the_warnings(tmp_path: Path) -> None:
    github = "issuers: {nightly: {preset: github-actions, audiences: [us]}}"
    text = "\n".join(github if line.startswith("issuers") else line for line in WARNED.splitlines())
    (tmp_path / "policy.yaml").write_text(text)
    status, out, _ = run("policy", "check", "--format", "json", folder=tmp_path)
    found = {(problem["level"], problem["code"]) for problem in json.loads(out)["problems"]}
    assert (status, found) == (1, {("error", "github-names"), ("error", "github-ungated"), ("warning", "all-scopes")})


def test_a_policy_for_the_stack_is_checked_with_local(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(LOCAL)
    status, out, err = run("policy", "check", "mine.yaml", folder=tmp_path)
    assert (status, out) == (1, "")
    assert "a variable belongs to the local stack's policy" in err
    assert err.endswith("mine.yaml: good for the local stack alone; --local checks it for that\n")
    status, out, err = run("policy", "check", "--local", "mine.yaml", folder=tmp_path)
    assert (status, err) == (0, "")
    assert out.startswith("mine.yaml, for the local stack, not to deploy: 1 rule, ")


def test_the_policy_that_the_stack_runs_is_checked_for_it_without_an_option(tmp_path: Path) -> None:
    policy_of_stack(tmp_path, LOCAL)
    status, out, err = run("policy", "check", "local.yaml", "--stack", "stack.json", folder=tmp_path)
    assert (status, err) == (0, "")
    assert out.startswith(
        f"local.yaml, for the local stack at {STACK['broker_url']}, which runs it, not to deploy: 1 rule, "
    )
    options = ["--stack", "stack.json", "--format", "json"]
    _, out, _ = run("policy", "check", "local.yaml", *options, folder=tmp_path)
    assert json.loads(out)["local"] is True


def test_a_policy_that_can_be_deployed_is_checked_for_that_also_where_the_stack_runs_it(tmp_path: Path) -> None:
    policy_of_stack(tmp_path, GOOD)
    _, out, _ = run("policy", "check", "local.yaml", "--stack", "stack.json", folder=tmp_path)
    assert out.startswith("local.yaml: 1 rule, ")


def test_a_mistake_that_the_stack_refuses_too_is_reported_once_and_without_a_hint(tmp_path: Path) -> None:
    policy_of_stack(tmp_path, LOCAL.replace("queues:read", "queue:read"))
    status, _, err = run("policy", "check", "local.yaml", "--stack", "stack.json", folder=tmp_path)
    assert (status, "did you mean `queues:read`?" in err, "--local" in err) == (1, True, False)


def test_a_named_environment_is_checked_for_its_deployment_though_the_stack_runs_the_policy(tmp_path: Path) -> None:
    write_environment(tmp_path)
    needs_a_secret = GOOD.replace("credentials: {default: {}}", "credentials: {default: {}, shop: {}}")
    for policy, wrong in ((LOCAL, "a variable belongs to the local"), (needs_a_secret, "`prod` has no secret for it")):
        policy_of_stack(tmp_path, policy)
        options = ["--stack", "stack.json", "--env", "prod"]
        status, out, err = run("policy", "check", "local.yaml", *options, folder=tmp_path)
        assert (status, out, wrong in err, "local stack alone" in err) == (1, "", True, False)


def test_a_policy_for_the_stack_is_not_compiled_for_a_deployment(tmp_path: Path) -> None:
    policy_of_stack(tmp_path, LOCAL)
    status, _, err = run("policy", "compile", "local.yaml", "--output", "policy.json", folder=tmp_path)
    assert (status, "a variable belongs to the local stack's policy" in err) == (1, True)
    assert not (tmp_path / "policy.json").exists()
