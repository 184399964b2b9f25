"""Policies that mean what they say: `policy check` has no word for them."""

from typing import Any

import pytest
from token_broker.policy.presets import PRESETS

from tests.unit.token_broker import test_dangerous as of
from tests.unit.token_broker.test_lint import APP_CHECK, AVATAR, PLAIN, TWO, codes, policy, rule, signs

MAIN, HERE = of.MAIN, of.HERE
CI: list[tuple[dict[str, Any], dict[str, Any]]] = [
    *(
        (of.GITHUB, {"repository_id": "7", claim: wanted})
        for claim, wanted in [
            ("ref", MAIN),
            ("ref", [MAIN, "refs/heads/release"]),
            ("ref", {"like": "refs/heads/release/*"}),
            ("ref", {"like": "refs/tags/v1.*.0"}),
            ("ref", {"like": "refs/tags/v*"}),
            ("ref", {"like": "refs/heads/release-*"}),
            ("/ref", MAIN),
            ("ref_protected", "true"),
            ("environment", "production"),
            ("environment", ["production", "staging"]),
            ("environment", {"like": "production/*"}),
            ("workflow_ref", f"{HERE}@{MAIN}"),
            ("workflow_ref", {"like": "acme/app/.github/workflows/*@refs/heads/main"}),
            ("job_workflow_ref", f"acme/shared/.github/workflows/x.yml@{MAIN}"),
            ("job_workflow_ref", "acme/shared/.github/workflows/x.yml@refs/tags/v1"),
            ("job_workflow_ref", "acme/shared/.github/workflows/x.yml@" + "a1" * 20),
            ("job_workflow_sha", "a1" * 20),
        ]
    ),
    (of.GITHUB, {"repository_owner_id": ["7", "8"], "environment": "production"}),
    (of.GITHUB, {"repository_id": "7", "repository": "acme/app", "ref": MAIN, "event_name": "push"}),
    (of.GITHUB, {"sub": f"repo:acme@1/app@2:ref:{MAIN}"}),
    (of.GITHUB, {"sub": "repo:acme@1/app@2:environment:production"}),
    (of.GITHUB, {"sub": {"like": "repo:acme@1234/*:ref:refs/heads/main"}}),
    (of.GITHUB, {"sub": f"repository_id:7:ref:{MAIN}"}),
    (of.GITHUB | {"require": {"repository_owner_id": "7"}}, {"ref": MAIN}),
    (of.GITHUB | {"require": {"ref": MAIN}}, {"repository_id": "7"}),
    (of.ENTERPRISE, {"repository_id": "7", "ref": MAIN}),
    (of.GHES, {"repository_id": "7", "environment": "production"}),
    (of.GITLAB, {"project_id": "5", "ref_protected": "true"}),
    (of.GITLAB, {"project_id": "5", "ref": "main", "ref_type": "branch"}),
    (of.GITLAB, {"project_id": "5", "ref": {"like": "release/*"}, "ref_type": "branch"}),
    (of.GITLAB, {"namespace_id": "5", "environment": "production"}),
    (of.GITLAB, {"project_id": "5", "ref": {"like": "v*"}, "ref_type": "tag"}),
    (of.BUILDKITE, {"pipeline_id": "0184990b", "build_tag": {"like": "v*"}}),
    (of.BUILDKITE, {"organization_id": "0184990a", "sub": of.BUILD + "refs/heads/main:commit:1a:step:"}),
    (of.VERCEL, {"owner_id": "team_1", "sub": "owner:acme:project:site:environment:production"}),
    (of.GITLAB, {"project_id": "5", "ref_path": MAIN}),
    (of.GITLAB | {"require": {"project_id": "5"}}, {"ref_protected": "true", "user_login": "bob"}),
    (of.OWN_GITLAB, {"project_id": "5", "ref_protected": "true"}),
    (of.TERRAFORM, {"terraform_workspace_id": "ws-1", "terraform_run_phase": "apply"}),
    (of.TERRAFORM, {"terraform_organization_id": "org-1", "terraform_workspace_name": "prod"}),
    (of.BUILDKITE, {"organization_id": "0184990a", "pipeline_slug": "deploy", "build_branch": "main"}),
    (of.VERCEL, {"owner_id": "team_1", "project_id": "prj_1", "environment": "production"}),
    (of.VERCEL | {"issuer": "https://oidc.vercel.com", "require": {"owner_id": "team_1"}}, {"environment": "preview"}),
    (of.at("https://oidc.circleci.com/org/0184990a"), {"oidc.circleci.com/project-id": "0184990b"}),
]
PROGRAMS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (of.STS, {"sub": "arn:aws:iam::123456789012:role/nightly", of.ACCOUNT: "123456789012"}),
    (of.STS, {"sub": {"like": "arn:aws:iam::123456789012:role/media/*"}}),
    (of.AUTH0, {"gty": "client-credentials", "scope": {"words": ["upload"]}}),
    (of.STS, {of.TAGS: "x", "sub": "arn:aws:iam::123456789012:role/nightly"}),
    (of.STS, {"/https:~1~1sts.amazonaws.com~1/principal_tags/team": "media"}),
    (of.STS, {"/https:~1~1sts.amazonaws.com~1/lambda_source_function_arn": "arn:aws:lambda:eu:1:function:up"}),
    (of.EKS, {"sub": "system:serviceaccount:media:uploader"}),
    (of.EKS, {"sub": {"like": "system:serviceaccount:media:*"}}),
    (of.EKS, {"/kubernetes.io/namespace": "media"} | {"/kubernetes.io/serviceaccount/name": "uploader"}),
    (of.EKS, {"/kubernetes.io/serviceaccount/uid": "0184990a"}),
    (
        {"preset": "kubernetes", "issuer": "https://k8s.example.com", "audiences": ["us"]},
        {"/kubernetes.io/namespace": "m"},
    ),
    (
        {
            "preset": "kubernetes",
            "issuer": "https://kubernetes.default.svc.cluster.local",
            "audiences": ["us"],
            "keys": {"url": "https://keys.example.com/cluster.json"},
        },
        {"sub": "system:serviceaccount:media:uploader"},
    ),
    (of.ACCESS | {"preset": "cloudflare-access-service"}, {"common_name": "88bf3b6d86161464.access"}),
    (of.MACHINES, {"scope": {"words": ["broker/upload"]}, "username": {"exists": False}}),
    (of.AUTH0, {"gty": "client-credentials", "azp": "nightly"}),
    (of.AUTH0, {"sub": "nightly@clients"}),
    (of.ENTRA, {"idtyp": "app", "roles": {"any": ["Uploader"]}}),
    (of.GOOGLE, {"email": "up@acme.iam.gserviceaccount.com", "email_verified": True}),
    (PLAIN, {"sub": "billing-service"}),
    (PLAIN, {"sub": {"like": "job:nightly:*"}}),
    (PLAIN | {"require": {"kind": "service"}}, {"sub": {"exists": True}}),
    (of.at("https://login.example.com"), {"azp": "nightly"}),
]
PEOPLE: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (of.GOOGLE, {"hd": "example.com"}),
    (of.GOOGLE, {"hd": ["example.com", "example.org"], "email_verified": True}),
    (of.GOOGLE | {"require": {"hd": "example.com"}}, {"email": {"like": "*@example.com"}, "email_verified": True}),
    (of.GOOGLE | {"require": {"hd": "example.com"}}, {"hd": {"exists": True}}),
    (of.GOOGLE, {"email": "bob@gmail.com", "email_verified": True}),
    (of.GOOGLE, {"sub": ["1076915035", "1076915036"]}),
    (of.APPLE, {"sub": "001234.abc.0123"}),
    (of.ENTRA | {"issuer": of.PERSONAL["issuer"]}, {"oid": "00000000-0000-0000-66f3-3332eca7ea81"}),
    (of.COGNITO, {"cognito:groups": {"any": ["editors", "admins"]}}),
    (of.COGNITO, {"email": {"like": "*@corp.example"}, "email_verified": True}),
    (of.COGNITO | {"require": {"email_verified": True}}, {"email": "bob@gmail.com"}),
    (of.COGNITO, {"phone_number": "+4915112345678", "phone_number_verified": True}),
    (of.COGNITO, {"custom:role": "editor", "cognito:groups": {"any": ["editors"]}}),
    (of.COGNITO, {"dev:custom:role": "editor"}),
    (of.COGNITO, {"cognito:username": ["alice", "bob"]}),
    (of.AUTH0, {"permissions": {"any": ["upload"]}}),
    (of.AUTH0, {"scope": {"words": ["openid", "upload"]}, "permissions": {"any": ["upload"]}}),
    (of.AUTH0, {"org_id": "org_2abc"}),
    (of.AUTH0, {"https://acme.example/roles": {"any": ["editor"]}}),
    (of.AUTH0, {"/https:~1~1acme.example~1app_metadata/plan": "paid"}),
    (of.AUTH0, {"sub": "auth0|5f7c8ec7c33c6c004bbafe82"}),
    (of.CLERK, {"/o/id": "org_2abc"}),
    (of.CLERK, {"/o/id": "org_2abc", "/o/rol": "admin"}),
    (of.CLERK, {"/public_metadata/role": "editor"}),
    (of.FIREBASE, {"editor": True}),
    (of.FIREBASE, {"role": ["editor", "admin"], "email_verified": True}),
    (of.FIREBASE, {"/firebase/sign_in_provider": "saml.acme"}),
    (of.FIREBASE | {"require": {"/firebase/tenant": "acme-1"}}, {"editor": True}),
    (of.SUPABASE, {"/app_metadata/role": "editor"}),
    (of.SUPABASE, {"user_role": "editor"}),
    (of.SUPABASE, {"sub": "0184990a-1111"}),
    (of.ENTRA, {"roles": {"any": ["Uploader"]}}),
    (of.ENTRA, {"groups": {"any": ["0184990a-1111"]}, "tid": of.ID}),
    (of.ENTRA, {"oid": "0184990a-1111", "email": "bob@example.com"}),
    (of.ACCESS, {"email": {"like": "*@example.com"}}),
    (of.ACCESS, {"email": ["bob@gmail.com", "eve@example.com"]}),
    (of.OKTA, {"groups": {"any": ["Editors"]}}),
    (of.OKTA, {"sub": {"like": "*@corp.example"}}),
    (of.OKTA | {"preset": "okta-id"}, {"groups": {"any": ["Editors"]}}),
    (of.COGNITO, {"cognito:groups": {"any": ["editors"], "not": {"any": ["banned"]}}}),
    (of.OKTA, {"scp": {"any": ["upload"]}, "uid": "00u1"}),
    (of.OKTA | {"preset": "okta-id", "issuer": "https://acme.okta.com"}, {"groups": {"all": ["Editors", "Everyone"]}}),
    (of.KEYCLOAK, {"/realm_access/roles": {"all": ["uploader"]}}),
    (of.KEYCLOAK | {"preset": "keycloak-id"}, {"groups": {"any": ["/editors"]}}),
    (PLAIN, {"groups": {"any": ["editors"]}, "email_verified": True}),
    (PLAIN, {"email": {"like": "*@*.corp.example"}, "email_verified": {"not": False}}),
    (PLAIN, {"department": {"like": "media/**"}}),
    (PLAIN, {"level": 3}),
]

APPS = [(APP_CHECK, {"sub": "1:123:web:abc"})]


@pytest.mark.parametrize(("issuer", "when"), [*CI, *PROGRAMS, *PEOPLE, *APPS], ids=str)
def test_a_rule_for_signatures_that_keeps_others_out_gets_no_opinion(issuer: Any, when: Any) -> None:
    assert codes(policy(issuer, signs("assembly", AVATAR, when))) == []


@pytest.mark.parametrize(("issuer", "when"), [*CI, *PROGRAMS], ids=str)
def test_a_rule_for_programs_that_keeps_others_out_gets_no_opinion(issuer: Any, when: Any) -> None:
    assert codes(policy(issuer, rule(when, scopes=["assemblies:write"]))) == []


@pytest.mark.parametrize(("issuer", "when"), PEOPLE, ids=str)
def test_a_rule_for_people_that_keeps_others_out_gets_no_opinion_but_on_its_scopes(issuer: Any, when: Any) -> None:
    assert set(codes(policy(issuer, rule(when, scopes=["assemblies:write"])))) <= {"end-user-write"}


def test_every_preset_has_a_sound_rule() -> None:
    assert {issuer.get("preset") for issuer, _ in [*CI, *PROGRAMS, *PEOPLE, *APPS]} - {None} == PRESETS.keys()


@pytest.mark.parametrize(
    "text",
    [
        policy(of.FIREBASE, rule({"email_verified": True}, silence={"outsiders": "every user"})),
        policy(PLAIN | {"require": {"a": 1}}, rule({"a": 1.0})),
        policy(PLAIN | {"require": {"a": {"like": "x/*"}}}, rule({"a": ["y", "x/1"]})),
        policy(PLAIN | {"require": {"kind": "a"}}, rule({"kind": ["a", "b"]})),
        policy(PLAIN | {"require": {"a": {"absent_or": "x"}}}, rule({"a": {"exists": False}, "sub": "b"})),
        policy(PLAIN, rule({"a": 1}), rule({"a": True})),
        policy(PLAIN, rule(), rule(share="caller")),
        policy(PLAIN, rule(), rule(credential="spare"), credentials=TWO),
        policy(PLAIN, rule(), rule({"sub": "a", "more": 1}, share="caller")),
        policy(PLAIN, rule(), rule(aud=["mcp"])),
        policy(PLAIN, rule(), rule({"sub": "b"})),
    ],
)
def test_a_policy_that_means_what_it_says_gets_no_opinion(text: str) -> None:
    assert [code for code in codes(text) if code != "end-user-read"] == []
