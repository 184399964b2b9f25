"""`token-broker policy explain`: what a request would get, and which condition stands in the way."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from token_broker.policy.compiler import compile_policy
from token_broker.policy.target import local_of

from tests.kit.environments import write_environment
from tests.kit.jwts import Signer
from tests.kit.local_policies import LOCAL, STACK, policy_of_stack

COMMAND = Path(sys.executable).with_name("token-broker")
SIGNER = Signer("ES256")
POLICY = f"""
version: 1
credentials: {{default: {{}}}}
issuers:
  site:
    issuer: https://login.example.com/
    audiences: [us]
    algorithms: [ES256]
    keys: {{jwks: {json.dumps(SIGNER.jwks())}}}
    require: {{token_use: id}}
rules:
  - name: editors
    issuer: site
    when: {{email_verified: true, groups: {{any: [editors]}}}}
    scopes: [assemblies:write]
  - {{name: guests, issuer: site, when: {{tier: {{not: paid}}, left: {{exists: false}}}}, scopes: [queues:read]}}
  - {{name: pipeline, issuer: invoke, when: {{sub: nightly}}, scopes: [queues:read]}}
"""
CLAIMS = {"sub": "alice", "token_use": "id", "email_verified": True, "groups": ["readers", "editor"]}


def explain(folder: Path, *options: str, text: str = "", policy: str = POLICY) -> tuple[int, str, str]:
    (folder / "policy.yaml").write_text(policy)
    command: list[str | Path] = [COMMAND, "policy", "explain", "--stack", "stack.json", *options]
    done = subprocess.run(command, cwd=folder, input=text, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def of_claims(folder: Path, claims: dict[str, Any], *options: str) -> tuple[int, str, str]:
    return explain(folder, "--claims", "-", "--issuer", "site", *options, text=json.dumps(claims))


def jwt(**changes: Any) -> str:
    now = int(time.time())
    members = {"iss": "https://login.example.com/", "aud": "us", "iat": now, "exp": now + 300, **CLAIMS}
    return SIGNER.jwt(members | changes)


def test_a_near_miss_names_the_one_condition_that_failed(tmp_path: Path) -> None:
    status, out, err = of_claims(tmp_path, CLAIMS | {"tier": "paid"})
    assert (status, err) == (1, "")
    assert out.startswith("REFUSED to alice: access_denied, no rule matches\n")
    editors = out.partition("no  editors")[2].partition("no  guests")[0]
    assert [line.split() for line in editors.splitlines() if "FAILED" in line] == [
        ["FAILED", "groups", "wants", "any", "of", '["editors"];', "got", '["readers",', '"editor"]']
    ]


def test_a_granted_request_is_explained_with_its_scopes(tmp_path: Path) -> None:
    status, out, _ = of_claims(tmp_path, CLAIMS | {"groups": ["editors"]})
    assert status == 0
    assert out.startswith("GRANTED assemblies:write (aud api2, credential default) to alice\n")
    assert "yes editors: assemblies:write (aud api2, credential default)" in out


def test_explain_says_that_a_grant_spends_the_jwt(tmp_path: Path) -> None:
    write_environment(tmp_path, "SharedCache=yes")
    once = POLICY.replace("require:", "once: true\n    require:")
    _, out, _ = explain(tmp_path, "--jwt", "-", "--env", "prod", policy=once, text=jwt(jti="j1", groups=["editors"]))
    assert "good once" in out
    _, _, err = explain(tmp_path, "--jwt", "-", "--env", "prod", policy=once, text=jwt(groups=["editors"]))
    assert "would not be accepted: site: jti" in err
    _, out, _ = of_claims(tmp_path, CLAIMS)
    assert "good once" not in out


@pytest.mark.parametrize(
    ("options", "outcome"),
    [
        (["--scope", "billing:read"], "invalid_scope"),
        (["--scope", "*"], "invalid_scope"),
        (["--aud", "mcp"], "invalid_target"),
        (["--credential", "other"], "invalid_target"),
    ],
)
def test_the_scope_aud_and_credential_asked_for_change_the_outcome(
    tmp_path: Path, options: list[str], outcome: str
) -> None:
    status, out, _ = of_claims(tmp_path, CLAIMS | {"groups": ["editors"]}, *options, "--json")
    assert (status, json.loads(out)["outcome"]) == (1, outcome)


def test_json_holds_the_same_explanation_for_machines(tmp_path: Path) -> None:
    _, out, _ = of_claims(tmp_path, CLAIMS, "--json")
    report = json.loads(out)
    assert (report["outcome"], report["reason"], report["verified"]) == ("access_denied", "no rule matches", None)
    assert report["rules"][0]["steps"][1] == {
        "claim": "groups",
        "holds": False,
        "wants": 'any of ["editors"]',
        "got": '["readers", "editor"]',
    }


def test_an_absent_claim_is_shown_as_absent(tmp_path: Path) -> None:
    _, out, _ = of_claims(tmp_path, CLAIMS)
    assert 'FAILED  tier  wants not "paid"; got absent' in out
    assert "holds   left  wants absent; got absent" in out


def test_a_jwt_is_checked_except_for_its_signature(tmp_path: Path) -> None:
    status, out, _ = explain(tmp_path, "--jwt", "-", text=jwt(groups=["editors"])[:-6] + "AAAAAA\n")
    assert status == 0
    assert "The signature was not verified" in out


def test_the_signature_is_checked_with_verify(tmp_path: Path) -> None:
    good, bad = jwt(groups=["editors"]), jwt(groups=["editors"])[:-6] + "AAAAAA"
    status, out, _ = explain(tmp_path, "--jwt", "-", "--verify", text=good)
    assert status == 0
    assert "not verified" not in out
    status, out, _ = explain(tmp_path, "--jwt", "-", "--verify", text=bad)
    assert (status, out) == (1, "REFUSED: invalid_token, signature\n  By policy.yaml.\n")


@pytest.mark.parametrize(
    ("changes", "reported"),
    [
        (
            {"iss": "https://login.example.com"},
            "which no issuer of the policy is, byte for byte: https://login.example.com/",
        ),
        ({"exp": 1}, "the JWT would not be accepted: site: expired"),
        ({"aud": "them"}, "the JWT would not be accepted: site: audience"),
        ({"token_use": "access"}, "site: the issuer requires token_use"),
    ],
)
def test_a_jwt_that_would_be_refused_is_explained_with_the_reason(
    tmp_path: Path, changes: dict[str, Any], reported: str
) -> None:
    status, out, err = explain(tmp_path, "--jwt", "-", text=jwt(**changes))
    assert (status, out) == (2, "")
    assert reported in err


def test_callers_without_a_jwt_are_explained_by_their_claims(tmp_path: Path) -> None:
    status, out, _ = explain(tmp_path, "--claims", "-", "--issuer", "invoke", text='{"sub": "nightly"}')
    assert status == 0
    assert out.startswith("GRANTED queues:read")


@pytest.mark.parametrize(
    ("options", "text", "reported"),
    [
        (["--claims", "-"], "{}", "say whose claims these are: --issuer site"),
        (["--claims", "-", "--issuer", "nobody"], "{}", "no issuer `nobody`; one of site, aws-iam, invoke"),
        (["--claims", "-", "--issuer", "stie"], "{}", "no issuer `stie`; did you mean `site`?"),
        (["--claims", "-", "--issuer", "site"], '{"sub": "a"}', "the issuer requires token_use"),
        (["--claims", "-", "--issuer", "site"], '{"token_use": "id"}', "no sub"),
        (["--claims", "-", "--issuer", "site"], '{"token_use": "id", "sub": 5}', "no sub"),
        (["--claims", "-", "--issuer", "site", "--verify"], "{}", "--verify needs --jwt"),
        (["--claims", "-", "--issuer", "site"], "no json", "no JSON object: "),
        (["--claims", "nowhere.json"], "", "no file nowhere.json; --claims names the claims of a JWT, as JSON"),
        (["--jwt", "nowhere"], "", "no file nowhere; --jwt names a file with a caller JWT"),
        (["nowhere.yaml", "--jwt", "-"], "", "no file nowhere.yaml; FILE names the trust policy"),
        (["--jwt", "-"], "no jwt", "not a JWT that the broker reads"),
        ([], "", "one of the arguments --jwt --claims is required"),
    ],
)
def test_input_that_cannot_be_explained_says_what_to_give(
    tmp_path: Path, options: list[str], text: str, reported: str
) -> None:
    status, out, err = explain(tmp_path, *options, text=text)
    assert (status, out) == (2, "")
    assert reported in err
    assert "Traceback" not in err


def test_a_subject_makes_no_lines_of_its_own(tmp_path: Path) -> None:
    _, out, _ = of_claims(tmp_path, CLAIMS | {"sub": "u1\nGRANTED * to root"})
    assert out.startswith('REFUSED to "u1\\nGRANTED * to root": access_denied')


def test_a_client_assertion_is_for_the_broker_at_its_origin(tmp_path: Path) -> None:
    origin = "https://tokens.example.com"
    shown = jwt(aud=origin, groups=["editors"])
    assert explain(tmp_path, "--jwt", "-", "--client-assertion", origin, text=shown)[0] == 0
    status, _, err = explain(tmp_path, "--jwt", "-", "--client-assertion", "https://other.example", text=shown)
    assert (status, "site: audience" in err) == (2, True)


@pytest.mark.parametrize(
    ("options", "note"),
    [
        (["--scope", "assembly:write"], "no scope of Transloadit `assembly:write`; did you mean `assemblies:write`?"),
        (["--credential", "defalt"], "no credential `defalt`; did you mean `default`?"),
        (["--credential", "other"], "no credential `other`; one of default"),
    ],
)
def test_an_unknown_scope_or_credential_is_noted(tmp_path: Path, options: list[str], note: str) -> None:
    status, out, _ = of_claims(tmp_path, CLAIMS | {"groups": ["editors"]}, *options)
    assert (status, f"  There is {note}.\n" in out) == (1, True)


def test_a_known_scope_or_credential_is_not_noted(tmp_path: Path) -> None:
    _, out, _ = of_claims(tmp_path, CLAIMS | {"groups": ["editors"]}, "--scope", "assemblies:write,queues:read")
    assert "There is" not in out


def of_stack(folder: Path, policy: str) -> str:
    """A stack is up: its policy, and a JWT of its issuer."""
    file = policy_of_stack(folder, policy)
    (folder / "artifact").mkdir()
    compiled = compile_policy(policy, str(file), local_of(STACK))
    (folder / "artifact/policy.json").write_bytes(compiled.data)
    return jwt(iss=STACK["issuer_url"], aud=STACK["audience"], groups=["editors"])


def test_without_a_file_it_explains_by_the_policy_of_the_running_stack_and_says_so(tmp_path: Path) -> None:
    shown = of_stack(tmp_path, LOCAL)
    for file in ([], ["local.yaml"]):
        status, out, _ = explain(tmp_path, *file, "--jwt", "-", text=shown)
        assert status == 0
        assert out.startswith("GRANTED queues:read")
        assert out.endswith(
            f"  By local.yaml, for the local stack at {STACK['broker_url']}, which runs it, not to deploy.\n"
        )


def test_another_file_is_explained_by_itself_though_a_stack_runs(tmp_path: Path) -> None:
    of_stack(tmp_path, LOCAL)
    status, out, _ = explain(tmp_path, "policy.yaml", "--jwt", "-", text=jwt(groups=["editors"]))
    assert (status, out.endswith("  By policy.yaml.\n")) == (0, True)


def test_a_policy_that_changed_since_the_stack_started_is_reported_as_changed(tmp_path: Path) -> None:
    shown = of_stack(tmp_path, LOCAL)
    (tmp_path / "local.yaml").write_text(LOCAL.replace("queues:read", "billing:read"))
    _, out, _ = explain(tmp_path, "--jwt", "-", text=shown)
    assert out.startswith("GRANTED billing:read")
    assert "which runs it as it was before you changed it" in out


def test_a_policy_with_a_loopback_issuer_is_explained_with_local(tmp_path: Path) -> None:
    mine = POLICY.replace("https://login.example.com/", "http://127.0.0.1:9000")
    mine = re.sub("keys: .*", "keys: discovery", mine)
    shown = jwt(iss="http://127.0.0.1:9000", groups=["editors"])
    status, out, err = explain(tmp_path, "--jwt", "-", text=shown, policy=mine)
    assert (status, out) == (1, "")
    assert err.endswith("policy.yaml: good for the local stack alone; --local checks it for that\n")
    status, out, _ = explain(tmp_path, "--local", "--jwt", "-", text=shown, policy=mine)
    assert (status, out.endswith("  By policy.yaml, for the local stack, not to deploy.\n")) == (0, True)
