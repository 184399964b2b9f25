"""Rules that sign: each form of an author's policy compiled to what the function reads."""

import json
from contextlib import suppress
from typing import Any

import pytest
import yaml
from broker.policy.conditions import Like
from broker.policy.model import Policy
from broker.policy.signing import AssemblyForm, ClaimOf, SignRule, SmartCdnForm, StorageForm
from hypothesis import given
from hypothesis import strategies as st
from token_broker.policy.compiler import Local, compile_policy
from token_broker.policy.document import PolicyErrors

from tests.kit.policies import condition
from tests.unit.token_broker.test_compiler import TREES

ASSEMBLY: dict[str, Any] = {
    "template_id": "0123456789abcdef0123456789abcdef",
    "steps": {"exported": {"path": ["users/", {"claim": "sub"}, "/${file.id}.${file.ext}"]}},
    "fields": {"album": {"caller": True}, "source": "web"},
    "max_size": "100MB",
    "max_number_of_files": 5,
}
SMART_CDN: dict[str, Any] = {
    "template": "serve-thumb",
    "under": ["users", {"claim": "sub"}],
    "params": {"w": [100, 200, 400], "f": "webp"},
}
STORAGE: dict[str, Any] = {"prefix": ["users", {"claim": "sub"}], "scopes": ["read", "write"]}
CREDENTIALS: dict[str, Any] = {
    "uploads": {"workspace": "acme", "signature_algorithm": "sha256"},
    "pictures": {"workspace": "acme"},
}
SITE: dict[str, Any] = {
    "issuer": "https://login.example.com/",
    "audiences": ["https://tokens.example.com"],
    "algorithms": ["RS256"],
    "keys": "discovery",
}


def rule(sign: dict[str, Any], **more: Any) -> dict[str, Any]:
    credential = "uploads" if "assembly" in sign else "pictures"
    members = {"name": "one", "issuer": "site", "when": {"groups": {"any": ["editors"]}}, "credential": credential}
    return members | {"sign": sign} | more


def document(*rules: dict[str, Any], **more: Any) -> str:
    """A policy with these rules. Their names are made different."""
    named = [each | {"name": f"{each['name']} {place}" if place else each["name"]} for place, each in enumerate(rules)]
    members = {"version": 1, "credentials": CREDENTIALS, "issuers": {"site": SITE}, "rules": named}
    # Without aliases for what is there twice.
    return yaml.dump(members | more, sort_keys=False, Dumper=type("_", (yaml.SafeDumper,), {"ignore_aliases": _yes}))


def _yes(*_: Any) -> bool:
    return True


def compiled(*rules: dict[str, Any], local: Local | None = None, **more: Any) -> Policy:
    return compile_policy(document(*rules, **more), "p.yaml", local).policy


def compiled_rule(sign: dict[str, Any], local: Local | None = None) -> SignRule:
    (found,) = compiled(rule(sign), local=local).find_sign_rules("site")
    return found


def test_a_rule_for_assemblies_compiles_with_its_credential_s_algorithm_and_the_defaults() -> None:
    assert compiled_rule({"assembly": {"avatar": ASSEMBLY}}) == SignRule(
        name="one",
        issuer="site",
        when=(condition("groups", ["any", ["editors"]]),),
        credential="uploads",
        assembly={
            "avatar": AssemblyForm(
                template_id="0123456789abcdef0123456789abcdef",
                algorithm="sha256",
                expires=300,
                max_size=100_000_000,
                max_number_of_files=5,
                steps={"exported": {"path": ("users/", ClaimOf("sub"), "/${file.id}.${file.ext}")}},
                fields={"source": "web"},
                caller_fields=frozenset({"album"}),
            )
        },
    )


def test_a_rule_for_smart_cdn_urls_compiles_to_fixed_parameters_and_choices_at_the_workspace_s_own_host() -> None:
    found = compiled_rule({"smart_cdn": {"thumbnail": SMART_CDN}})
    assert found.smart_cdn == {
        "thumbnail": SmartCdnForm(
            origin="https://acme.tlcdn.com",
            workspace="acme",
            template="serve-thumb",
            under=("users", ClaimOf("sub")),
            inputs=None,
            fixed={"f": "webp"},
            choices={"w": (100, 200, 400)},
            expires=3600,
        )
    }


def test_a_rule_for_storage_compiles_to_the_workspace_as_bucket() -> None:
    assert compiled_rule({"storage": {"own": STORAGE}}).storage == {
        "own": StorageForm(bucket="acme", prefix=("users", ClaimOf("sub")), scopes=("read", "write"), expires=900)
    }


def test_inputs_of_a_shape_compile_in_place_of_segments() -> None:
    form = {"template": "builtin/serve-preview@0.0.1", "inputs": {"like": "public/**"}, "expires": "7d"}
    (found,) = compiled_rule({"smart_cdn": {"public": form}}).smart_cdn.values()
    assert (found.under, found.inputs, found.expires) == ((), Like("public/**"), 7 * 86_400)


@pytest.mark.parametrize(
    ("written", "size"),
    [("500KB", 500_000), ("1MB", 1_000_000), ("2GB", 2_000_000_000), ({"none": "a film may be large"}, None)],
)
def test_a_size_compiles_to_bytes_and_no_limit_needs_a_reason(written: Any, size: int | None) -> None:
    (found,) = compiled_rule({"assembly": {"avatar": ASSEMBLY | {"max_size": written}}}).assembly.values()
    assert found.max_size == size


def test_parameters_keep_their_json_types() -> None:
    params = {"a": [1, True, "1", "true"], "b": False, "c": -(2**53) + 1}
    (found,) = compiled_rule({"smart_cdn": {"t": SMART_CDN | {"params": params}}}).smart_cdn.values()
    assert [repr(value) for value in found.choices["a"]] == ["1", "True", "'1'", "'true'"]
    assert (found.fixed["b"], found.fixed["c"]) == (False, -(2**53) + 1)


def test_a_local_policy_has_the_address_of_the_stack_s_own_smart_cdn() -> None:
    local = Local("http://127.0.0.1:3002", "http://127.0.0.1:3004", cdn_url="http://127.0.0.1:3002/cdn/{workspace}")
    (found,) = compiled_rule({"smart_cdn": {"thumbnail": SMART_CDN}}, local).smart_cdn.values()
    assert (found.origin, found.workspace) == ("http://127.0.0.1:3002/cdn/acme", "acme")


def test_a_local_policy_for_the_real_upstream_has_the_real_smart_cdn() -> None:
    local = Local("https://api2.transloadit.com", "http://127.0.0.1:3004")
    (found,) = compiled_rule({"smart_cdn": {"thumbnail": SMART_CDN}}, local).smart_cdn.values()
    assert found.origin == "https://acme.tlcdn.com"


def test_the_names_of_signatures_are_among_the_names_of_the_policy() -> None:
    rules = [rule({"assembly": {"avatar": ASSEMBLY}}), rule({"smart_cdn": {"t": SMART_CDN}, "storage": {"o": STORAGE}})]
    assert compiled(*rules).named == {"avatar", "t", "o"}


def test_a_policy_may_have_rules_of_both_kinds_on_credentials_of_their_own() -> None:
    tokens = {"name": "tokens", "issuer": "site", "when": {"groups": {"any": ["a"]}}, "scopes": ["assemblies:write"]}
    policy = compiled(rule({"assembly": {"avatar": ASSEMBLY}}), tokens | {"credential": "uploads"})
    assert [each.name for each in policy.find_rules("site")] == ["tokens 1"]
    assert [each.name for each in policy.find_sign_rules("site")] == ["one"]


def test_the_same_name_for_two_credentials_is_two_signatures() -> None:
    more = {"credential": "other"}
    rules = [rule({"smart_cdn": {"t": SMART_CDN}}), rule({"smart_cdn": {"t": SMART_CDN}}, **more)]
    policy = compiled(*rules, credentials={"pictures": {"workspace": "acme"}, "other": {"workspace": "shop"}})
    assert [form.smart_cdn["t"].workspace for form in policy.find_sign_rules("site")] == ["acme", "shop"]


FORMS = {"assembly": {"avatar": ASSEMBLY}, "smart_cdn": {"thumbnail": SMART_CDN}, "storage": {"own": STORAGE}}
PLACES = st.sampled_from(
    [
        "assembly",
        "assembly.avatar",
        *(f"assembly.avatar.{name}" for name in (*ASSEMBLY, "expires", "steps.exported", "steps.exported.path")),
        *(f"smart_cdn.thumbnail.{name}" for name in (*SMART_CDN, "inputs", "expires", "params.w")),
        *(f"storage.own.{name}" for name in (*STORAGE, "expires")),
    ]
)


@given(PLACES, TREES)
def test_any_value_anywhere_in_a_rule_that_signs_compiles_or_is_reported(place: str, value: Any) -> None:
    *steps, last = place.split(".")
    kind = (steps or [last])[0]
    wrong = json.loads(json.dumps(rule({kind: FORMS[kind]})))
    at = wrong["sign"]
    for step in steps:
        at = at[step]
    at[last] = value
    # JSON is YAML.
    whole = {"version": 1, "credentials": CREDENTIALS, "issuers": {"site": SITE}, "rules": [wrong]}
    with suppress(PolicyErrors):
        compile_policy(json.dumps(whole), "p.yaml")
