"""Presets of well-known issuers and uses. A policy that uses one cannot get their settings wrong."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from token_broker.policy.model import Matcher

_STS = "/https:~1~1sts.amazonaws.com~1/"
# Only tokens that a kubelet requested for its pod have these claims. Tokens in Secrets have others, and never expire: a
# copy of one would be good for ever.
_POD = {"/kubernetes.io/namespace": {"exists": True}, "/kubernetes.io/pod/uid": {"exists": True}}


@dataclass(frozen=True, slots=True)
class Preset:
    """One kind of JWT of one issuer. `source`: the page that documents it."""

    title: str
    source: str
    issuer: str | None  # None if each tenant has its own
    shape: str  # a regular expression for the whole issuer
    example: str
    algorithms: tuple[str, ...] = ("RS256",)
    keys_path: str | None = None  # a URL, or a path at the issuer; None means discovery
    require: Mapping[str, Any] = field(default_factory=dict)
    audience_claim: str = "aud"
    subject_claim: str = "sub"
    text_claims: frozenset[str] = frozenset()  # claims that look like numbers or booleans, and are texts
    named: frozenset[str] = frozenset()  # required claims for which the policy may name values of its own
    unique_shape: str | None = None  # the shape of issuers that nobody else has; None means `shape`
    signs_alone: bool = False  # its JWTs get signatures and no bearer token


PRESETS: dict[str, Preset] = {
    "github-actions": Preset(
        "GitHub Actions",
        "https://docs.github.com/en/actions/reference/security/oidc",
        "https://token.actions.githubusercontent.com",
        # github.com, an enterprise's own issuer, one with data residency, and GitHub Enterprise Server.
        r"https://(token\.actions\.githubusercontent\.com(/[\w-]+)?|token\.actions\.[a-z0-9-]+\.ghe\.com"
        r"|[a-z0-9.-]+(:[0-9]+)?/_services/token)",
        "https://token.actions.githubusercontent.com",
        text_claims=frozenset(
            {
                "repository_id",
                "repository_owner_id",
                "enterprise_id",
                "actor_id",
                "run_id",
                "run_number",
                "run_attempt",
                "ref_protected",
            }
        ),
    ),
    "gitlab": Preset(
        "GitLab",
        "https://docs.gitlab.com/ci/secrets/id_token_authentication/",
        None,
        r"https://[a-z0-9.-]+(:[0-9]+)?",
        "https://gitlab.com",
        text_claims=frozenset(
            {"project_id", "namespace_id", "user_id", "pipeline_id", "job_id", "ref_protected", "environment_protected"}
        ),
        unique_shape=r"https://gitlab\.com",
    ),
    "cognito-id": Preset(
        "Amazon Cognito, id token",
        "https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html",
        None,
        r"https://cognito-idp\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[\w-]+",
        "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEf",
        keys_path="/.well-known/jwks.json",
        require={"token_use": "id"},
    ),
    "cognito-access": Preset(
        "Amazon Cognito, access token",
        "https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html",
        None,
        r"https://cognito-idp\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[\w-]+",
        "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEf",
        keys_path="/.well-known/jwks.json",
        require={"token_use": "access"},
        audience_claim="client_id",
    ),
    "auth0": Preset(
        "Auth0",
        "https://auth0.com/docs/secure/tokens/access-tokens/validate-access-tokens",
        None,
        r"https://[a-z0-9.-]+/",
        "https://acme.eu.auth0.com/",
        unique_shape=r"https://[a-z0-9.-]+\.auth0\.com/",
    ),
    "clerk": Preset(
        "Clerk, session token",
        "https://clerk.com/docs/guides/sessions/manual-jwt-verification",
        None,
        r"https://[a-z0-9.-]+",
        "https://clerk.example.com",
        # A session is pending until its user has chosen an organization and set up a second factor. Without a condition
        # on `sts` a password alone would be enough.
        require={"sid": {"exists": True}, "sts": {"absent_or": "active"}},
        audience_claim="azp",
        unique_shape=r"https://([a-z0-9-]+\.clerk\.accounts\.dev|clerk\.[a-z0-9.-]+)",
    ),
    "firebase": Preset(
        "Firebase Authentication",
        "https://firebase.google.com/docs/auth/admin/verify-id-tokens",
        None,
        r"https://securetoken\.google\.com/[a-z0-9-]+",
        "https://securetoken.google.com/my-project",
        keys_path="https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
        # Each tenant has users and sign-in methods of its own, and all have the project's issuer and audience. With no
        # condition on the tenant users of any tenant would pass, and without the first one visitors without an account:
        # https://cloud.google.com/identity-platform/docs/multi-tenancy-authentication
        require={"/firebase/sign_in_provider": {"not": "anonymous"}, "/firebase/tenant": {"exists": False}},
        named=frozenset({"/firebase/tenant"}),
    ),
    "firebase-app-check": Preset(
        "Firebase App Check",
        # The claims: https://firebase.google.com/docs/reference/admin/node/firebase-admin.app-check.decodedappchecktoken
        "https://firebase.google.com/docs/app-check/custom-resource-backend",
        None,
        r"https://firebaseappcheck\.googleapis\.com/[0-9]+",
        "https://firebaseappcheck.googleapis.com/123456789012",
        keys_path="https://firebaseappcheck.googleapis.com/v1/jwks",
        # It says that an app of the project runs, as far as its provider can tell, and nothing about a person. So it is
        # worth what the page itself may do.
        signs_alone=True,
    ),
    "google": Preset(
        "Google, id token",
        "https://developers.google.com/identity/openid-connect/openid-connect",
        "https://accounts.google.com",
        r"https://accounts\.google\.com",
        "https://accounts.google.com",
        keys_path="https://www.googleapis.com/oauth2/v3/certs",
    ),
    "entra-v2": Preset(
        "Microsoft Entra ID, version 2.0",
        "https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference",
        None,
        r"https://login\.microsoftonline\.com/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/v2\.0",
        "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/v2.0",
        require={"ver": "2.0"},
        text_claims=frozenset({"ver"}),
    ),
    "supabase": Preset(
        "Supabase",
        "https://supabase.com/docs/guides/auth/oauth-server/token-security",
        None,
        r"https://[a-z0-9.-]+/auth/v1",
        "https://abcdefghijklmnop.supabase.co/auth/v1",
        algorithms=("ES256",),
        keys_path="/.well-known/jwks.json",
        # A JWT that an OAuth client of a third party got for a user differs from the user's own only by `client_id`.
        require={"role": "authenticated", "is_anonymous": False, "client_id": {"exists": False}},
        named=frozenset({"client_id"}),
    ),
    "cloudflare-access": Preset(
        "Cloudflare Access, a person",
        "https://developers.cloudflare.com/cloudflare-one/identity/authorization-cookie/application-token/",
        None,
        r"https://[a-z0-9-]+\.cloudflareaccess\.com",
        "https://acme.cloudflareaccess.com",
        keys_path="/cdn-cgi/access/certs",
        require={"type": "app", "email": {"exists": True}, "common_name": {"exists": False}},
    ),
    "cloudflare-access-service": Preset(
        "Cloudflare Access, a service token",
        "https://developers.cloudflare.com/cloudflare-one/identity/authorization-cookie/application-token/",
        None,
        r"https://[a-z0-9-]+\.cloudflareaccess\.com",
        "https://acme.cloudflareaccess.com",
        keys_path="/cdn-cgi/access/certs",
        require={"type": "app", "common_name": {"exists": True}},
        subject_claim="common_name",
    ),
    "aws-sts": Preset(
        "AWS STS, web identity token",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound.html",
        None,
        r"https://[0-9a-f-]{36}\.tokens\.sts\.global\.api\.aws",
        "https://00000000-0000-0000-0000-000000000000.tokens.sts.global.api.aws",
        algorithms=("RS256", "ES384"),
        require={f"{_STS}aws_account": {"exists": True}},
        text_claims=frozenset({f"{_STS}aws_account"}),
    ),
    "eks": Preset(
        "Amazon EKS, a pod's service account",
        "https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html",
        None,
        r"https://oidc\.eks\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/id/[0-9A-F]{32}",
        "https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF",
        require=_POD,
    ),
    "kubernetes": Preset(
        "Kubernetes, a pod's service account",
        "https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/",
        None,
        r"https://[a-z0-9.-]+(:[0-9]+)?(/[\w./-]*)?",
        "https://kubernetes.default.svc.cluster.local",
        require=_POD,
        unique_shape=r"https://kubernetes\.default\.svc(\.cluster\.local)?",
    ),
    "okta": Preset(
        "Okta, access token of a custom authorization server",
        "https://developer.okta.com/docs/guides/validate-access-tokens/",
        None,
        r"https://[a-z0-9.-]+/oauth2/[\w-]+",
        "https://acme.okta.com/oauth2/default",
        # An id token of the same server has no `cid`, and goes to browsers: it must not pass for an access token.
        require={"cid": {"exists": True}},
        unique_shape=r"https://[a-z0-9-]+\.(okta|oktapreview|okta-emea)\.com/oauth2/[\w-]+",
    ),
    "okta-id": Preset(
        "Okta, id token",
        "https://developer.okta.com/docs/guides/validate-id-tokens/",
        None,
        r"https://[a-z0-9.-]+(/oauth2/[\w-]+)?",
        "https://acme.okta.com",
        require={"idp": {"exists": True}, "cid": {"exists": False}},
        unique_shape=r"https://[a-z0-9-]+\.(okta|oktapreview|okta-emea)\.com(/oauth2/[\w-]+)?",
    ),
    "keycloak": Preset(
        "Keycloak, access token",
        "https://www.keycloak.org/docs-api/latest/javadocs/constant-values.html",
        None,
        r"https://[a-z0-9.-]+(:[0-9]+)?(/[\w-]+)?/realms/[\w.-]+",
        "https://login.example.com/realms/acme",
        require={"typ": "Bearer"},  # the claim; the header's `typ` is JWT for every kind of token
    ),
    "keycloak-id": Preset(
        "Keycloak, id token",
        "https://www.keycloak.org/docs-api/latest/javadocs/constant-values.html",
        None,
        r"https://[a-z0-9.-]+(:[0-9]+)?(/[\w-]+)?/realms/[\w.-]+",
        "https://login.example.com/realms/acme",
        require={"typ": "ID"},
    ),
    "vercel": Preset(
        "Vercel, a deployment",
        "https://vercel.com/docs/oidc/reference",
        None,
        r"https://oidc\.vercel\.com(/[a-z0-9-]+)?",
        "https://oidc.vercel.com/acme",
    ),
}

# What a rule's preset stands for.
RULE_PRESETS: dict[str, tuple[str, ...]] = {
    # Make an Assembly from a Template or from instructions, follow it, list Templates: no tool of Transloadit's MCP
    # server needs more, https://github.com/transloadit/node-sdk/tree/main/packages/mcp-server
    "mcp-agent": ("assemblies:write", "assemblies:read", "templates:read"),
}


def find_presets(issuer: str) -> list[str]:
    """The names of the presets whose issuers have this shape, and nobody else's."""
    return [name for name, each in PRESETS.items() if re.fullmatch(each.unique_shape or each.shape, issuer, re.ASCII)]


def signs_alone(issuer: str, preset: str | None) -> bool:
    """Whether JWTs of this issuer get signatures and no bearer token."""
    return any(PRESETS[name].signs_alone for name in (*find_presets(issuer), *filter(None, [preset])))


def find_misfits(text_claims: frozenset[str], conditions: Mapping[str, Any]) -> list[str]:
    """The claims that are texts, and that a policy compares with a number or a boolean."""
    return [claim for claim, condition in conditions.items() if claim in text_claims and not _is_text(condition)]


def _is_text(condition: Any) -> bool:
    if isinstance(condition, Matcher):
        return condition.not_ is None or _is_text(condition.not_)
    values = condition if isinstance(condition, list) else [condition]
    return all(not isinstance(value, (bool, int, float)) for value in values)
