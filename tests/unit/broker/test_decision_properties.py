"""Properties that every decision has, whatever the rules, the caller and the request are."""

from typing import Any

from broker.caller.caller import Caller
from broker.decision import Grant, Refusal, decide
from broker.policy.model import ALL
from broker.request.proof import Proof, ProofForm
from broker.request.request import TokenRequest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.policies import condition, issuer, policy, rule

SCOPES = st.sets(st.sampled_from(["a:read", "a:write", "b:read", "b:write"]), min_size=1)
CONDITIONS: list[tuple[Any, ...]] = [  # claim, operation, argument
    ("groups", "any", ["x"]),
    ("groups", "any", ["y"]),
    ("tier", "one_of", ["paid"]),
    ("left", "absent"),
    ("sub", "like", "u-*"),
]
RULE = st.fixed_dictionaries(
    {
        "issuer": st.sampled_from(["one", "two"]),
        "when": st.lists(st.sampled_from(CONDITIONS), min_size=1, max_size=3, unique_by=id),
        "scopes": SCOPES.map(sorted) | st.just("*"),
        "aud": st.sets(st.sampled_from(["api2", "mcp"]), min_size=1).map(sorted),
        "credential": st.sampled_from(["default", "other"]),
        "share": st.sampled_from(["grant", "caller"]),
    }
)
RULES = st.lists(RULE, max_size=6)
CLAIMS = st.fixed_dictionaries(
    {"sub": st.sampled_from(["u-1", "v"])},
    optional={
        "groups": st.lists(st.sampled_from(["x", "y", "z"]), max_size=2),
        "tier": st.sampled_from(["paid", "free", True]),
        "left": st.just(1),
    },
)
REQUESTS = st.builds(
    TokenRequest,
    st.just(Proof(ProofForm.HEADER, "")),
    st.none() | SCOPES.map(frozenset),
    st.sampled_from(["api2", "mcp"]),
    st.sampled_from(["default", "other"]),
)
Given = list[dict[str, Any]]


def decision(rules: Given, claims: dict[str, Any], request: TokenRequest[Proof]) -> Grant | Refusal:
    named = [
        rule(**members | {"name": str(number), "when": [condition(claim, test) for claim, *test in members["when"]]})
        for number, members in enumerate(rules)
    ]
    issuers = [issuer(name=name, issuer=f"https://{name}.example") for name in ("one", "two")]
    credentials = ["default", "other"]
    trust = policy(issuers=issuers, rules=named, credentials=credentials)
    return decide(trust, Caller("one", "https://one.example", str(claims["sub"]), claims), request)


def given_away(decided: Grant | Refusal) -> Any:
    """The scopes and targets of a decision, apart from names and digest."""
    if isinstance(decided, Refusal):
        return decided.error
    return decided.scopes, decided.aud, decided.credential, decided.by_name, decided.for_each_caller


def holds(condition: tuple[Any, ...], claims: dict[str, Any]) -> bool:
    """A condition evaluated by hand: an oracle beside the matchers."""
    claim, operation, *arguments = condition
    if operation == "absent":
        return claim not in claims
    value, (wanted,) = claims.get(claim), arguments
    if operation == "any":
        return isinstance(value, list) and bool(set(wanted) & set(value))
    return isinstance(value, str) and (value in wanted if operation == "one_of" else value.startswith("u-"))


@given(RULES, CLAIMS, REQUESTS)
def test_each_granted_scope_is_named_by_one_matching_rule_of_this_aud_and_this_credential(
    rules: Given, claims: dict[str, Any], request: TokenRequest[Proof]
) -> None:
    matching = [each for each in rules if each["issuer"] == "one" and all(holds(one, claims) for one in each["when"])]
    there = [each for each in matching if request.aud in each["aud"] and request.credential == each["credential"]]
    decided = decision(rules, claims, request)
    if isinstance(decided, Refusal):
        entitled = {scope for each in there for scope in each["scopes"]}
        assert not there or (request.scopes is not None and "*" not in entitled and not request.scopes <= entitled)
        return
    assert (decided.aud, decided.credential) == (request.aud, request.credential)
    if decided.scopes is ALL:
        assert any(each["scopes"] == "*" for each in there)
    else:
        assert decided.scopes
        for scope in decided.scopes:
            assert any(each["scopes"] == "*" or scope in each["scopes"] for each in there)


@given(RULES, RULE, st.integers(0, 6), CLAIMS, REQUESTS)
def test_adding_a_rule_never_takes_anything_away(
    rules: Given, more: dict[str, Any], place: int, claims: dict[str, Any], request: TokenRequest[Proof]
) -> None:
    before, after = decision(rules, claims, request), decision([*rules[:place], more, *rules[place:]], claims, request)
    if isinstance(before, Refusal):
        return
    assert isinstance(after, Grant)
    assert after.scopes is ALL or (before.scopes is not ALL and before.scopes <= after.scopes)
    # The new rule does not make a caller share its own token, either.
    assert after.for_each_caller or not before.for_each_caller


@given(st.permutations(range(6)), st.lists(RULE, min_size=6, max_size=6), CLAIMS, REQUESTS)
def test_the_order_of_rules_does_not_matter(
    order: list[int], rules: Given, claims: dict[str, Any], request: TokenRequest[Proof]
) -> None:
    one, other = decision(rules, claims, request), decision([rules[place] for place in order], claims, request)
    assert given_away(one) == given_away(other)


@given(RULES, CLAIMS, REQUESTS)
def test_rules_of_other_issuers_change_nothing(
    rules: Given, claims: dict[str, Any], request: TokenRequest[Proof]
) -> None:
    own = [each for each in rules if each["issuer"] == "one"]
    assert given_away(decision(rules, claims, request)) == given_away(decision(own, claims, request))


@given(RULES, CLAIMS, REQUESTS)
def test_a_decision_depends_on_nothing_but_its_arguments(
    rules: Given, claims: dict[str, Any], request: TokenRequest[Proof]
) -> None:
    assert decision(rules, claims, request) == decision(rules, claims, request)
