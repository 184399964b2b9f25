"""Rules that assemble: each form of an author's policy compiled to what the function reads."""

import json
from contextlib import suppress
from typing import Any

import pytest
from broker.policy.assembling import AssembleForm, AssembleRule
from broker.policy.model import Policy
from broker.policy.signing import ClaimOf
from hypothesis import given
from hypothesis import strategies as st
from token_broker.policy.compiler import compile_policy
from token_broker.policy.document import PolicyErrors

from tests.kit.policies import condition
from tests.unit.token_broker.test_compiler import TREES
from tests.unit.token_broker.test_sign_compiler import ASSEMBLY, CREDENTIALS, SITE
from tests.unit.token_broker.test_sign_compiler import document as any_document
from tests.unit.token_broker.test_sign_compiler import rule as sign_rule

ENCODE: dict[str, Any] = {
    "template_id": "0123456789abcdef0123456789abcdef",
    "steps": {"exported": {"path": ["encoded/", {"claim": "sub"}, "/${file.id}.${file.ext}"], "width": "640"}},
    "fields": {"bucket": {"caller": True}, "key": {"caller": True}, "source": "s3"},
    "max_size": "2GB",
    "max_number_of_files": 5,
    "notify": "durable",
    "output": "none",
}
SHORT: dict[str, Any] = {"template_id": "f" * 32}


def rule(assemble: dict[str, Any], **more: Any) -> dict[str, Any]:
    members = {"name": "one", "issuer": "invoke", "when": {"sub": "originals"}, "credential": "pictures"}
    return members | {"assemble": assemble} | more


def document(*rules: dict[str, Any], **more: Any) -> str:
    """A policy with these rules and no issuer."""
    return any_document(*rules, **({"issuers": {}} | more))


def compiled(*rules: dict[str, Any], **more: Any) -> Policy:
    return compile_policy(document(*rules, **more), "p.yaml").policy


def compiled_rule(assemble: dict[str, Any]) -> AssembleRule:
    (found,) = compiled(rule(assemble)).find_assemble_rules("invoke")
    return found


def test_a_rule_for_assemblies_compiles_with_all_that_its_author_says_and_the_workspace_of_its_credential() -> None:
    assert compiled_rule({"encode": ENCODE}) == AssembleRule(
        name="one",
        issuer="invoke",
        when=(condition("sub", ["one_of", ["originals"]]),),
        credential="pictures",
        workspace="acme",
        assemble={
            "encode": AssembleForm(
                template_id="0123456789abcdef0123456789abcdef",
                steps={
                    "exported": {
                        "path": ("encoded/", ClaimOf("sub"), "/${file.id}.${file.ext}"),
                        "width": ("640",),
                    }
                },
                fields={"source": "s3"},
                caller_fields=frozenset({"bucket", "key"}),
                max_size=2_000_000_000,
                max_number_of_files=5,
                notify="durable",
                shows_id=False,
            )
        },
    )


def test_a_rule_that_names_a_template_alone_has_no_limits_no_fields_no_callback_and_shows_the_id() -> None:
    assert compiled_rule({"encode": SHORT}).assemble["encode"] == AssembleForm(
        template_id="f" * 32,
        steps={},
        fields={},
        caller_fields=frozenset(),
        max_size=None,
        max_number_of_files=None,
        notify=None,
        shows_id=True,
    )


def test_a_callback_to_a_state_machine_compiles_also_where_the_answer_shows_no_id() -> None:
    form = compiled_rule({"encode": SHORT | {"notify": "states", "output": "none"}}).assemble["encode"]
    assert (form.notify, form.shows_id) == ("states", False)


def test_the_names_of_assemblies_are_among_the_names_of_the_policy() -> None:
    assert compiled(rule({"encode": ENCODE, "thumbs": SHORT})).named == {"encode", "thumbs"}


def test_a_policy_may_have_rules_of_all_three_kinds() -> None:
    tokens = {"name": "tokens", "issuer": "invoke", "when": {"sub": "nightly"}, "scopes": ["queues:read"]}
    policy = compiled(
        rule({"encode": ENCODE}),
        sign_rule({"assembly": {"avatar": ASSEMBLY}}),
        tokens | {"credential": "pictures"},
        issuers={"site": SITE},
    )
    assert [each.name for each in policy.find_assemble_rules("invoke")] == ["one"]
    assert [each.name for each in policy.find_sign_rules("site")] == ["one 1"]
    assert [each.name for each in policy.find_rules("invoke")] == ["tokens 2"]


def test_the_same_name_for_two_callers_of_two_credentials_is_two_assemblies() -> None:
    other = rule({"encode": SHORT}, credential="shop", when={"sub": "of the shop"})
    policy = compiled(rule({"encode": SHORT}), other, credentials=CREDENTIALS | {"shop": {"workspace": "shop"}})
    assert [each.workspace for each in policy.find_assemble_rules("invoke")] == ["acme", "shop"]


PLACES = st.sampled_from(
    ["assemble", "assemble.encode", *(f"assemble.encode.{name}" for name in (*ENCODE, "steps.exported", "fields.key"))]
)


@given(PLACES, TREES)
def test_any_value_anywhere_in_a_rule_that_assembles_compiles_or_is_reported(place: str, value: Any) -> None:
    *steps, last = place.split(".")
    at = wrong = json.loads(json.dumps(rule({"encode": ENCODE})))
    for step in steps:
        at = at[step]
    at[last] = value
    # JSON is YAML.
    whole = {"version": 1, "credentials": CREDENTIALS, "issuers": {}, "rules": [wrong]}
    with suppress(PolicyErrors):
        compile_policy(json.dumps(whole), "p.yaml")


@pytest.mark.parametrize("when", [{"sub": {"exists": True}}, {"sub": {"like": "**"}}])
def test_a_rule_for_everybody_who_may_invoke_is_a_warning(when: Any) -> None:
    (warning,) = compile_policy(
        document(rule({"encode": ENCODE}, when=when), credentials={"pictures": {"workspace": "acme"}}), "p.yaml"
    ).warnings
    assert warning.code == "everyone"
