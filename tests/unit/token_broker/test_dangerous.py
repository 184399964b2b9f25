"""Policies that let in whom nobody meant: one a row, and the code that `policy check` must say."""

from typing import Any

import pytest

from tests.unit.token_broker.test_lint import AVATAR, PLAIN, codes, policy, rule, signs

ID = "11111111-2222-3333-4444-555555555555"
GITHUB: dict[str, Any] = {"preset": "github-actions", "audiences": ["us"]}
ENTERPRISE = GITHUB | {"issuer": "https://token.actions.githubusercontent.com/octocat-inc"}
GHES = GITHUB | {"issuer": "https://github.example.com/_services/token"}
GITLAB: dict[str, Any] = {"preset": "gitlab", "issuer": "https://gitlab.com", "audiences": ["us"]}
OWN_GITLAB = GITLAB | {"issuer": "https://gitlab.example.com"}
GOOGLE: dict[str, Any] = {"preset": "google", "audiences": ["us"]}
COGNITO: dict[str, Any] = {
    "preset": "cognito-id",
    "issuer": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_A",
    "audiences": ["app"],
}
MACHINES = COGNITO | {"preset": "cognito-access", "silence": {"replayable": "no other API"}}
AUTH0: dict[str, Any] = {"preset": "auth0", "issuer": "https://a.eu.auth0.com/", "audiences": ["us"]}
CLERK: dict[str, Any] = {
    "preset": "clerk",
    "issuer": "https://clerk.example.com",
    "audiences": ["https://app.example.com"],
    "silence": {"replayable": "a minute"},
}
FIREBASE: dict[str, Any] = {
    "preset": "firebase",
    "issuer": "https://securetoken.google.com/my-project",
    "audiences": ["my-project"],
}
SUPABASE: dict[str, Any] = {
    "preset": "supabase",
    "issuer": "https://abcdefghijklmnop.supabase.co/auth/v1",
    "audiences": ["authenticated"],
}
ENTRA: dict[str, Any] = {
    "preset": "entra-v2",
    "issuer": f"https://login.microsoftonline.com/{ID}/v2.0",
    "audiences": ["us"],
}
ACCESS: dict[str, Any] = {
    "preset": "cloudflare-access",
    "issuer": "https://acme.cloudflareaccess.com",
    "audiences": ["us"],
}
STS: dict[str, Any] = {
    "preset": "aws-sts",
    "issuer": f"https://{ID}.tokens.sts.global.api.aws",
    "audiences": ["us"],
}
EKS: dict[str, Any] = {
    "preset": "eks",
    "issuer": "https://oidc.eks.eu-central-1.amazonaws.com/id/" + "0A" * 16,
    "audiences": ["us"],
}
OKTA: dict[str, Any] = {"preset": "okta", "issuer": "https://acme.okta.com/oauth2/default", "audiences": ["us"]}
KEYCLOAK: dict[str, Any] = {
    "preset": "keycloak",
    "issuer": "https://login.example.com/realms/acme",
    "audiences": ["us"],
}
VERCEL: dict[str, Any] = {"preset": "vercel", "issuer": "https://oidc.vercel.com/acme", "audiences": ["us"]}
TAGS = "/https:~1~1sts.amazonaws.com~1/request_tags/team"
ACCOUNT = "/https:~1~1sts.amazonaws.com~1/aws_account"


def at(issuer: str, **more: Any) -> dict[str, Any]:
    """An entry written by hand."""
    return {**PLAIN, "issuer": issuer, **more}


TERRAFORM, BUILDKITE, APPLE = (
    at("https://app.terraform.io"),
    at("https://agent.buildkite.com"),
    at("https://appleid.apple.com"),
)
PERSONAL = at("https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0")
PERSONAL_V1 = at("https://sts.windows.net/9188040d-6c67-4c5b-b112-36a304b66dad/")
MAIN = "refs/heads/main"
BUILD = "organization:acme:pipeline:site:ref:"
HERE = "acme/app/.github/workflows/deploy.yml"

Row = tuple[str, dict[str, Any], dict[str, Any]]

GATES: list[Row] = [
    ("github-ungated", GITHUB, {"repository_id": "7", claim: wanted})
    for claim, wanted in [
        ("ref", {"like": "refs/**"}),
        ("ref", {"like": "refs/heads/**"}),
        ("ref", {"like": "refs/heads/*"}),
        ("ref", {"like": "refs/tags/**"}),
        ("ref", {"like": "refs/pull/**"}),
        ("ref", {"like": "refs/*/main"}),
        ("ref", {"like": "**/main"}),
        ("ref", {"like": "refs/heads/*/main"}),
        ("ref", {"like": "ref**"}),
        ("ref", {"like": "refs/heads/**main"}),
        ("ref", {"like": "refs/heads/-*"}),
        ("ref", [MAIN, "refs/pull/1/merge"]),
        ("ref", "refs/pull/7/merge"),
        ("ref", {"not": "refs/heads/evil"}),
        ("ref", {"exists": True}),
        ("ref", {"absent_or": MAIN}),
        ("ref", {"absent_or": {"like": "refs/heads/x*"}}),
        ("/ref", {"like": "refs/heads/**"}),
        ("base_ref", "main"),
        ("head_ref", "main"),
        ("event_name", "push"),
        ("ref_type", "branch"),
        ("actor", "octocat"),
        ("ref_protected", "false"),
        ("ref_protected", ["true", "false"]),
        ("ref_protected", {"like": "*"}),
        ("environment", {"like": "**"}),
        ("environment", {"like": "*"}),
        ("environment", {"exists": True}),
        ("environment", {"not": "dev"}),
        ("workflow_ref", {"like": "acme/**"}),
        ("workflow_ref", {"like": f"{HERE}@**"}),
        ("workflow_ref", {"like": "acme/**@refs/heads/main"}),
        ("job_workflow_ref", {"like": f"{HERE}@refs/**"}),
        ("job_workflow_ref", {"like": f"{HERE}@refs/heads/*"}),
        ("job_workflow_ref", {"like": "**@refs/pull/*/merge"}),
        ("job_workflow_ref", {"like": "*/*/.github/workflows/deploy.yml@refs/heads/main"}),
        ("ref", {"any": [MAIN]}),
        ("ref", {"like": "refs/heads/*-main"}),
        ("job_workflow_ref", [f"{HERE}@{MAIN}", f"{HERE}@refs/pull/1/merge"]),
        ("workflow", "deploy"),
        ("sub", {"like": "repo:acme@1/app@2:ref:refs/**"}),
        ("sub", {"like": "repo:acme@1/app@2:ref:refs/heads/**"}),
        ("sub", {"like": "repo:acme@1/app@2:**"}),
        ("sub", {"like": "repo:acme@1/app@2:environment:*"}),
        ("sub", "repo:acme@1/app@2:pull_request"),
        ("sub", [f"repo:acme@1/app@2:ref:{MAIN}", "repo:acme@1/app@2:pull_request"]),
    ]
]
NAMES: list[Row] = [
    ("github-names", GITHUB, {"repository": "acme/app", "ref": MAIN}),
    ("github-names", GITHUB, {"repository_owner": "acme", "environment": "production"}),
    ("github-names", GITHUB, {"sub": f"repo:acme/app:ref:{MAIN}"}),
    ("github-names", GITHUB, {"sub": {"like": "repo:acme/*:ref:refs/heads/main"}}),
    ("github-names", GITHUB, {"sub": {"like": "repo:acme*/**"}}),
    ("github-names", GITHUB, {"sub": {"like": "**repo:acme@1/app@2:ref:refs/heads/main"}}),
    ("github-names", GITHUB, {"sub": {"like": "repo:*@1/app@2:ref:refs/heads/main"}}),
    ("github-names", GITHUB, {"repository_id": {"like": "1*"}, "ref": MAIN}),
    ("github-names", GITHUB, {"repository_id": {"not": "7"}, "ref": MAIN}),
    ("github-names", GITHUB, {"repository_id": {"exists": True}, "ref": MAIN}),
    ("github-names", GITHUB, {"actor_id": "7", "ref": MAIN}),
    # A public reusable workflow is called from any repository of the world.
    ("github-names", GITHUB, {"job_workflow_ref": f"{HERE}@{MAIN}"}),
    ("github-names", GITHUB | {"require": {"repository": "acme/app"}}, {"ref": MAIN}),
    ("github-names", ENTERPRISE, {"repository": "acme/app"}),
    ("github-ungated", ENTERPRISE, {"repository": "acme/app"}),
    ("github-names", GHES, {"repository": "acme/app"}),
    ("github-ungated", GHES, {"repository_id": "7"}),
    ("github-names", at("https://token.actions.githubusercontent.com/octocat-inc"), {"repository": "acme/app"}),
    ("github-names", at("https://github.example.com/_services/token"), {"repository": "acme/app"}),
    ("gitlab-ungated", GITLAB, {"project_id": "5"}),
    ("gitlab-ungated", GITLAB, {"namespace_id": "5", "pipeline_source": "push"}),
    ("gitlab-ungated", GITLAB, {"project_id": "5", "ref": "main"}),
    ("gitlab-ungated", GITLAB, {"project_id": "5", "ref": "main", "ref_type": ["branch", "tag"]}),
    ("gitlab-ungated", GITLAB, {"project_id": "5", "ref": "main", "ref_type": {"exists": True}}),
    ("gitlab-ungated", GITLAB, {"project_id": "5", "ref": {"like": "**"}, "ref_type": "branch"}),
    ("gitlab-ungated", GITLAB, {"project_id": "5", "ref": {"like": "*/main"}, "ref_type": "branch"}),
    ("gitlab-ungated", GITLAB, {"project_id": "5", "ref_protected": {"not": "false"}}),
    ("gitlab-ungated", GITLAB, {"project_id": "5", "ref_protected": "false"}),
    ("gitlab-ungated", GITLAB, {"project_id": "5", "ref_path": {"like": "refs/heads/**"}}),
    ("gitlab-ungated", GITLAB, {"project_id": "5", "environment": {"like": "**"}}),
    ("gitlab-ungated", GITLAB, {"project_id": "5", "user_login": "bob"}),
    ("gitlab-ungated", GITLAB | {"require": {"project_id": "5"}}, {"sub": {"exists": True}}),
    ("gitlab-ungated", GITLAB, {"project_id": "5", "sub": {"like": "project_path:acme/app:ref_type:*:ref:**"}}),
    ("shared-issuer", GITLAB, {"project_path": "acme/app", "ref_protected": "true"}),
    ("shared-issuer", GITLAB, {"sub": "project_path:acme/app:ref_type:branch:ref:main"}),
    ("shared-issuer", GITLAB, {"namespace_path": {"like": "acme/**"}, "ref_protected": "true"}),
    ("shared-issuer", at("https://gitlab.com"), {"ref_protected": "true"}),
    ("changes-hands", OWN_GITLAB, {"project_path": "acme/app", "ref_protected": "true"}),
    ("changes-hands", OWN_GITLAB, {"sub": "project_path:acme/app:ref_type:branch:ref:main"}),
]
PLACES: list[Row] = [
    ("ungated", VERCEL, {"owner_id": "team_1"}),
    ("ungated", VERCEL, {"owner_id": "team_1", "project_id": "prj_1"}),
    ("ungated", VERCEL, {"project_id": "prj_1", "environment": {"not": "production"}}),
    ("ungated", VERCEL, {"project_id": "prj_1", "environment": {"like": "*"}}),
    ("ungated", VERCEL, {"project_id": "prj_1", "sub": {"like": "owner:acme:project:site:environment:*"}}),
    ("ungated", VERCEL | {"require": {"owner_id": "team_1"}}, {"project_id": "prj_1"}),
    ("ungated", BUILDKITE, {"organization_id": "0184990a"}),
    ("ungated", BUILDKITE, {"pipeline_id": "0184990b", "build_branch": {"like": "*"}}),
    ("ungated", BUILDKITE, {"pipeline_id": "0184990b", "sub": {"like": BUILD + "**"}}),
    ("open-wildcard", GITHUB, {"repository_id": "7", "ref": {"like": "refs/heads/main*"}}),
    ("open-wildcard", GITHUB, {"repository_id": "7", "environment": {"like": "prod-*"}}),
    ("open-wildcard", GITLAB, {"project_id": "5", "ref": {"like": "main*"}, "ref_type": "branch"}),
]
AUDIENCES: list[Row] = [
    ("replayable", EKS | {"audiences": [audience]}, {"sub": "system:serviceaccount:media:uploader"})
    for audience in (
        "sts.amazonaws.com",
        "https://kubernetes.default.svc",
        "https://kubernetes.default.svc.cluster.local",
    )
] + [
    ("replayable", KEYCLOAK | {"audiences": ["ours", "account"]}, {"/realm_access/roles": {"any": ["uploader"]}}),
    ("replayable", GITHUB | {"audiences": ["https://github.com/acme"]}, {"repository_id": "7", "ref": MAIN}),
    ("replayable", GITHUB | {"audiences": ["api://AzureADTokenExchange"]}, {"repository_id": "7", "ref": MAIN}),
    ("replayable", GITLAB | {"audiences": ["https://gitlab.com"]}, {"project_id": "5", "ref_protected": "true"}),
]
SELF_WRITTEN: list[Row] = [
    ("caller-chosen", SUPABASE, {"/user_metadata/role": "editor"}),
    ("caller-chosen", SUPABASE, {"/user_metadata/roles": {"any": ["editor"]}}),
    ("caller-chosen", SUPABASE | {"require": {"/user_metadata/role": "editor"}}, {"sub": {"exists": True}}),
    ("caller-chosen", SUPABASE, {"/user_metadata/email_verified": True, "/user_metadata/role": {"like": "edit*"}}),
    ("caller-chosen", COGNITO, {"custom:role": "admin"}),
    ("caller-chosen", COGNITO, {"/custom:role": ["admin", "editor"]}),
    ("caller-chosen", COGNITO, {"custom:role": "admin", "email_verified": True}),
    ("caller-chosen", COGNITO, {"profile": "admin"}),
    ("caller-chosen", COGNITO, {"website": {"like": "https://acme.example/**"}}),
    ("caller-chosen", COGNITO, {"nickname": "admin"}),
    ("caller-chosen", COGNITO, {"preferred_username": "admin"}),
    ("outsiders", COGNITO, {"cognito:username": {"like": "Google_*"}}),
    ("caller-chosen", CLERK, {"/unsafe_metadata/role": "admin"}),
    ("caller-chosen", CLERK, {"/o/rol": "admin"}),
    ("caller-chosen", CLERK, {"org_role": "org:admin"}),
    ("changes-hands", CLERK, {"/o/slg": "acme"}),
    ("caller-chosen", AUTH0, {"/user_metadata/role": "admin"}),
    ("caller-chosen", AUTH0, {"/https:~1~1acme.example~1user_metadata/role": "admin"}),
    ("caller-chosen", AUTH0, {"https://acme.example/nickname": "admin"}),
    ("changes-hands", AUTH0, {"org_name": "acme"}),
    ("caller-chosen", STS, {TAGS: "x"}),
    ("caller-chosen", STS, {TAGS: "x", "sub": {"exists": True}}),
    ("caller-chosen", STS, {TAGS: "x", ACCOUNT: "123456789012"}),
    ("caller-chosen", STS, {TAGS: {"like": "x*"}, "sub": {"like": "arn:aws:iam::**"}}),
    ("caller-chosen", FIREBASE, {"name": "Admin"}),
    ("caller-chosen", EKS, {"/kubernetes.io/serviceaccount/name": "uploader"}),
    ("caller-chosen", KEYCLOAK, {"preferred_username": "admin"}),
    ("caller-chosen", PLAIN, {"nickname": "admin"}),
    ("caller-chosen", CLERK, {"first_name": "Bob"}),
    ("changes-hands", ENTRA, {"preferred_username": "admin@corp.example"}),
    ("changes-hands", ENTRA, {"upn": {"like": "*@corp.example"}}),
    ("changes-hands", ENTRA, {"email": "admin@corp.example"}),
    ("changes-hands", ENTRA, {"/email": ["admin@corp.example"], "email_verified": True}),
    ("changes-hands", ENTRA | {"require": {"unique_name": "admin"}}, {"tid": ID}),
]
_UNVERIFIED: list[tuple[str, Any, dict[str, Any]]] = [
    ("unverified-address", "admin@corp.example", {}),
    ("unverified-address", ["admin@corp.example"], {"email_verified": {"exists": True}}),
    ("unverified-address", {"like": "*@corp.example"}, {"email_verified": [True, False]}),
    ("unverified-address", {"like": "*@corp.example"}, {"email_verified": {"absent_or": True}}),
    ("unverified-address", {"like": "*@corp.example"}, {"email_verified": False}),
]
ADDRESSES: list[Row] = [
    (code, issuer, {claim: wanted, **more})
    for code, wanted, more in _UNVERIFIED
    for issuer, claim in [(COGNITO, "email"), (AUTH0, "/email"), (FIREBASE, "email"), (SUPABASE, "email")]
] + [
    ("unverified-address", PLAIN, {"email": "admin@corp.example"}),
    ("unverified-address", PLAIN | {"require": {"email": {"like": "*@corp.example"}}}, {"sub": {"exists": True}}),
    ("unverified-address", OKTA, {"email": {"like": "*@corp.example"}}),
    ("unverified-address", COGNITO, {"phone_number": "+4915112345678"}),
    ("unverified-address", AUTH0, {"https://acme.example/email": "admin@corp.example"}),
    ("unverified-address", PLAIN, {"mail": {"like": "*@corp.example"}}),
    ("unverified-address", PLAIN, {"emails": {"any": ["admin@corp.example"]}}),
    ("unverified-address", CLERK, {"primary_email_address": "admin@corp.example"}),
    ("unverified-address", SUPABASE, {"phone": "4915112345678"}),
    ("unverified-address", SUPABASE, {"email": "a@corp.example", "/user_metadata/email_verified": True}),
    ("outsiders", FIREBASE, {"email": {"like": "*@gmail.com"}, "email_verified": True}),
    ("outsiders", FIREBASE, {"email": {"like": "*corp.example"}, "email_verified": True}),
    ("outsiders", FIREBASE, {"email": {"like": "admin@*"}, "email_verified": True}),
    ("outsiders", FIREBASE, {"email": {"like": "*@corp.example*"}, "email_verified": True}),
    ("shared-issuer", GOOGLE, {"email": "bob@corp.example", "email_verified": True}),
    ("shared-issuer", GOOGLE, {"email": {"like": "*@corp.example"}, "email_verified": True}),
    ("shared-issuer", GOOGLE, {"email": {"like": "*@gmail.com"}, "email_verified": True}),
    ("shared-issuer", GOOGLE, {"email": ["bob@gmail.com", "bob@corp.example"], "email_verified": True}),
    ("unverified-address", GOOGLE, {"email": "bob@gmail.com"}),
]
SHARED: list[Row] = [
    ("shared-issuer", GOOGLE, {"email_verified": True}),
    ("shared-issuer", GOOGLE, {"hd": {"exists": True}}),
    ("shared-issuer", GOOGLE, {"hd": {"like": "*.example"}}),
    ("shared-issuer", GOOGLE, {"hd": {"not": "evil.example"}}),
    ("shared-issuer", GOOGLE, {"sub": {"like": "1*"}}),
    ("shared-issuer", VERCEL | {"issuer": "https://oidc.vercel.com"}, {"environment": "production"}),
    ("shared-issuer", VERCEL | {"issuer": "https://oidc.vercel.com"}, {"owner": "acme", "project": "site"}),
    ("shared-issuer", at("https://oidc.vercel.com"), {"environment": "production"}),
    ("shared-issuer", VERCEL, {"sub": "owner:acme:project:site:environment:production"}),
    ("shared-issuer", VERCEL, {"owner_id": {"like": "team_*"}, "environment": "production"}),
    ("shared-issuer", TERRAFORM, {"terraform_workspace_name": "prod"}),
    ("shared-issuer", TERRAFORM, {"terraform_organization_name": "acme", "terraform_run_phase": "apply"}),
    ("shared-issuer", TERRAFORM, {"sub": {"like": "organization:acme:project:*:workspace:prod:run_phase:apply"}}),
    ("shared-issuer", TERRAFORM, {"terraform_organization_id": {"like": "org-*"}}),
    ("shared-issuer", at("https://app.eu.terraform.io"), {"terraform_workspace_name": "prod"}),
    ("shared-issuer", BUILDKITE, {"organization_slug": "acme", "pipeline_slug": "deploy"}),
    ("shared-issuer", BUILDKITE, {"build_branch": "main"}),
    ("shared-issuer", at("https://oidc.codefresh.io"), {"account_name": "acme"}),
    ("shared-issuer", APPLE, {"email_verified": True}),
    ("shared-issuer", APPLE, {"is_private_email": False}),
    ("shared-issuer", PERSONAL, {"tid": "9188040d-6c67-4c5b-b112-36a304b66dad"}),
    ("shared-issuer", PERSONAL, {"preferred_username": "bob@outlook.com"}),
    ("shared-issuer", ENTRA | {"issuer": PERSONAL["issuer"]}, {"roles": {"any": ["Uploader"]}}),
    ("shared-issuer", PERSONAL_V1, {"ver": "1.0"}),
    ("shared-issuer", at("https://login.microsoftonline.com/common/v2.0"), {"roles": {"any": ["Uploader"]}}),
    ("shared-issuer", at("https://huggingface.co"), {"email_verified": True}),
]
TAUTOLOGIES: list[Row] = [
    (code, issuer, when)
    for code, issuer in [("outsiders", AUTH0), ("outsiders", SUPABASE), ("outsiders", CLERK), ("everyone", PLAIN)]
    for when in [
        {"iss": issuer["issuer"]},
        {"aud": "us"},
        {"/iss": {"like": "https://**"}},
        {"sub": {"exists": True}},
        {"sub": {"like": "**"}},
        {"/sub": {"like": "*"}},
        {"blocked": {"exists": False}},
        {"role": {"not": "guest"}},
        {"role": {"not": ["guest", "banned"]}},
        {"groups": {"not": {"any": ["guests"]}}},
        {"role": {"absent_or": "editor"}},
        {"suspended": False},
        {"jti": {"exists": True}, "exp": {"exists": True}},
        {"email_verified": True},
        {"scope": {"words": ["openid", "email"]}},
        {"scope": "openid profile"},
        {"scope": ["upload", "openid"]},
    ]
] + [
    ("everyone", ENTRA, {"tid": ID}),
    ("everyone", ENTRA, {"sub": {"exists": True}}),
    ("everyone", STS, {ACCOUNT: "123456789012"}),
    ("everyone", STS, {"sub": {"like": "arn:aws:iam::**"}}),
    ("everyone", STS, {"sub": {"like": "arn:aws:iam::123456789012:role/*"}}),
    ("everyone", EKS, {"/kubernetes.io/namespace": {"exists": True}}),
    ("everyone", EKS, {"sub": {"like": "system:serviceaccount:**"}}),
    ("everyone", EKS, {"sub": {"like": "system:serviceaccount:*:uploader"}}),
    ("everyone", OKTA, {"groups": {"any": ["Everyone"]}}),
    ("everyone", OKTA, {"groups": {"any": ["Editors", "Everyone"]}}),
    ("everyone", KEYCLOAK, {"/realm_access/roles": {"any": ["default-roles-acme"]}}),
    ("everyone", KEYCLOAK, {"/realm_access/roles": {"all": ["offline_access", "uma_authorization"]}}),
    ("everyone", ACCESS, {"country": "DE"}),
    ("everyone", ACCESS, {"email": {"like": "*@gmail.com"}}),
    ("outsiders", COGNITO, {"cognito:groups": {"any": ["eu-central-1_A_Google"]}}),
    ("outsiders", COGNITO, {"token_use": "id"}),
    ("outsiders", COGNITO, {"cognito:groups": {"like": "*"}}),
    ("outsiders", COGNITO, {"cognito:groups": {"any": ["editors", "eu-central-1_A_Google"]}}),
    ("outsiders", COGNITO, {"/identities/0/providerName": "Google"}),
    ("outsiders", AUTH0, {"permissions": {"exists": True}}),
    ("outsiders", AUTH0, {"permissions": {"not": {"any": ["ban"]}}}),
    ("outsiders", AUTH0, {"https://acme.example/connection": "google-oauth2"}),
    ("outsiders", AUTH0, {"scope": {"like": "*openid*"}}),
    ("outsiders", CLERK, {"org_id": {"like": "org_*"}}),
    ("outsiders", CLERK, {"/o/id": {"exists": True}}),
    ("outsiders", SUPABASE, {"role": {"like": "auth*"}}),
    ("outsiders", SUPABASE, {"/app_metadata/role": {"not": "banned"}}),
    ("everyone", ENTRA, {"idtyp": "user", "acct": 0}),
    ("everyone", ENTRA, {"oid": {"like": "0*"}}),
    ("everyone", ENTRA, {"scp": {"words": ["Media.Upload"]}}),
    ("everyone", STS, {"sub": {"like": "arn:aws:iam::*:role/nightly"}}),
    ("everyone", OKTA, {"scp": {"any": ["openid"]}}),
    ("everyone", KEYCLOAK, {"scope": {"words": ["profile"]}}),
    ("everyone", PLAIN, {"groups": {"any": ["everyone", "editors"]}}),
    ("outsiders", MACHINES, {"client_id": "app"}),
    ("outsiders", MACHINES, {"scope": {"words": ["aws.cognito.signin.user.admin"]}}),
    ("outsiders", AUTH0, {"azp": "our-page"}),
    ("outsiders", AUTH0, {"scope": {"words": ["upload"]}}),
    ("outsiders", CLERK, {"pla": "u:free"}),
    ("outsiders", AUTH0, {"sub": {"like": "auth0|*"}}),
    ("outsiders", AUTH0, {"sub": {"like": "google-oauth2|**"}}),
    ("outsiders", CLERK, {"sub": {"like": "user_*"}}),
    ("outsiders", CLERK, {"azp": "https://app.example.com"}),
    ("outsiders", FIREBASE, {"email_verified": True}),
    ("outsiders", FIREBASE, {"/firebase/sign_in_provider": "google.com"}),
    ("outsiders", FIREBASE | {"require": {"/firebase/tenant": "acme-1"}}, {"sub": {"exists": True}}),
    ("outsiders", SUPABASE, {"role": "authenticated"}),
    ("outsiders", SUPABASE, {"role": ["editor", "authenticated"]}),
    ("outsiders", SUPABASE, {"/app_metadata/provider": "google"}),
    ("outsiders", SUPABASE, {"/app_metadata/providers": {"any": ["google"]}}),
    ("outsiders", SUPABASE, {"aal": "aal2", "/amr/0/method": "password"}),
    ("outsiders", SUPABASE | {"require": {"client_id": "ours"}}, {"sub": {"exists": True}}),
]
PRESET_LESS: list[Row] = [
    ("use-preset", at(entry["issuer"], keys=keys), {"sub": "u1"})
    for entry in (
        COGNITO,
        FIREBASE,
        SUPABASE,
        AUTH0,
        CLERK,
        ENTRA,
        ACCESS,
        STS,
        EKS,
        OKTA,
        KEYCLOAK,
        VERCEL,
        GITLAB,
        GHES,
    )
    for keys in ("discovery", {"url": "https://keys.example/jwks"})
] + [
    ("use-preset", at("https://accounts.google.com"), {"hd": "example.com"}),
    ("use-preset", at("https://token.actions.githubusercontent.com"), {"repository_id": "7", "ref": MAIN}),
    ("use-preset", at("https://acme.okta.com"), {"sub": "u1"}),
    ("use-preset", GITLAB | {"issuer": ACCESS["issuer"]}, {"email": "bob@example.com"}),
    *(
        ("preset-keys", entry | {"keys": {"url": "https://keys.example/jwks"}}, {"sub": "u1"})
        for entry in (COGNITO, FIREBASE, SUPABASE, AUTH0, CLERK, ENTRA, ACCESS, STS, EKS, OKTA, KEYCLOAK)
    ),
]
ROWS = [*GATES, *NAMES, *SELF_WRITTEN, *ADDRESSES, *SHARED, *PLACES, *AUDIENCES, *TAUTOLOGIES, *PRESET_LESS]


@pytest.mark.parametrize(
    ("code", "issuer", "when"), ROWS, ids=[f"{code}-{number}-{when}" for number, (code, _, when) in enumerate(ROWS)]
)
def test_a_rule_that_lets_outsiders_in_gets_an_opinion_for_tokens_and_for_signatures(
    code: str, issuer: dict[str, Any], when: dict[str, Any]
) -> None:
    assert code in codes(policy(issuer, rule(when, scopes=["assemblies:write"])))
    assert code in codes(policy(issuer, signs("assembly", AVATAR, when)))


@pytest.mark.parametrize("entry", [COGNITO, AUTH0, CLERK, FIREBASE, SUPABASE, ENTRA, ACCESS, OKTA, KEYCLOAK, APPLE])
@pytest.mark.parametrize(
    ("code", "scope"),
    [
        *(
            ("end-user-write", scope)
            for scope in (
                "assemblies:write",
                "templates:write",
                "template_credentials:write",
                "storage_grants:write",
                "dam:write",
                "assembly_notifications:write",
                "smart_cdn:sign",
                "write",
            )
        ),
        ("end-user-read", "billing:read"),
        ("end-user-read", "assemblies:read"),
        ("end-user-read", "*"),
    ],
)
def test_end_users_who_read_or_write_in_the_workspace_get_an_opinion(entry: Any, code: str, scope: str) -> None:
    assert code in codes(policy(entry, rule({"sub": "u1"}, scopes=scope if scope == "*" else [scope])))


def test_a_token_for_each_account_of_an_open_issuer_gets_an_opinion() -> None:
    everyone = rule({"email_verified": True}, share="caller", silence={"outsiders": "every signed-in user"})
    assert "mint-budget" in codes(policy(FIREBASE, everyone))
    assert "mint-budget" not in codes(policy(FIREBASE, rule({"editor": True}, share="caller")))


@pytest.mark.parametrize(
    ("issuer", "when"),
    [
        ("aws-iam", {"account": "123456789012"}),
        ("aws-iam", {"account": "123456789012", "type": "role"}),
        ("aws-iam", {"account": "123456789012", "role": {"like": "**"}}),
        ("aws-iam", {"account": "123456789012", "role": {"not": "guest"}}),
        ("aws-iam", {"account": "123456789012", "cognito": True}),
        ("aws-iam", {"sub": {"like": "arn:aws:iam::123456789012:**"}}),
        ("aws-iam", {"sub": {"like": "arn:aws:iam::123456789012:role/*"}}),
        ("invoke", {"sub": {"exists": True}}),
        ("invoke", {"sub": {"like": "**"}}),
        ("invoke", {"sub": {"not": "nightly"}}),
    ],
    ids=str,
)
def test_a_rule_for_every_caller_without_a_jwt_gets_an_opinion(issuer: str, when: dict[str, Any]) -> None:
    assert "everyone" in codes(policy(PLAIN, rule(), rule(when, issuer=issuer)))


def test_a_condition_on_the_session_beside_the_account_gets_an_opinion() -> None:
    when = {"account": "123456789012", "session": "nightly"}
    assert "caller-chosen" in codes(policy(PLAIN, rule(), rule(when, issuer="aws-iam")))
