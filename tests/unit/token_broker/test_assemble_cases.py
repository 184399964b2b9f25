"""The policy's own tests of Assemblies, decided as the function decides."""

from typing import Any

import pytest
from token_broker.policy.compiler import compile_policy
from token_broker.policy.document import PolicyErrors

from tests.unit.token_broker.test_assemble_compiler import ENCODE, SHORT, document, rule

TOKENS = {"name": "tokens", "issuer": "invoke", "when": {"sub": "nightly"}, "scopes": ["queues:read"]}
RULES = [
    rule({"encode": ENCODE, "by-states": SHORT | {"notify": "states"}}),
    rule({"thumbs": SHORT}, when={"sub": ["originals", "pictures"]}),
    TOKENS | {"credential": "pictures"},
]


def run(expect: Any, sub: str) -> str:
    """The errors of a policy with this test; empty if the test passes."""
    case = {"name": "t", "issuer": "invoke", "claims": {"sub": sub}, "expect": expect}
    try:
        compile_policy(document(*RULES, tests=[case]), "p.yaml")
    except PolicyErrors as errors:
        return str(errors)
    return ""


@pytest.mark.parametrize(
    ("expect", "sub"),
    [
        ({"assemble": ["thumbs", "encode", "by-states"]}, "originals"),
        ({"assemble": ["thumbs"]}, "pictures"),
        ("refused", "strangers"),
        ({"scopes": ["queues:read"], "credential": "pictures"}, "nightly"),
    ],
    ids=str,
)
def test_a_test_of_assemblies_passes_for_exactly_what_the_caller_may_have_made(expect: Any, sub: str) -> None:
    assert run(expect, sub) == ""


@pytest.mark.parametrize(
    ("expect", "sub", "reported"),
    [
        ("refused", "pictures", "expected refused, got assemble thumbs"),
        ({"assemble": ["encode"]}, "pictures", "expected assemble encode, got assemble thumbs"),
        ({"assemble": ["encode"]}, "originals", "got assemble by-states, assemble encode, assemble thumbs"),
        ({"assemble": ["encode"]}, "nightly", "expected assemble encode, got refused: one: sub, one 1: sub"),
        ({"scopes": ["queues:read"]}, "originals", "expected queues:read, got refused"),
        ({"sign": {"assembly": ["encode"]}}, "originals", "expected assembly encode, got refused: no rule signs"),
        ({"assemble": []}, "originals", "`assemble` must not be empty"),
        ({"assemble": "encode"}, "originals", "`assemble` must be a list"),
        ({"asemble": ["encode"]}, "originals", "unknown key `asemble`; did you mean `assemble`?"),
        ({"assemble": ["encode"], "scopes": ["read"]}, "originals", "`scopes` does not belong here"),
        ("allowed", "originals", "{sign: {assembly: […]}} or {assemble: […]}"),
    ],
    ids=str,
)
def test_a_test_that_expects_something_else_fails_with_both(expect: Any, sub: str, reported: str) -> None:
    assert reported in run(expect, sub)


def test_a_caller_whose_name_cannot_stand_in_a_path_gets_the_forms_that_do_not_pin_it() -> None:
    rules = [rule({"encode": ENCODE, "thumbs": SHORT}, when={"sub": "a/b"})]
    case = {"name": "t", "issuer": "invoke", "claims": {"sub": "a/b"}, "expect": {"assemble": ["thumbs"]}}
    assert compile_policy(document(*rules, tests=[case]), "p.yaml").tests == 1


def test_a_policy_without_rules_that_assemble_refuses_a_test_that_expects_an_assembly() -> None:
    case = {"name": "t", "issuer": "invoke", "claims": {"sub": "x"}, "expect": {"assemble": ["encode"]}}
    with pytest.raises(PolicyErrors, match="expected assemble encode, got refused: no rule assembles"):
        compile_policy(document(TOKENS | {"credential": "pictures"}, tests=[case]), "p.yaml")
