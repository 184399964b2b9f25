"""The compiler: a good policy compiled, and each mistake reported at its place with what to do."""

import json
from contextlib import suppress
from typing import Any

import pytest
import yaml
from broker.policy.conditions import Condition
from broker.policy.model import ALL, Issuer, Policy, Rule, load
from hypothesis import given
from hypothesis import strategies as st
from token_broker.policy.compiler import Local, compile_policy
from token_broker.policy.document import PolicyErrors

from tests.kit.jwts import Signer
from tests.kit.policies import condition

GOOD: dict[str, Any] = {
    "version": 1,
    "credentials": {"default": {}},
    "issuers": {
        "site": {
            "issuer": "https://login.example.com/",
            "audiences": ["https://tokens.example.com"],
            "algorithms": ["RS256"],
            "keys": "discovery",
        }
    },
    "rules": [{"name": "one", "issuer": "site", "when": {"groups": {"any": ["a"]}}, "scopes": ["assemblies:read"]}],
}


def changed(path: str, value: Any) -> str:
    """The good policy with the value at a dotted path replaced, as YAML."""
    document = json.loads(json.dumps(GOOD))
    at = document
    *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))
    for step in steps:
        at = at[step]
    at[last] = value
    # Once through JSON, so that nothing is the same object twice and becomes an alias.
    return yaml.safe_dump(json.loads(json.dumps(document)), sort_keys=False)


def errors(text: str, local: Local | None = None) -> str:
    with pytest.raises(PolicyErrors) as caught:
        compile_policy(text, "p.yaml", local)
    return str(caught.value)


def compiled(text: str, local: Local | None = None) -> Policy:
    return load(compile_policy(text, "p.yaml", local).data)


def when(condition: Any) -> tuple[Condition, ...]:
    """How one condition compiles."""
    (rule,) = compiled(changed("rules.0.when", {"c": condition})).find_rules("site")
    return rule.when


def test_a_policy_compiles_to_the_same_bytes_every_time_and_can_be_loaded() -> None:
    text = yaml.safe_dump(GOOD)
    first, second = compile_policy(text, "p.yaml"), compile_policy(text, "other.yaml")
    assert first == second
    assert load(first.data).digest == first.policy.digest


def test_defaults_of_a_policy_are_written_into_the_compiled_one() -> None:
    policy = compiled(yaml.safe_dump(GOOD))
    assert policy.upstream == "https://api2.transloadit.com"
    assert (policy.is_local, policy.aws_endpoint) == (False, None)
    assert policy.entries == (
        Issuer(
            name="site",
            issuer="https://login.example.com/",
            audiences=frozenset({"https://tokens.example.com"}),
            algorithms=frozenset({"RS256"}),
            jwks=None,
            keys_url=None,
            max_age=None,
            leeway=30,
            require=(),
            typ=None,
            audience_claim="aud",
            subject_claim="sub",
            once=False,
        ),
    )
    assert policy.find_rules("site") == (
        Rule(
            name="one",
            issuer="site",
            when=(condition("groups", ["any", ["a"]]),),
            scopes=("assemblies:read",),
            aud=("api2",),
            credential="default",
            share="grant",
        ),
    )


@pytest.mark.parametrize(
    ("written", "tests"),
    [
        ("a", [["one_of", ["a"]]]),
        (True, [["one_of", [True]]]),
        (1, [["one_of", [1]]]),
        (["a", 1], [["one_of", ["a", 1]]]),
        ({"any": ["a"]}, [["any", ["a"]]]),
        ({"all": ["a", "b"]}, [["all", ["a", "b"]]]),
        ({"words": ["a"]}, [["words", ["a"]]]),
        ({"like": "a*"}, [["like", "a*"]]),
        ({"not": "a"}, [["not", ["one_of", ["a"]]]]),
        ({"not": ["a", "b"]}, [["not", ["one_of", ["a", "b"]]]]),
        ({"like": "a*", "not": {"like": "ab*"}}, [["like", "a*"], ["not", ["like", "ab*"]]]),
        ({"exists": True}, [["exists"]]),
        ({"exists": True, "like": "a*"}, [["like", "a*"]]),
        ({"exists": False}, [["absent"]]),
        ({"absent_or": "active"}, [["absent_or", [["one_of", ["active"]]]]]),
        ({"absent_or": {"like": "a*", "any": [1]}}, [["absent_or", [["any", [1]], ["like", "a*"]]]]),
    ],
)
def test_each_matcher_compiles_to_a_condition(written: Any, tests: list[Any]) -> None:
    assert when(written) == (condition("c", *tests),)


def test_the_names_of_all_rules_are_gathered_when_it_is_compiled_and_a_star_is_none() -> None:
    everything = {**GOOD["rules"][0], "name": "two", "scopes": "*", "aud": ["mcp"], "silence": {"all-scopes": "a test"}}
    text = changed("rules", [GOOD["rules"][0], everything])
    assert compiled(text).named == {"api2", "assemblies:read", "mcp"}


def test_a_star_compiles_to_all_scopes() -> None:
    text = changed("rules", [GOOD["rules"][0] | {"scopes": "*", "silence": {"all-scopes": "a test"}}])
    (rule,) = compiled(text).find_rules("site")
    assert rule.scopes is ALL


@pytest.mark.parametrize(
    ("claim", "path"),
    [
        ("/a/b", ["a", "b"]),
        ("/a~1b/c~0d", ["a/b", "c~d"]),
        ("https://sts.amazonaws.com/", ["https://sts.amazonaws.com/"]),
        ("a.b", ["a.b"]),
    ],
)
def test_a_leading_slash_makes_a_pointer_and_any_other_name_stays_whole(claim: str, path: list[str]) -> None:
    (rule,) = compiled(changed("rules.0.when", {claim: 1})).find_rules("site")
    assert [condition.path for condition in rule.when] == [tuple(path)]


PRIVATE = {**Signer("EdDSA").jwk(), "d": "AAAA"}

MISTAKES: dict[str, tuple[str, Any, str]] = {
    "version": ("version", 2, "`version` must be 1"),
    "unknown key": ("rules.0.scope", ["a"], "unknown key `scope`; did you mean `scopes`?"),
    "no rules key": ("rules", None, "`rules` is empty; give it a value, or take it out"),
    "http issuer": ("issuers.site.issuer", "http://login.example.com/", "must be an https URL"),
    "issuer with a user": ("issuers.site.issuer", "https://a@evil.example/", "must be a plain URL"),
    "issuer with a query": ("issuers.site.issuer", "https://a.example/?x", "must be a plain URL"),
    "a variable": ("issuers.site.issuer", "${ISSUER_URL}", "belongs to the local stack's policy"),
    "no audience": ("issuers.site.audiences", [], "`audiences` must not be empty"),
    "symmetric": ("issuers.site.algorithms", ["HS256"], "only asymmetric algorithms"),
    "none": ("issuers.site.algorithms", ["none"], "only asymmetric algorithms"),
    "unknown algorithm": ("issuers.site.algorithms", ["RS1"], "RS1 is no algorithm; one of"),
    "keys": ("issuers.site.keys", "disco", "`keys` must be discovery, {url: "),
    "http key URL": ("issuers.site.keys", {"url": "http://a.example/keys"}, "must be an https URL"),
    "empty JWKS": ("issuers.site.keys", {"jwks": {"keys": []}}, "a list `keys` that is not empty"),
    "private key": ("issuers.site.keys", {"jwks": {"keys": [PRIVATE]}}, "a private or shared key"),
    "broken key": ("issuers.site.keys", {"jwks": {"keys": [{"kty": "RSA"}]}}, "not a usable public key"),
    "key of small order": (
        "issuers.site.keys",
        {"jwks": {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}]}},
        "not a usable public key: its point is of small order: everybody can sign for it",
    ),
    "placeholder": (
        "issuers.site.keys",
        {"jwks": {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "<public key, 43 letters>"}]}},
        "not a usable public key: its x is not base64url",
    ),
    "key of RFC 8037": (
        "issuers.site.keys",
        {"jwks": {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}},
        "its private half is printed in a standard or on a page: make a pair of your own",
    ),
    "even modulus": ("issuers.site.keys", {"jwks": Signer("RS256").jwks(n="_" * 341 + "g")}, "its modulus is even"),
    "small RSA key": ("issuers.site.keys", {"jwks": Signer("RS256", bits=1024).jwks()}, "less than 2048 bits"),
    "small exponent": ("issuers.site.keys", {"jwks": Signer("RS256").jwks(e="Aw")}, "its exponent is below 65537"),
    "even exponent": ("issuers.site.keys", {"jwks": Signer("RS256").jwks(e="Ag")}, "its exponent is even or 1"),
    "key of another issuer": (
        "issuers.site.keys",
        {"jwks": Signer("RS256").jwks(issuer="https://other.example/")},
        "it is the key of another issuer",
    ),
    "another algorithm's key": ("issuers.site.keys", {"jwks": Signer("ES256").jwks()}, "it verifies ES256"),
    "leeway": ("issuers.site.leeway", "3m", "`leeway` is out of range"),
    "a bare number": ("issuers.site.max_age", 3600, "write a duration such as 30s, 10m, 1h or 1d"),
    "zero age": ("issuers.site.max_age", "0s", "`max_age` is out of range"),
    "replay control": ("issuers.site.once", True, "put SharedCache=yes into the environment's parameter_overrides"),
    "once as text": ("issuers.site.once", "yes", "`once` must be true or false"),
    "audience claim": ("issuers.site.audience_claim", "client_id", "needs a `require`"),
    "unknown issuer": ("rules.0.issuer", "sites", "no issuer `sites`; did you mean `site`?"),
    "unknown credential": ("rules.0.credential", "other", "no credential `other`; one of default"),
    "no condition": ("rules.0.when", {}, "`when` must not be empty"),
    "null condition": ("rules.0.when", {"a": None}, "`a` is empty"),
    "empty matcher": ("rules.0.when", {"a": {}}, "say what the claim must be"),
    "empty list": ("rules.0.when", {"a": []}, "`a` must not be empty"),
    "unknown matcher": ("rules.0.when", {"a": {"regex": "x"}}, "unknown key `regex`"),
    "null in a list": ("rules.0.when", {"a": {"any": [None]}}, "`any` is empty"),
    "absence and more": ("rules.0.when", {"a": {"exists": False, "any": ["x"]}}, "`exists: false` stands alone"),
    "absent_or and more": ("rules.0.when", {"a": {"absent_or": 1, "like": "a*"}}, "`absent_or` stands alone"),
    "a list of requirements": ("issuers.site.require", [], "`require` must be conditions such as"),
    "a text as requirement": ("issuers.site.require", "", "`require` must be conditions such as"),
    "false as requirement": ("issuers.site.require", False, "`require` must be conditions such as"),
    "not not": ("rules.0.when", {"a": {"not": {"not": "x"}}}, "`not` does not belong here"),
    "a pattern without star": ("rules.0.when", {"a": {"like": "abc"}}, "a pattern without * is a plain value"),
    "words with spaces": ("rules.0.when", {"a": {"words": ["a b"]}}, "a word holds no spaces"),
    "a bad pointer": ("rules.0.when", {"/a~2": 1}, "not a JSON pointer"),
    "an empty claim": ("rules.0.when", {"": 1}, "an empty claim name"),
    "no scopes": ("rules.0.scopes", [], "`scopes` must not be empty"),
    "unknown scope": ("rules.0.scopes", ["assembly:read"], "did you mean `assemblies:read`?"),
    "a star in a list": ("rules.0.scopes", ["*"], "no scope of Transloadit `*`"),
    "a scope twice": ("rules.0.scopes", ["read", "read"], "a value is there twice"),
    "unknown aud": ("rules.0.aud", ["api3"], "`aud` must be 'api2' or 'mcp'"),
    "share": ("rules.0.share", "all", "`share` must be 'grant' or 'caller'"),
    "a rule twice": ("rules", [GOOD["rules"][0]] * 2, "a second entry named `one`"),
    "reserved": ("issuers.invoke", GOOD["issuers"]["site"], "`invoke` is reserved for callers without a JWT"),
    "a comma in a credential's name": ("credentials", {"default": {}, "a,b": {}}, "letters, digits and _.- only"),
}


@pytest.mark.parametrize(("path", "value", "reported"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_reported_with_what_to_do(path: str, value: Any, reported: str) -> None:
    assert reported in errors(changed(path, value))


def test_all_mistakes_are_reported_at_once_in_the_order_of_their_places() -> None:
    text = "version: 1\ncredentials: {default: {sekret: a}}\nissuers: {}\nrules:\n  - {name: a}\n"
    places = [line.split(": error")[0] for line in errors(text).splitlines()]
    assert places == ["p.yaml:2:25", *["p.yaml:5:5"] * 3]


def shared(**second: Any) -> str:
    """Two entries of one issuer."""
    issuers = {"site": GOOD["issuers"]["site"], "other": {**GOOD["issuers"]["site"], **second}}
    return changed("issuers", issuers)


def test_entries_of_one_issuer_need_disjoint_audiences_or_requirements() -> None:
    assert "one JWT could fit both" in errors(shared())
    compiled(shared(audiences=["https://other.example"]))
    assert "one JWT could fit both" in errors(shared(require={"kind": "a"}))
    one = {**GOOD["issuers"]["site"], "require": {"kind": "a"}}
    compiled(changed("issuers", {"site": one, "other": {**one, "require": {"kind": "b"}}}))
    assert "one JWT could fit both" in errors(
        changed("issuers", {"site": one, "other": {**one, "require": {"kind": {"like": "b*"}}}})
    )


def test_entries_of_one_issuer_share_their_keys() -> None:
    other = shared(audiences=["https://other.example"], keys={"url": "https://login.example.com/keys"})
    assert "both must have the same keys" in errors(other)


@pytest.mark.parametrize(
    ("expect", "reported"),
    [
        ("refused", "expected refused, got assemblies:read"),
        ({"scopes": ["assemblies:write"]}, "expected assemblies:write, got assemblies:read"),
        ({"scopes": ["assemblies:read"], "aud": "mcp"}, "got refused: no matching rule for this credential and aud"),
    ],
)
def test_a_failing_test_of_the_policy_is_an_error_at_its_place(expect: Any, reported: str) -> None:
    case = {"name": "t", "issuer": "site", "claims": {"sub": "u", "groups": ["a"]}, "expect": expect}
    text = changed("tests", [case])
    line = next(number for number, row in enumerate(text.splitlines(), 1) if "expect" in row)
    message = errors(text)
    assert reported in message
    assert message.startswith((f"p.yaml:{line}:", f"p.yaml:{line + 1}:"))


def test_passing_tests_of_a_policy_are_counted() -> None:
    cases = [
        {
            "name": "yes",
            "issuer": "site",
            "claims": {"sub": "u", "groups": ["a"]},
            "expect": {"scopes": ["assemblies:read"]},
        },
        {"name": "no", "issuer": "site", "claims": {"sub": "u", "groups": ["b"]}, "expect": "refused"},
        {"name": "no subject", "issuer": "site", "claims": {"groups": ["a"]}, "expect": "refused"},
    ]
    assert compile_policy(changed("tests", cases), "p.yaml").tests == 3


LOCAL = Local("http://127.0.0.1:3002", "http://127.0.0.1:3004", {"ISSUER_URL": "http://127.0.0.1:3003"})


def test_a_local_compilation_fills_variables_and_admits_http_on_loopback_alone() -> None:
    policy = compiled(changed("issuers.site.issuer", "${ISSUER_URL}"), LOCAL)
    assert list(policy.issuers) == ["http://127.0.0.1:3003"]
    assert (policy.is_local, policy.upstream) == (True, "http://127.0.0.1:3002")
    assert policy.aws_endpoint == "http://127.0.0.1:3004"
    assert "must be an https URL" in errors(changed("issuers.site.issuer", "http://login.example.com/"), LOCAL)


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False)
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner))
PATHS = st.sampled_from([path for path, _, _ in MISTAKES.values()])


@given(PATHS, TREES)
def test_any_value_anywhere_compiles_or_is_reported(path: str, value: Any) -> None:
    with suppress(PolicyErrors):
        load(compile_policy(changed(path, value), "p.yaml").data)


def reserved(issuer: str, when: dict[str, Any], **more: Any) -> str:
    rules = [{"name": "one", "issuer": issuer, "when": when, "scopes": ["queues:read"]}]
    return yaml.safe_dump({"version": 1, "credentials": GOOD["credentials"], "rules": rules, **more})


def test_callers_without_a_jwt_need_no_issuer() -> None:
    policy = compiled(reserved("aws-iam", {"account": "123456789012"}))
    assert (policy.entries, [rule.issuer for rule in policy.find_rules("aws-iam")]) == ((), ["aws-iam"])


@pytest.mark.parametrize(
    "when",
    [
        {"sub": {"like": "arn:aws:iam::123456789012:role/*"}},
        {"role": {"like": "nightly-*"}, "session": "s"},
        {"user": ["bob", "eve"]},
        {"principal_id": "AROAEXAMPLE"},
    ],
    ids=str,
)
def test_a_rule_that_names_the_owner_of_a_role_or_user_compiles(when: dict[str, Any]) -> None:
    assert compiled(reserved("aws-iam", when)).find_rules("aws-iam")


def test_identities_of_cognito_are_refused_unless_a_rule_says_so() -> None:
    def conditions(issuer: str, when: dict[str, Any]) -> tuple[Condition, ...]:
        (rule,) = compiled(reserved(issuer, when)).find_rules(issuer)
        return rule.when

    (_, guard) = conditions("aws-iam", {"account": "123456789012"})
    assert guard == condition("cognito", ["one_of", [False]])
    assert len(conditions("aws-iam", {"account": "1", "cognito": True})) == 2
    assert len(conditions("invoke", {"sub": "nightly"})) == 1


@pytest.mark.parametrize(
    ("issuer", "when", "reported"),
    [
        ("aws-iam", {"session": "s"}, "the caller itself chooses the session's name"),
        ("aws-iam", {"session": "s", "type": "role"}, "the caller itself chooses the session's name"),
        ("aws-iam", {"session": "s", "sub": {"exists": True}}, "the caller itself chooses the session's name"),
        ("aws-iam", {"account": {"like": "**"}}, "write the account's 12 digits"),
        ("aws-iam", {"account": {"like": "1234*"}, "role": "nightly"}, "write the account's 12 digits"),
        ("aws-iam", {"sub": {"like": "arn:aws:iam::**"}}, "write the account's 12 digits"),
        ("aws-iam", {"sub": {"like": "arn:aws:iam::*:role/nightly"}}, "write the account's 12 digits"),
        ("aws-iam", {"role": {"like": "*"}, "session": "s"}, "says not whose role or user"),
        ("aws-iam", {"user": {"like": "**"}}, "says not whose role or user"),
        ("aws-iam", {"role": ["nightly", ""]}, "says not whose role or user"),
        ("aws-iam", {"principal_id": {"like": "AROA*"}}, "says not whose role or user"),
        ("aws-iam", {"role": {"not": "evil"}}, "says not whose role or user"),
        ("aws-iam", {"role": {"absent_or": "nightly"}}, "says not whose role or user"),
        ("aws-iam", {"org_id": "o-1", "cognito": True}, "says not whose role or user"),
        ("aws-iam", {"account": 123456789012}, "`account` is a text; put the value in quotes"),
        ("aws-iam", {"account": "1", "cognito": "true"}, "`cognito` is true or false"),
        ("aws-iam", {"groups": "s"}, "callers of `aws-iam` have no claim `groups`; one of account, cognito"),
        ("invoke", {"account": "s"}, "callers of `invoke` have no claim `account`; one of sub"),
        ("invok", {"sub": "s"}, "no issuer `invok`; did you mean `invoke`?"),
    ],
)
def test_a_rule_for_callers_without_a_jwt_that_cannot_be_meant_is_refused(
    issuer: str, when: dict[str, Any], reported: str
) -> None:
    assert reported in errors(reserved(issuer, when))


def test_a_policy_s_tests_may_be_of_callers_without_a_jwt() -> None:
    tests = [
        {"name": "nightly", "issuer": "invoke", "claims": {"sub": "nightly"}, "expect": {"scopes": ["queues:read"]}},
        {"name": "daily", "issuer": "invoke", "claims": {"sub": "daily"}, "expect": "refused"},
    ]
    assert compile_policy(reserved("invoke", {"sub": "nightly"}, tests=tests), "p.yaml").tests == 2
