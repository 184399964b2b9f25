"""The linter's opinions: said once, at their place, silenced by code and reason."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from token_broker.deployment import Environment
from token_broker.policy.compiler import compile_policy
from token_broker.policy.document import PolicyErrors
from token_broker.policy.lint import CODES

PLAIN: dict[str, Any] = {
    "issuer": "https://a.example",
    "audiences": ["us"],
    "algorithms": ["RS256"],
    "keys": "discovery",
}
GOOGLE = {"preset": "google", "audiences": ["us"]}
SPARE = {"SharedCache": "yes", "MoreCredentials": "spare", "MoreSecretArns": "arn"}
SHARED = Environment("prod", Path("p.yaml"), "stack", None, SPARE)
TWO: dict[str, Any] = {"default": {}, "spare": {}}
UPLOAD = ["assemblies:write"]
GITHUB = {"preset": "github-actions", "audiences": ["us"]}
AUTH0 = {"preset": "auth0", "issuer": "https://a.eu.auth0.com/", "audiences": ["us"]}
GITLAB = {"preset": "gitlab", "issuer": "https://gitlab.com", "audiences": ["us"]}
VERCEL = {"preset": "vercel", "issuer": "https://oidc.vercel.com/acme", "audiences": ["us"]}
STS = {
    "preset": "aws-sts",
    "issuer": "https://11111111-2222-3333-4444-555555555555.tokens.sts.global.api.aws",
    "audiences": ["us"],
}
APP_CHECK = {
    "preset": "firebase-app-check",
    "issuer": "https://firebaseappcheck.googleapis.com/123",
    "audiences": ["projects/123"],
}
COGNITO = {
    "preset": "cognito-access",
    "issuer": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_A",
    "audiences": ["app"],
}


def rule(when: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"name": "one", "issuer": "x", "when": when or {"sub": "a"}, "scopes": ["queues:read"]} | more


def policy(issuer: dict[str, Any], *rules: dict[str, Any], **more: Any) -> str:
    document = {"version": 1, "credentials": {"default": {}}, "issuers": {"x": issuer}}
    named = [{**each, "name": each["name"] if number == 0 else f"rule {number}"} for number, each in enumerate(rules)]
    return yaml.safe_dump(document | {"rules": named} | more, sort_keys=False)


WORKSPACE = {"default": {"workspace": "acme"}}
AVATAR = {"template_id": "t", "max_size": "1MB"}


def signs(kind: str, form: dict[str, Any], when: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A rule that signs one form, under the name `one`."""
    members = {name: value for name, value in rule(when, **more).items() if name != "scopes"}
    return members | {"sign": {kind: {"one": form}}}


def codes(text: str) -> list[str]:
    """The codes of what is said, grave or not."""
    try:
        return [said.code for said in compile_policy(text, "p.yaml", environment=SHARED).warnings]
    except PolicyErrors as errors:
        return [problem.code for problem in (*errors.problems, *errors.warnings)]


SAID: dict[str, str] = {
    "shared-issuer": policy({"preset": "google", "audiences": ["us"]}, rule({"email_verified": True}, scopes=UPLOAD)),
    "github-names": policy(GITHUB, rule({"repository": "acme/site", "ref": "refs/heads/main"})),
    "github-ungated": policy(GITHUB, rule({"repository_id": "7"})),
    "caller-chosen": policy(STS, rule({"/https:~1~1sts.amazonaws.com~1/request_tags/team": "x"})),
    "outsiders": policy(AUTH0, rule({"email_verified": True})),
    "changes-hands": policy(AUTH0, rule({"org_name": "acme"})),
    "unverified-address": policy(AUTH0, rule({"email": "bob@example.com"})),
    "gitlab-ungated": policy(GITLAB, rule({"project_id": "7"})),
    "use-preset": policy(PLAIN | {"issuer": AUTH0["issuer"]}, rule()),
    "preset-keys": policy(AUTH0 | {"keys": {"url": "https://keys.example/jwks"}}, rule()),
    "everyone": policy(PLAIN, rule({"sub": {"exists": True}})),
    "end-user-write": policy(AUTH0, rule(scopes=UPLOAD)),
    "mint-budget": policy(AUTH0, rule({"email_verified": True}, share="caller")),
    "never-matches": policy(PLAIN | {"require": {"kind": "a"}}, rule({"kind": "b"})),
    "ungated": policy(VERCEL, rule({"owner_id": "team_1"})),
    "idle-max-age": policy(PLAIN | {"max_age": "900d"}, rule()),
    "all-scopes": policy(PLAIN, rule(scopes="*")),
    "broad-scope": policy(PLAIN, rule(scopes=["auth_keys:write"])),
    "shows-secrets": policy(PLAIN, rule(scopes=["template_credentials:read"])),
    "end-user-read": policy(
        {"preset": "auth0", "issuer": "https://a.eu.auth0.com/", "audiences": ["us"]}, rule(scopes=["assemblies:read"])
    ),
    "end-user-once": policy(
        {"preset": "auth0", "issuer": "https://a.eu.auth0.com/", "audiences": ["us"], "once": True}, rule(scopes=UPLOAD)
    ),
    "any-input": policy(
        PLAIN, signs("smart_cdn", {"template": "t", "inputs": {"like": "*/pictures/**"}}), credentials=WORKSPACE
    ),
    "open-wildcard": policy(PLAIN, rule({"sub": {"like": "repo:acme*"}})),
    "replayable": policy(COGNITO, rule(scopes=UPLOAD)),
    "duplicate-rule": policy(PLAIN, rule(), rule()),
    "shadowed-rule": policy(PLAIN, rule(scopes=["queues:read", "billing:read"]), rule({"sub": "a", "more": 1})),
    "unused-credential": policy(PLAIN, rule(), credentials=TWO),
    "unused-issuer": policy(PLAIN),
    "unused-silence": policy(PLAIN, rule(silence={"all-scopes": "was so once"})),
}


MAIN = "repo:acme@1/x@2:ref:refs/heads/main"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        # One good subject does not excuse another.
        ("github-names", policy(GITHUB, rule({"sub": [MAIN, "repo:other/x:ref:refs/heads/main"]}))),
        ("github-ungated", policy(GITHUB, rule({"sub": [MAIN, "repo:acme@1/x@2:pull_request"]}))),
        # What lets almost every branch pass is no gate.
        ("github-ungated", policy(GITHUB, rule({"repository_id": "7", "ref": {"exists": True}}))),
        ("github-ungated", policy(GITHUB, rule({"repository_id": "7", "ref": {"like": "**"}}))),
        ("github-ungated", policy(GITHUB, rule({"repository_id": "7", "ref": {"not": "refs/heads/x"}}))),
        ("github-ungated", policy(GITHUB, rule({"repository_id": "7", "environment": {"exists": False}}))),
        # A well-known issuer is known without its preset.
        ("shared-issuer", policy(PLAIN | {"issuer": "https://gitlab.com"}, rule({"ref_protected": "true"}))),
        ("end-user-read", policy({**PLAIN, "issuer": COGNITO["issuer"]}, rule())),
        # An address counts once it was verified.
        ("shared-issuer", policy(GOOGLE, rule({"email": "bob@example.com"}, scopes=UPLOAD))),
        # A required pattern, absence or negation is contradicted, too.
        ("never-matches", policy(PLAIN | {"require": {"a": {"like": "x-*"}}}, rule({"a": "y"}))),
        ("never-matches", policy(PLAIN | {"require": {"a": {"not": "x"}}}, rule({"a": "x"}))),
        ("never-matches", policy(PLAIN | {"require": {"a": {"exists": False}}}, rule({"a": "x"}))),
        ("never-matches", policy(PLAIN | {"require": {"a": 1}}, rule({"a": {"exists": False}}))),
        # A rule for signatures is read as one for tokens is.
        ("never-matches", policy(PLAIN | {"require": {"a": "x"}}, signs("assembly", AVATAR, {"a": "y"}))),
        ("open-wildcard", policy(PLAIN, signs("assembly", AVATAR, {"sub": {"like": "repo:acme*"}}))),
        ("outsiders", policy(APP_CHECK, signs("assembly", AVATAR, {"sub": {"exists": True}}))),
        *(
            (
                "any-input",
                policy(PLAIN, signs("smart_cdn", {"template": "t", "inputs": {"like": like}}), credentials=WORKSPACE),
            )
            for like in ("**", "*", "pub*", "pub*/**")
        ),
        ("open-wildcard", policy(PLAIN | {"require": {"a": {"like": "x*"}}}, rule())),
    ],
)
def test_a_slightly_different_policy_still_gets_the_opinion(code: str, text: str) -> None:
    assert code in codes(text)


def test_every_code_has_its_case() -> None:
    assert SAID.keys() - {"unused-credential"} == CODES.keys() - {"unused-credential"}


@pytest.mark.parametrize(("code", "text"), SAID.items())
def test_each_opinion_has_its_message(code: str, text: str) -> None:
    assert code in codes(text)


@pytest.mark.parametrize("code", [code for code, (is_grave, _) in CODES.items() if is_grave])
def test_a_grave_opinion_is_an_error(code: str) -> None:
    with pytest.raises(PolicyErrors, match=code):
        compile_policy(SAID[code], "p.yaml")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (
            "github-ungated",
            policy(GITHUB, rule({"repository_id": "7"}, silence={"github-ungated": "tags only"})),
        ),
        ("all-scopes", policy(PLAIN, rule(scopes="*", silence={"all-scopes": "our own administrators"}))),
        (
            "replayable",
            policy(COGNITO | {"silence": {"replayable": "no other API"}}, rule(scopes=UPLOAD)),
        ),
    ],
)
def test_a_silence_with_a_reason_silences_the_opinion_of_its_code(code: str, text: str) -> None:
    assert code not in codes(text)


@pytest.mark.parametrize(
    ("silence", "reported"),
    [
        ({"all-scope": "because"}, "no opinion `all-scope`; did you mean `all-scopes`"),
        ({"all-scopes": ""}, "must not be empty"),
    ],
)
def test_a_silence_needs_a_known_code_and_a_reason(silence: dict[str, str], reported: str) -> None:
    with pytest.raises(PolicyErrors, match=reported):
        compile_policy(policy(PLAIN, rule(silence=silence)), "p.yaml")


@pytest.mark.parametrize(
    ("scopes", "reported"),
    [
        (UPLOAD, "it is for people whom you would let into Transloadit's Console; for a page's visitors use `sign: {"),
        (["smart_cdn:sign"], "signs any URL of the workspace's Smart CDN; use `sign: {smart_cdn: …}`"),
        (["templates:write"], "changes what belongs to everyone in the workspace"),
    ],
)
def test_end_users_who_may_write_are_pointed_to_signatures(scopes: list[str], reported: str) -> None:
    (warning,) = compile_policy(policy(AUTH0, rule(scopes=scopes)), "p.yaml").warnings
    assert reported in warning.message


@pytest.mark.parametrize(
    ("issuer", "signing"),
    [
        (AUTH0, signs("assembly", AVATAR, {"permissions": {"any": ["upload"]}})),
        (APP_CHECK, signs("assembly", AVATAR, {"sub": "1:123:web:abc"})),
        (PLAIN, signs("smart_cdn", {"template": "t", "inputs": {"like": "public/**"}})),
    ],
)
def test_a_rule_that_signs_little_for_a_few_is_good(issuer: dict[str, Any], signing: dict[str, Any]) -> None:
    assert codes(policy(issuer, signing, credentials=WORKSPACE)) == []


def test_opinions_of_a_large_policy_come_in_seconds() -> None:
    rules = [rule({"sub": f"s{number}"}) for number in range(400)]
    assert codes(policy(PLAIN, *rules)) == []
