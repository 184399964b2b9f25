"""What is known of well-known issuers: filled in, held to, and never in the way of what the policy says itself."""

import json
from typing import Any

import pytest
import yaml
from broker.policy.model import Issuer, load
from token_broker.policy.cases import run_all
from token_broker.policy.compiler import compile_policy
from token_broker.policy.document import PolicyErrors
from token_broker.policy.model import Case
from token_broker.policy.presets import PRESETS

RULE = {"name": "one", "issuer": "x", "when": {"sub": "a"}, "scopes": ["assemblies:write"]}
GITHUB_RULE = RULE | {"when": {"repository_id": "1", "ref": "refs/heads/main"}}


def policy(issuer: dict[str, Any], rule: dict[str, Any] | None = None) -> str:
    return yaml.safe_dump(
        {
            "version": 1,
            "credentials": {"default": {}},
            "issuers": {"x": {"audiences": ["us"], **issuer}},
            "rules": [rule or RULE],
        }
    )


def compiled(issuer: dict[str, Any], rule: dict[str, Any] | None = None) -> Issuer:
    (entry,) = load(compile_policy(policy(issuer, rule), "p.yaml").data).entries
    return entry


def errors(issuer: dict[str, Any], rule: dict[str, Any] | None = None) -> str:
    with pytest.raises(PolicyErrors) as caught:
        compile_policy(policy(issuer, rule), "p.yaml")
    return str(caught.value)


AGENT = {"name": "agent", "issuer": "x", "when": {"sub": "a"}, "preset": "mcp-agent", "aud": ["mcp"]}
OWN = {"issuer": "https://a.example", "algorithms": ["ES256"], "keys": "discovery"}


def test_the_preset_of_an_mcp_agent_stands_for_three_scopes_and_leaves_aud_to_the_rule() -> None:
    (rule,) = load(compile_policy(policy(OWN, AGENT), "p.yaml").data).find_rules("x")
    assert rule.scopes == ("assemblies:write", "assemblies:read", "templates:read")
    assert rule.aud == ("mcp",)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"preset": "mcp-agnet"}, "no preset of a rule `mcp-agnet`; did you mean `mcp-agent`?"),
        ({"preset": None}, "no preset of a rule `None`"),
        ({"scopes": ["read"]}, "`preset: mcp-agent` stands for scopes; keep the one or the other"),
    ],
)
def test_a_rule_with_a_wrong_preset_or_with_scopes_beside_it_is_refused(changes: dict[str, Any], message: str) -> None:
    assert message in errors(OWN, AGENT | changes)


RULES = {"github-actions": GITHUB_RULE, "google": RULE | {"when": {"hd": "example.com"}}}
RULES["gitlab"] = RULE | {"when": {"project_id": "7", "ref_protected": "true"}}
RULES["firebase-app-check"] = {name: value for name, value in RULE.items() if name != "scopes"} | {
    "when": {"sub": "1:123:web:abc"},
    "sign": {"assembly": {"avatar": {"template_id": "t", "max_size": "1MB"}}},
}
RULES["vercel"] = RULE | {"when": {"project_id": "prj_1", "environment": "production"}}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_and_an_audience_make_an_issuer(name: str) -> None:
    preset = PRESETS[name]
    entry = compiled({"preset": name, "issuer": preset.example}, RULES.get(name))
    assert entry.issuer == preset.example
    assert entry.algorithms == set(preset.algorithms)
    assert (entry.audience_claim, entry.subject_claim) == (preset.audience_claim, preset.subject_claim)
    assert {condition.claim for condition in entry.require} == preset.require.keys()


@pytest.mark.parametrize("name", ["github-actions", "google"])
def test_an_issuer_that_is_one_for_all_need_not_be_written(name: str) -> None:
    assert compiled({"preset": name}, RULES[name]).issuer == PRESETS[name].issuer


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("cognito-id", "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEf/.well-known/jwks.json"),
        ("google", "https://www.googleapis.com/oauth2/v3/certs"),
        ("cloudflare-access", "https://acme.cloudflareaccess.com/cdn-cgi/access/certs"),
    ],
)
def test_a_preset_names_the_url_of_keys_that_discovery_does_not_find(name: str, url: str) -> None:
    assert compiled({"preset": name, "issuer": PRESETS[name].example}, RULES.get(name)).keys_url == url


def test_a_value_in_the_policy_wins_over_the_preset_s() -> None:
    entry = compiled({"preset": "auth0", "issuer": "https://a.eu.auth0.com/", "algorithms": ["PS256"], "max_age": "5m"})
    assert (entry.algorithms, entry.max_age) == ({"PS256"}, 300)
    own = {"preset": "cognito-id", "issuer": PRESETS["cognito-id"].example, "keys": {"url": "https://own.example/keys"}}
    entry = compiled(own | {"silence": {"preset-keys": "a mirror of ours"}})
    assert entry.keys_url == "https://own.example/keys"


def test_the_preset_s_requirements_are_added_to_those_of_the_policy() -> None:
    issuer = {"preset": "cognito-access", "issuer": PRESETS["cognito-access"].example, "require": {"scope": "a/b"}}
    assert [condition.claim for condition in compiled(issuer).require] == ["token_use", "scope"]


@pytest.mark.parametrize(
    ("issuer", "rule", "reported"),
    [
        ({"preset": "githup-actions"}, None, "no preset `githup-actions`; did you mean `github-actions`?"),
        ({"preset": 5}, None, "no preset `5`"),
        ({"preset": "auth0"}, None, "`issuer` is missing"),
        ({"preset": "auth0", "issuer": "https://a.eu.auth0.com"}, None, "it looks like https://acme.eu.auth0.com/"),
        ({"preset": "entra-v2", "issuer": "https://login.microsoftonline.com/common/v2.0"}, None, "not an issuer of"),
        (
            {"preset": "cognito-id", "issuer": PRESETS["cognito-id"].example, "require": {"token_use": "access"}},
            None,
            "the preset requires `token_use` already",
        ),
        ({"preset": "github-actions"}, RULE | {"when": {"repository_id": 7, "ref": "a"}}, "put the value in quotes"),
        (
            {"preset": "gitlab", "issuer": "https://gitlab.com"},
            RULE | {"when": {"project_id": "7", "ref_protected": True}},
            "put the value in quotes",
        ),
        (
            {"preset": "gitlab", "issuer": "https://gitlab.com", "require": {"project_id": 7}},
            None,
            "put the value in quotes",
        ),
        (
            {"preset": "gitlab", "issuer": "https://gitlab.com"},
            RULE | {"when": {"project_id": "7", "ref_protected": {"not": False}}},
            "put the value in quotes",
        ),
        ({"issuer": "https://a.example"}, None, "`algorithms` is missing"),
    ],
    ids=str,
)
def test_a_misuse_of_a_preset_is_an_error_that_says_what_to_do(
    issuer: dict[str, Any], rule: Any, reported: str
) -> None:
    assert reported in errors(issuer, rule)


def test_both_kinds_of_cognito_s_tokens_stand_side_by_side_and_fit_one_entry_each() -> None:
    pool = PRESETS["cognito-id"].example
    # JSON is YAML, and has no aliases.
    text = json.dumps(
        {
            "version": 1,
            "credentials": {"default": {}},
            "issuers": {
                "people": {"preset": "cognito-id", "issuer": pool, "audiences": ["app"]},
                "machines": {"preset": "cognito-access", "issuer": pool, "audiences": ["app"]},
            },
            "rules": [RULE | {"issuer": "people"}, RULE | {"name": "two", "issuer": "machines"}],
        }
    )
    assert compile_policy(text, "p.yaml").issuers == 2


def test_a_person_and_a_service_token_of_cloudflare_stand_side_by_side() -> None:
    team = PRESETS["cloudflare-access"].example
    entries = {
        name: {"preset": name, "issuer": team, "audiences": ["app"]}
        for name in ("cloudflare-access", "cloudflare-access-service")
    }
    document = {"version": 1, "credentials": {"default": {}}, "issuers": entries, "rules": []}
    assert compile_policy(json.dumps(document), "p.yaml").issuers == 2


def test_a_jwt_template_of_clerk_s_has_an_audience_and_no_session() -> None:
    entry = compiled({"preset": "clerk", "issuer": "https://clerk.example.com", "audience_claim": "aud"})
    assert entry.audience_claim == "aud"
    assert [condition.claim for condition in entry.require] == ["sts"]


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("nothing", [{}, None], ids=str)
def test_an_empty_require_takes_nothing_from_what_a_preset_requires(name: str, nothing: Any) -> None:
    entry = compiled({"preset": name, "issuer": PRESETS[name].example, "require": nothing}, RULES.get(name))
    assert {condition.claim for condition in entry.require} == PRESETS[name].require.keys()


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("nothing", [[], "", False, 0], ids=str)
def test_a_require_that_is_no_mapping_is_an_error_with_every_preset(name: str, nothing: Any) -> None:
    issuer = {"preset": name, "issuer": PRESETS[name].example, "require": nothing}
    assert "`require` must be conditions such as {token_use: id}" in errors(issuer, RULES.get(name))


def decided(name: str, claims: dict[str, Any], when: dict[str, Any] | None = None, **issuer: Any) -> bool:
    """Whether a caller with these claims is granted something by a policy with the preset."""
    rule = RULE | {"when": when or {"sub": "u"}}
    text = policy({"preset": name, "issuer": PRESETS[name].example, **issuer}, rule)
    case = Case.model_validate({"name": "t", "issuer": "x", "claims": {"sub": "u", **claims}, "expect": "refused"})
    return any(run_all([case], load(compile_policy(text, "p.yaml").data)))


PERSON = {"role": "authenticated", "is_anonymous": False}
SIGNED_IN = {"firebase": {"sign_in_provider": "password"}}
IN_TENANT = {"firebase": {"sign_in_provider": "password", "tenant": "acme-1"}}
IN_POD = {"kubernetes.io": {"namespace": "media", "pod": {"uid": "1"}, "serviceaccount": {"name": "up"}}}


@pytest.mark.parametrize(
    ("name", "granted", "refused"),
    [
        ("supabase", [PERSON], [{**PERSON, "client_id": "third-party"}, {**PERSON, "is_anonymous": True}, {}]),
        ("firebase", [SIGNED_IN], [IN_TENANT, {"firebase": {"sign_in_provider": "anonymous"}}]),
        ("clerk", [{"sid": "s"}, {"sid": "s", "sts": "active"}], [{"sid": "s", "sts": "pending"}, {}]),
        ("cognito-id", [{"token_use": "id"}], [{"token_use": "access"}, {}]),
        ("cognito-access", [{"token_use": "access"}], [{"token_use": "id"}]),
        (
            "cloudflare-access",
            [{"type": "app", "email": "a@b.example"}],
            [{"type": "org", "email": "a@b.example"}, {"type": "app", "common_name": "x"}],
        ),
        ("cloudflare-access-service", [{"type": "app", "common_name": "x"}], [{"type": "app"}, {"common_name": "x"}]),
        ("entra-v2", [{"ver": "2.0"}], [{"ver": "1.0"}, {}]),
        ("okta", [{"cid": "0oa1"}], [{"idp": "00o1"}]),
        ("okta-id", [{"idp": "00o1"}], [{"cid": "0oa1"}, {"idp": "00o1", "cid": "0oa1"}]),
        ("keycloak", [{"typ": "Bearer"}], [{"typ": "ID"}, {"typ": "Refresh"}, {}]),
        ("keycloak-id", [{"typ": "ID"}], [{"typ": "Bearer"}]),
        ("eks", [IN_POD], [{"kubernetes.io": {"namespace": "media"}}, {"kubernetes.io/serviceaccount/namespace": "m"}]),
        ("kubernetes", [IN_POD], [{"kubernetes.io": {"namespace": "media"}}, {}]),
    ],
)
def test_a_preset_takes_its_kind_of_token_and_no_other(name: str, granted: list[Any], refused: list[Any]) -> None:
    assert [decided(name, claims) for claims in granted] == [True] * len(granted)
    assert [decided(name, claims) for claims in refused] == [False] * len(refused)


def test_a_policy_may_name_firebase_s_tenant_and_a_client_of_supabase_s() -> None:
    tenant: dict[str, Any] = {"require": {"/firebase/tenant": "acme-1"}}
    assert decided("firebase", IN_TENANT, **tenant)
    assert not decided("firebase", SIGNED_IN, **tenant)
    client: dict[str, Any] = {"require": {"client_id": ["ours"]}}
    assert decided("supabase", {**PERSON, "client_id": "ours"}, **client)
    assert not decided("supabase", {**PERSON, "client_id": "third-party"}, **client)
    assert not decided("supabase", PERSON, **client)


@pytest.mark.parametrize("wanted", [{"exists": True}, {"like": "**"}, {"not": "x"}, {"absent_or": "x"}], ids=str)
def test_only_values_may_replace_a_requirement_of_a_preset(wanted: Any) -> None:
    issuer = {"preset": "firebase", "issuer": PRESETS["firebase"].example, "require": {"/firebase/tenant": wanted}}
    assert "name the value of `/firebase/tenant`, or a list of values" in errors(issuer)


@pytest.mark.parametrize(
    "issuer",
    [
        "https://token.actions.githubusercontent.com",
        "https://token.actions.githubusercontent.com/octocat-inc",
        "https://token.actions.acme.ghe.com",
        "https://github.example.com/_services/token",
    ],
)
def test_github_s_preset_takes_every_form_of_its_issuer(issuer: str) -> None:
    assert compiled({"preset": "github-actions", "issuer": issuer}, GITHUB_RULE).issuer == issuer
