"""The decision: which caller gets which scopes, for which target."""

from typing import Any

import pytest
from broker.base.errors import AccessDenied, InvalidScope, InvalidTarget
from broker.caller.caller import Caller
from broker.decision import Grant, Refusal, decide
from broker.policy.model import ALL, Rule
from broker.request.proof import Proof, ProofForm
from broker.request.request import TokenRequest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.policies import condition, policy, rule


def asks(scopes: set[str] | None = None, aud: str = "api2", credential: str = "default") -> TokenRequest[Proof]:
    asked = None if scopes is None else frozenset(scopes)
    return TokenRequest(Proof(ProofForm.HEADER, ""), asked, aud, credential)


def caller(entry: str = "site", **claims: Any) -> Caller:
    return Caller(entry, "https://login.example.com/", "u", claims)


ANYONE = [condition("sub", ["exists"])]
EDITOR = {"sub": "u", "groups": ["editors"]}


def decided(rules: list[Rule], request: TokenRequest[Proof], **claims: Any) -> Grant | Refusal:
    return decide(policy(rules=rules), caller(**(claims or EDITOR)), request)


def granted(rules: list[Rule], request: TokenRequest[Proof], **claims: Any) -> Grant:
    decision = decided(rules, request, **claims)
    assert isinstance(decision, Grant), decision
    return decision


def refused(rules: list[Rule], request: TokenRequest[Proof], **claims: Any) -> Refusal:
    decision = decided(rules, request, **claims)
    assert isinstance(decision, Refusal), decision
    return decision


def test_a_caller_that_names_no_scope_gets_all_that_it_is_entitled_to() -> None:
    rules = [rule(name="a", scopes=["templates:read"]), rule(name="b", scopes=["queues:read"])]
    grant = granted(rules, asks())
    assert grant == Grant(
        credential="default",
        scopes=frozenset({"templates:read", "queues:read"}),
        aud="api2",
        by_name=False,
        unlisted=False,
        for_each_caller=False,
        rules=("a", "b"),
    )


def test_asking_for_less_gives_less() -> None:
    grant = granted([rule()], asks({"assemblies:read"}))
    assert (grant.scopes, grant.by_name) == (frozenset({"assemblies:read"}), True)


@pytest.mark.parametrize(
    ("scopes", "unlisted"), [(None, False), ({"a:read"}, False), ({"x1"}, True), ({"a:read", "x1"}, True)]
)
def test_a_grant_tells_whether_a_scope_is_the_caller_s_own_word(scopes: set[str] | None, unlisted: bool) -> None:
    rules = [rule(name="all", scopes="*"), rule(name="one", scopes=["a:read"])]
    assert granted(rules, asks(scopes)).unlisted is unlisted


def test_asking_for_more_drops_nothing_silently() -> None:
    assert refused([rule()], asks({"assemblies:read", "billing:read"})).error is InvalidScope


def test_scopes_of_rules_that_do_not_match_do_not_count() -> None:
    other = rule(name="other", when=[condition("groups", ["any", ["admins"]])], scopes=["billing:read"])
    assert granted([rule(), other], asks()).scopes == {"assemblies:read", "assemblies:write"}


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (asks(aud="mcp"), InvalidTarget),
        (asks(credential="other"), InvalidTarget),
        (asks({"billing:read"}, aud="mcp"), InvalidTarget),
        (asks({"billing:read"}), InvalidScope),
    ],
)
def test_the_kind_of_refusal_tells_target_from_scope(request_: TokenRequest[Proof], error: type) -> None:
    assert refused([rule()], request_).error is error


def test_a_caller_whom_no_rule_matches_learns_nothing_of_targets_and_scopes() -> None:
    for request in (asks(), asks({"billing:read"}), asks(aud="mcp"), asks(credential="other")):
        refusal = refused([rule()], request, sub="u", groups=["strangers"])
        assert (refusal.error, refusal.failed) == (AccessDenied, {"editors upload": ("groups",)})


def test_scopes_of_another_aud_or_credential_are_never_mixed_in() -> None:
    rules = [
        rule(name="a", scopes=["templates:read"], aud=["api2"]),
        rule(name="b", scopes=["queues:read"], aud=["mcp"]),
        rule(name="c", scopes=["billing:read"], credential="other"),
    ]
    assert granted(rules, asks()).scopes == {"templates:read"}
    assert refused(rules, asks({"templates:read"}, aud="mcp")).error is InvalidScope
    assert granted(rules, asks(credential="other")).scopes == {"billing:read"}


def test_rules_of_another_issuer_do_not_count() -> None:
    trust = policy(rules=[rule(), rule(name="other", issuer="elsewhere", when=ANYONE, scopes=["billing:read"])])
    decision = decide(trust, caller("elsewhere", sub="u"), asks())
    assert isinstance(decision, Grant)
    assert (decision.scopes, decision.rules) == (frozenset({"billing:read"}), ("other",))


def test_one_rule_that_shares_by_caller_makes_the_token_the_caller_s_own() -> None:
    rules = [rule(name="a"), rule(name="b", scopes=["queues:read"], share="caller")]
    assert granted(rules, asks()).for_each_caller
    assert not granted(rules[:1], asks()).for_each_caller


def test_a_star_gives_all_or_any_scope_that_is_named() -> None:
    rules = [rule(scopes="*")]
    assert granted(rules, asks()).scopes is ALL
    assert granted(rules, asks({"a:future:scope"})).scopes == {"a:future:scope"}


def test_a_rule_needs_every_condition() -> None:
    strict = rule(when=[condition("groups", ["any", ["editors"]]), condition("email_verified", ["one_of", [True]])])
    assert refused([strict], asks(), sub="u", groups=["editors"]).failed == {"editors upload": ("email_verified",)}
    granted([strict], asks(), sub="u", groups=["editors"], email_verified=True)


def test_a_policy_without_rules_gives_nobody_anything() -> None:
    assert refused([], asks()).error is AccessDenied


SCOPES = st.sets(st.sampled_from(["a:read", "b:read", "c:write"]), min_size=1)
RULES = st.lists(
    st.fixed_dictionaries(
        {
            "scopes": SCOPES.map(sorted) | st.just("*"),
            "aud": st.sets(st.sampled_from(["api2", "mcp"]), min_size=1).map(sorted),
            "credential": st.sampled_from(["default", "other"]),
            "share": st.sampled_from(["grant", "caller"]),
            "when": st.sampled_from([ANYONE, [condition("groups", ["any", ["admins"]])]]),
        }
    ),
    max_size=5,
)


@given(RULES, st.none() | SCOPES, st.sampled_from(["api2", "mcp"]), st.sampled_from(["default", "other"]))
def test_each_scope_of_a_grant_has_one_matching_rule_that_names_it_with_this_aud_and_credential(
    given_rules: list[dict[str, Any]], scopes: set[str] | None, aud: str, credential: str
) -> None:
    rules = [rule(name=str(number), **members) for number, members in enumerate(given_rules)]
    decision = decided(rules, asks(scopes, aud, credential))
    naming = [
        members["scopes"]
        for members in given_rules
        if members["when"] == ANYONE and aud in members["aud"] and members["credential"] == credential
    ]
    if isinstance(decision, Refusal):
        assert scopes is not None or not naming
        return
    assert (decision.aud, decision.credential) == (aud, credential)
    if decision.scopes is ALL:
        assert "*" in naming
    else:
        assert decision.scopes
        assert all(any(names == "*" or scope in names for names in naming) for scope in decision.scopes)
        assert scopes is None or decision.scopes == scopes
