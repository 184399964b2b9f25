"""`policy diff`: what changes between two policies, for the callers of their tests and rule by rule."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from token_broker.policy.compiler import compile_policy
from token_broker.policy.diff import Change, Side, find_changes
from token_broker.policy.target import Target

from tests.kit.jwts import Signer

OURS = {"issuer": "ours", "audiences": ["us"], "algorithms": ["EdDSA"], "keys": {"jwks": Signer("EdDSA").jwks()}}
EDITORS = {"name": "editors", "issuer": "ours", "when": {"group": "editors"}, "scopes": ["assemblies:write"]}
AN_EDITOR = {
    "name": "an editor",
    "issuer": "ours",
    "claims": {"sub": "a", "group": "editors"},
    "expect": {"scopes": ["assemblies:write"]},
}


def document(*rules: dict[str, Any], tests: list[dict[str, Any]] | None = None, **changes: Any) -> dict[str, Any]:
    whole = {"version": 1, "credentials": {"default": {}, "other": {}}, "issuers": {"ours": OURS}, "rules": list(rules)}
    return whole | {"tests": tests or []} | changes


def write(policy: dict[str, Any]) -> str:
    return json.dumps(policy, indent=1)  # JSON is YAML


def side(policy: dict[str, Any]) -> Side:
    text = write(policy)
    return Side.of(Target("p.yaml", text, compile_policy(text, "p.yaml")))


def changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return [shown(change) for change in find_changes(side(old), side(new))]


def shown(change: Change) -> str:
    return f"{'+' if change.widens else '-'} {change.message}"


def test_nothing_changes_between_a_policy_and_itself_in_another_order() -> None:
    other = EDITORS | {"name": "others", "scopes": ["queues:read", "assemblies:read"]}
    turned = other | {"scopes": ["assemblies:read", "queues:read"]}
    assert changes(document(EDITORS, other), document(turned, EDITORS)) == []


def test_a_test_caller_and_its_rule_gain_and_lose_scopes_for_an_aud_and_a_credential() -> None:
    wider = EDITORS | {"scopes": ["assemblies:read", "queues:read"]}
    now = AN_EDITOR | {"expect": {"scopes": wider["scopes"]}}
    assert changes(document(EDITORS, tests=[AN_EDITOR]), document(wider, tests=[now])) == [
        "+ test caller `an editor` gains assemblies:read, queues:read (aud api2, credential default)",
        "- test caller `an editor` loses assemblies:write (aud api2, credential default)",
        "+ rule `editors` gains assemblies:read, queues:read (aud api2, credential default)",
        "- rule `editors` loses assemblies:write (aud api2, credential default)",
    ]


@pytest.mark.parametrize(
    ("change", "gained"),
    [
        ({"aud": ["api2", "mcp"]}, "gains assemblies:write (aud mcp, credential default)"),
        ({"credential": "other"}, "gains assemblies:write (aud api2, credential other)"),
        ({"scopes": "*"}, "gains every scope (aud api2, credential default)"),
    ],
    ids=str,
)
def test_another_aud_another_credential_and_all_scopes_are_gains(change: dict[str, Any], gained: str) -> None:
    assert f"+ rule `editors` {gained}" in changes(document(EDITORS), document(EDITORS | change))


def test_a_caller_of_the_old_policy_s_tests_is_compared_although_the_new_one_drops_its_test() -> None:
    assert changes(document(EDITORS, tests=[AN_EDITOR]), document(EDITORS | {"when": {"group": "x"}})) == [
        "- test caller `an editor` loses assemblies:write (aud api2, credential default)",
        '+ rule `editors` applies where group is "x"; it did where group is "editors"',
    ]


def test_a_rule_that_goes_or_comes_says_what_it_gave_or_gives() -> None:
    other = EDITORS | {"name": "others"}
    assert changes(document(EDITORS), document(other)) == [
        "- rule `editors` is gone",
        "- rule `editors` loses assemblies:write (aud api2, credential default)",
        "+ rule `others` is new",
        "+ rule `others` gains assemblies:write (aud api2, credential default)",
    ]


def test_a_further_condition_narrows_and_any_other_change_of_conditions_may_widen() -> None:
    narrow = EDITORS | {"when": {"group": "editors", "sub": "a"}}
    (narrowed,) = changes(document(EDITORS), document(narrow))
    (widened,) = changes(document(narrow), document(EDITORS))
    assert (narrowed[0], widened[0]) == ("-", "+")


def test_an_issuer_that_comes_goes_or_changes_is_named_with_its_members() -> None:
    theirs = {"theirs": OURS | {"issuer": "theirs"}}
    both = document(EDITORS, issuers={"ours": OURS, **theirs})
    assert changes(document(EDITORS), both) == ["+ issuer `theirs` is new"]
    assert changes(both, document(EDITORS)) == ["- issuer `theirs` is gone"]
    other = document(EDITORS, issuers={"ours": OURS | {"audiences": ["us", "them"], "leeway": "60s"}})
    assert changes(document(EDITORS), other) == ["+ issuer `ours` has other audiences, leeway"]


def test_callers_without_a_jwt_and_callers_of_an_issuer_that_is_new_are_compared_too() -> None:
    nightly = {"name": "nightly", "issuer": "invoke", "when": {"sub": "n"}, "scopes": ["queues:read"]}
    case = {"name": "the job", "issuer": "invoke", "claims": {"sub": "n"}, "expect": {"scopes": ["queues:read"]}}
    old = document(nightly, issuers={}, tests=[])
    new = document(nightly, EDITORS, tests=[case, AN_EDITOR])
    found = changes(old, new)
    assert "+ test caller `an editor` gains assemblies:write (aud api2, credential default)" in found
    assert not [line for line in found if "the job" in line]


def test_the_names_of_signatures_are_gains_and_losses_and_another_form_of_one_may_widen() -> None:
    form = {"template_id": "0" * 32, "max_size": "1MB"}
    signs = {"name": "avatars", "issuer": "ours", "when": {"group": "editors"}, "sign": {"assembly": {"avatar": form}}}
    case = {"name": "an editor", "issuer": "ours", "claims": AN_EDITOR["claims"]}
    old = document(signs, tests=[case | {"expect": {"sign": {"assembly": ["avatar"]}}}], credentials={"default": {}})
    larger = {"assembly": {"avatar": form | {"max_size": "2MB"}, "cover": form}}
    new = document(signs | {"sign": larger}, credentials={"default": {}})
    assert changes(old, new) == [
        "+ test caller `an editor` gains assembly `cover` (credential default)",
        "+ test caller `an editor` has another form of assembly `avatar` (credential default)",
        "+ rule `avatars` gains assembly `cover` (credential default)",
        "+ rule `avatars` has another form of assembly `avatar` (credential default)",
    ]
    assert "- rule `avatars` loses assembly `avatar` (credential default)" in changes(old, document(EDITORS))


def test_the_names_of_assemblies_are_gains_and_losses_and_another_form_or_workspace_of_one_may_widen() -> None:
    form = {"template_id": "0" * 32}
    makes = {"name": "originals", "issuer": "invoke", "when": {"sub": "o"}, "assemble": {"encode": form}}
    case = {"name": "the job", "issuer": "invoke", "claims": {"sub": "o"}, "expect": {"assemble": ["encode"]}}
    acme, shop = ({"default": {"workspace": name}} for name in ("acme", "shop"))
    old = document(makes, tests=[case], issuers={}, credentials=acme)
    both = {"assemble": {"encode": form | {"notify": "states"}, "thumbs": form}}
    new = document(makes | both, issuers={}, credentials=acme)
    assert changes(old, new) == [
        "+ test caller `the job` gains assemble `thumbs` (credential default)",
        "+ test caller `the job` has another form of assemble `encode` (credential default)",
        "+ rule `originals` gains assemble `thumbs` (credential default)",
        "+ rule `originals` has another form of assemble `encode` (credential default)",
    ]
    elsewhere = document(makes, issuers={}, credentials=shop)
    assert "+ rule `originals` has another form of assemble `encode` (credential default)" in changes(old, elsewhere)
    assert "- rule `originals` loses assemble `encode` (credential default)" in changes(old, document(EDITORS))


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("token-broker")
    command: list[str | Path] = [program, "policy", "diff", "old.yaml", "new.yaml", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_command_writes_lines_or_annotations_at_their_places_and_ends_with_0(tmp_path: Path) -> None:
    named = EDITORS | {"name": "two\n::error::lines", "scopes": ["queues:read"]}
    (tmp_path / "old.yaml").write_text(write(document(EDITORS)))
    (tmp_path / "new.yaml").write_text(text := write(document(EDITORS, named)))
    plain, annotated = run(tmp_path), run(tmp_path, "--format", "github")
    assert (plain.returncode, annotated.returncode) == (0, 0)
    assert plain.stdout.splitlines()[0] == "+ rule `two%0A::error::lines` is new"
    line = next(number for number, line in enumerate(text.splitlines()) if "two" in line)  # the rule begins before it
    assert annotated.stdout.splitlines()[0].startswith(f"::warning file=new.yaml,line={line},col=3::rule `two%0A")


def test_the_command_writes_a_report_for_gitlab_in_which_a_message_keeps_its_fingerprint_where_lines_move(
    tmp_path: Path,
) -> None:
    wider = EDITORS | {"scopes": ["assemblies:write", "queues:read"]}
    (tmp_path / "old.yaml").write_text(write(document(EDITORS)))
    reports = []
    for text in (write(document(wider)), "\n\n" + write(document(wider))):
        (tmp_path / "new.yaml").write_text(text)
        reports.append(json.loads(run(tmp_path, "--format", "gitlab").stdout))
    ((first,), (moved,)) = reports
    assert first["description"] == "rule `editors` gains queues:read (aud api2, credential default)"
    assert (first["severity"], first["location"]["path"]) == ("minor", "new.yaml")
    assert moved["location"]["lines"]["begin"] == first["location"]["lines"]["begin"] + 2
    assert moved["fingerprint"] == first["fingerprint"]
    (tmp_path / "new.yaml").write_text(write(document(EDITORS)))
    assert json.loads(run(tmp_path, "--format", "gitlab").stdout) == []


def test_the_command_says_that_nobody_gains_or_loses_and_ends_with_1_for_a_wrong_policy(tmp_path: Path) -> None:
    for name in ("old.yaml", "new.yaml"):
        (tmp_path / name).write_text(write(document(EDITORS)))
    assert run(tmp_path).stdout == "new.yaml: nobody gains or loses anything\n"
    (tmp_path / "old.yaml").write_text("version: 2")
    wrong = run(tmp_path)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "old.yaml:1:" in wrong.stderr
    (tmp_path / "old.yaml").unlink()
    assert run(tmp_path).returncode == 2
