"""The compiled policy: an encoded policy is decoded as it was, and every other file is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from broker.policy.model import ALL, Policy, load, read
from msgspec import ValidationError

from tests.kit.jwts import Signer
from tests.kit.policies import ISSUER, compiled, condition, issuer, policy, rule

EVERYTHING = {
    "credentials": ["default", "other"],
    "issuers": [
        issuer(max_age=60, require=[condition("kind", ["one_of", ["a"]])], typ=["at+jwt"]),
        issuer(name="app", audiences=["b", "a"], once=True),
        issuer(name="inline", issuer="nightly", jwks=Signer("EdDSA").jwks(), algorithms=["EdDSA"]),
    ],
    "rules": [rule(), rule(name="all", scopes="*", share="caller"), rule(name="app", issuer="app", aud=["mcp"])],
}


def test_a_policy_that_was_written_is_read_as_it_was() -> None:
    trust = policy(**EVERYTHING)
    assert list(trust.entries) == EVERYTHING["issuers"]
    assert trust.find_rules("site") == (rule(), rule(name="all", scopes="*", share="caller"))
    assert trust.find_rules("app") == (rule(name="app", issuer="app", aud=["mcp"]),)
    assert trust.credentials == ("default", "other")
    assert (trust.upstream, trust.aws_endpoint, trust.is_local) == ("https://api2.transloadit.com", None, False)


def test_a_policy_is_written_in_the_same_bytes_every_time() -> None:
    assert compiled(**EVERYTHING) == compiled(**EVERYTHING)
    assert compiled(issuers=[issuer(audiences=["a", "b"])]) == compiled(issuers=[issuer(audiences=["b", "a"])])


def test_entries_of_one_issuer_are_found_by_it() -> None:
    trust = policy(**EVERYTHING)
    assert {iss: [entry.name for entry in entries] for iss, entries in trust.issuers.items()} == {
        ISSUER: ["site", "app"],
        "nightly": ["inline"],
    }


def test_inline_keys_are_read_and_keys_elsewhere_are_none() -> None:
    (inline,), (elsewhere, _) = (policy(**EVERYTHING).issuers[iss] for iss in ("nightly", ISSUER))
    assert [key.algorithms for key in inline.inline_keys or ()] == [{"EdDSA", "Ed25519"}]
    assert elsewhere.inline_keys is None


def test_an_entry_without_rules_has_none() -> None:
    assert policy().find_rules("nobody") == ()


def test_rules_are_decoded_once() -> None:
    trust = policy()
    assert trust.find_rules("site") is trust.find_rules("site")


def test_all_scopes_are_a_value_that_no_scope_is() -> None:
    star, listed = policy(rules=[rule(scopes="*"), rule(name="listed", scopes=["*"])]).find_rules("site")
    assert star.scopes is ALL
    assert listed.scopes == ("*",)
    assert ALL not in listed.scopes


@pytest.mark.parametrize("name", ["default", "other", "api2", "mcp", "a:read", "b:read"])
def test_a_policy_knows_the_names_that_it_names(name: str) -> None:
    rules = [rule(scopes=["a:read"], aud=["mcp"]), rule(issuer="another", scopes=["b:read"])]
    trust = policy(rules=rules, credentials=["other"])
    assert trust.names(name)
    assert not trust.names(f"{name}2")
    assert not trust.names("*")


def test_the_digest_is_of_the_file_s_bytes(tmp_path: Path) -> None:
    data = compiled()
    (tmp_path / "policy.json").write_bytes(data)
    loaded: Policy = read(tmp_path / "policy.json")
    assert loaded.digest == load(data).digest
    assert loaded.digest != load(data + b"\n").digest


def test_a_digest_in_the_file_is_not_believed() -> None:
    forged = json.dumps(json.loads(compiled()) | {"digest": "0" * 64}).encode()
    assert load(forged).digest != "0" * 64


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["local"], "false"),
        (["deny"], []),
        (["issuers", 0, "revoked"], True),
        (["issuers", 0, "leeway"], "30"),
        (["issuers", 0, "require"], [{"claim": "a", "tests": []}]),
    ],
    ids=str,
)
def test_a_file_that_says_something_else_is_refused(path: list[Any], value: object) -> None:
    document = json.loads(compiled())
    at = document
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    with pytest.raises(ValidationError):
        load(json.dumps(document).encode())


@pytest.mark.parametrize(
    "changes",
    [
        {"unless": []},
        {"when": []},
        {"when": [{"claim": "a", "tests": []}]},
        {"when": [{"claim": "a", "tests": [["like", "a*"]], "unless": []}]},
        {"scopes": []},
        {"scopes": "**"},
        {"scopes": "assemblies:read"},
        {"scopes": None},
        {"share": "all"},
    ],
    ids=str,
)
def test_a_rule_that_says_something_else_is_refused(changes: dict[str, Any]) -> None:
    document = json.loads(compiled())
    document["rules"]["site"][0] |= changes
    with pytest.raises(ValidationError):
        load(json.dumps(document).encode()).find_rules("site")
