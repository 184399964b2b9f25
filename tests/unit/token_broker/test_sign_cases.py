"""The policy's own tests of signatures, decided as the function decides."""

from typing import Any

import pytest
from token_broker.policy.compiler import compile_policy
from token_broker.policy.document import PolicyErrors

from tests.unit.token_broker.test_sign_compiler import ASSEMBLY, CREDENTIALS, SMART_CDN, STORAGE, document, rule

PUBLIC = {"template": "serve", "inputs": {"like": "public/*/**"}}
MEMBERS = {"when": {"groups": {"any": ["members"]}}}
TOKENS = {"name": "tokens", "issuer": "site", "when": {"groups": {"any": ["admins"]}}, "scopes": ["queues:read"]}
RULES = [
    rule({"assembly": {"avatar": ASSEMBLY}}),
    rule({"smart_cdn": {"thumbnail": SMART_CDN, "public": PUBLIC}, "storage": {"own": STORAGE}}, **MEMBERS),
    TOKENS,
]


def run(expect: Any, claims: dict[str, Any]) -> str:
    """The errors of a policy with this test; empty if the test passes."""
    case = {"name": "t", "issuer": "site", "claims": {"sub": "u1", **claims}, "expect": expect}
    text = document(*RULES, tests=[case], credentials={"default": {}, **CREDENTIALS})
    try:
        compile_policy(text, "p.yaml")
    except PolicyErrors as errors:
        return str(errors)
    return ""


EDITOR, MEMBER, ADMIN = ({"groups": [name]} for name in ("editors", "members", "admins"))
ALL_OF_MEMBERS = {"smart_cdn": ["thumbnail", "public"], "storage": ["own"]}


@pytest.mark.parametrize(
    ("expect", "claims"),
    [
        ({"sign": {"assembly": ["avatar"]}}, EDITOR),
        ({"sign": ALL_OF_MEMBERS}, MEMBER),
        ({"sign": ALL_OF_MEMBERS | {"assembly": ["avatar"]}}, {"groups": ["editors", "members"]}),
        # A claim that cannot stand in a path leaves what has none.
        ({"sign": {"smart_cdn": ["public"]}}, MEMBER | {"sub": "../u2"}),
        ("refused", {"groups": []}),
        ({"scopes": ["queues:read"]}, ADMIN),
    ],
    ids=str,
)
def test_a_test_of_signatures_passes_for_exactly_what_the_caller_may_have_signed(expect: Any, claims: Any) -> None:
    assert run(expect, claims) == ""


def test_a_name_of_two_credentials_counts_where_a_request_says_which() -> None:
    rules = [rule({"smart_cdn": {"t": SMART_CDN}}), rule({"smart_cdn": {"t": SMART_CDN}}, credential="shop")]
    case = {"name": "t", "issuer": "site", "claims": {"sub": "u"} | EDITOR, "expect": {"sign": {"smart_cdn": ["t"]}}}
    credentials = CREDENTIALS | {"shop": {"workspace": "shop"}}
    assert compile_policy(document(*rules, tests=[case], credentials=credentials), "p.yaml").tests == 1


@pytest.mark.parametrize(
    ("expect", "claims", "reported"),
    [
        ("refused", EDITOR, "expected refused, got assembly avatar"),
        ("refused", ADMIN, "expected refused, got queues:read"),
        (
            {"sign": {"assembly": ["avatar"]}},
            ADMIN,
            "expected assembly avatar, got refused: one: groups, one 1: groups",
        ),
        (
            {"sign": {"smart_cdn": ["thumbnail"]}},
            MEMBER,
            "expected smart_cdn thumbnail, got smart_cdn public, smart_cdn",
        ),
        ({"sign": {"assembly": ["avatar"]}}, EDITOR | {"sub": "a/b"}, "expected assembly avatar, got refused"),
        ({"scopes": ["queues:read"]}, EDITOR, "expected queues:read, got refused"),
        ({"sign": {}}, EDITOR, "name a signature; for none write `expect: refused`"),
        ({"sign": {"assemblies": ["avatar"]}}, EDITOR, "unknown key `assemblies`"),
        ({"signs": ["avatar"]}, EDITOR, "unknown key `signs`; did you mean `sign`?"),
        ({"sign": {"assembly": ["avatar"]}, "scopes": ["read"]}, EDITOR, "`scopes` does not belong here"),
    ],
    ids=str,
)
def test_a_test_that_expects_something_else_fails_with_both(expect: Any, claims: Any, reported: str) -> None:
    assert reported in run(expect, claims)
