"""Facts about the callers of well-known issuers: how to become one, and which claims distinguish one from another.

Claims are written as their path with slashes (`user_metadata/role`), and stand for everything below them. A claim that
is in no list distinguishes callers, unless it is compared with a public value.
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from broker.caller.caller import IAM, INVOKE

from token_broker.policy.model import Issuer, Rule


def _claims(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Claims about the JWT itself, its session or the caller's place: everybody's JWT has them.
_OF_EVERYBODY = _claims(
    "iss aud exp nbf iat jti nonce typ token_use tid ver sid session_id session_state auth_time acr amr aal "
    "at_hash c_hash s_hash origin_jti event_id updated_at email_verified phone_number_verified xms_edov "
    "country ip ipaddr identity_nonce is_anonymous sts fva v"
)
# https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims: the person's own words; section 5.7 says that
# `preferred_username` and the like do not identify a person. The metadata are each vendor's "editable by the user".
_OF_THE_CALLER = _claims(
    "name given_name family_name middle_name nickname preferred_username profile picture website gender birthdate "
    "zoneinfo locale address first_name last_name full_name image_url "
    "user_metadata unsafe_metadata raw_user_meta_data request_tags"
)
# https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims: any client may ask for these.
OPEN_SCOPES = ("openid", "profile", "email", "phone", "address", "offline_access")
# Values that everybody has at any issuer.
PUBLIC = {
    **dict.fromkeys(("scope", "scp", "scopes"), OPEN_SCOPES),
    **dict.fromkeys(("groups", "roles"), ("everyone", "Everyone")),
}
# The claim with an address, and the claim that says whether the address is verified.
ADDRESSES = {
    **dict.fromkeys(("email", "emails", "mail", "primary_email_address"), "email_verified"),
    **dict.fromkeys(("phone", "phone_number"), "phone_number_verified"),
}
# Audiences that everybody's JWTs have: the clouds, a cluster's own API, GitHub's default, GitLab's example.
_OF_OTHERS = (
    r"sts\.amazonaws\.com(\.cn)?|api://AzureADTokenExchange|(https:)?//iam\.googleapis\.com/.+"
    r"|https://kubernetes\.default\.svc(\.cluster\.local)?|https://github\.com/[^/]+|https://gitlab\.com"
)


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one issuer, or of one kind of issuers.

    `issuers`: a regular expression of `iss`; without one the entry is for its presets alone.
    `pins`: where everybody shares the issuer, the claims of which an exact value says whose caller it is.
    `subjects`: a regular expression that a pattern on `sub` must fit to tell anybody from others.
    `audiences`: a regular expression of those that callers show elsewhere, too.
    """

    issuers: str = ""
    presets: tuple[str, ...] = ()
    pins: tuple[str, ...] = ()
    gates: Literal["github", "gitlab", "vercel", "buildkite"] | None = None  # whoever may push chooses branches
    is_open: bool = False  # whoever likes signs up
    end_users: bool = False
    chooses_audience: bool = False  # the caller writes `aud` itself, so that it pins nobody
    everybody: frozenset[str] = _OF_EVERYBODY
    caller: frozenset[str] = _OF_THE_CALLER
    names: frozenset[str] = frozenset()  # which can be given up and taken by others
    public: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # values that whoever likes gets; * as in files
    verified: frozenset[str] = frozenset()  # addresses that the issuer shows only when they are verified
    subjects: str = r"(?!)"
    audiences: str = _OF_OTHERS
    machines: Mapping[str, str] = field(default_factory=dict)  # values that only programs have; "": the claim is absent


# Which program the user came through; an outsider comes through the same.
CLIENTS = _claims("azp client_id cid appid")
# And what it asked for: without RBAC Auth0 gives any scope of the API to whoever asks,
# https://auth0.com/docs/get-started/apis/enable-role-based-access-control-for-apis
ASKED = CLIENTS | _claims("scope scp scopes")
_ENTRA = Facts(
    r"https://(login\.microsoftonline\.com|sts\.windows\.net)/[0-9a-f-]{36}(/v2\.0|/)?",
    ("entra-v2",),
    end_users=True,
    # Their owners or any tenant's administrator can change them ("nOAuth"):
    # https://learn.microsoft.com/en-us/entra/identity-platform/claims-validation
    names=_claims("email preferred_username upn unique_name name"),
    caller=_OF_THE_CALLER - {"preferred_username", "name"},
    everybody=_OF_EVERYBODY | _claims("azpacr appidacr scp acct idp uti rh aio login_hint"),
    public={"idtyp": ("user",)},
    machines={"idtyp": "app"},
)

_KNOWN: tuple[Facts, ...] = (
    Facts(
        r"https://token\.actions\.(githubusercontent\.com(/[\w-]+)?|[a-z0-9-]+\.ghe\.com)|https://.+/_services/token",
        ("github-actions",),
        gates="github",
    ),
    Facts(r"https://gitlab\.com", (), ("project_id", "namespace_id"), "gitlab", chooses_audience=True),
    Facts(
        "",
        ("gitlab",),
        gates="gitlab",
        # These name the job, but not its owner.
        everybody=_OF_EVERYBODY
        | _claims(
            "ref ref_type ref_protected ref_path environment environment_protected environment_action deployment_tier "
            "pipeline_source runner_environment runner_id sha ci_config_ref_uri ci_config_sha user_access_level"
        ),
        names=_claims("project_path namespace_path user_login user_email sub"),
    ),
    Facts(
        r"https://accounts\.google\.com",
        ("google",),
        ("hd", "sub", "email"),
        end_users=True,
        machines={"email": "*.gserviceaccount.com"},
    ),
    Facts(r"https://oidc\.vercel\.com(/[a-z0-9-]+)?", ("vercel",), ("owner_id", "project_id"), "vercel"),
    Facts(
        r"https://app\.(eu\.)?terraform\.io",
        (),
        ("terraform_organization_id", "terraform_project_id", "terraform_workspace_id"),
        chooses_audience=True,
    ),
    Facts(r"https://agent\.buildkite\.com", (), ("organization_id", "pipeline_id"), "buildkite", chooses_audience=True),
    Facts(r"https://oidc\.codefresh\.io", (), ("account_id", "pipeline_id"), chooses_audience=True),
    Facts(r"https://appleid\.apple\.com", (), ("sub", "email"), end_users=True),
    replace(
        _ENTRA,
        # The tenant of all personal Microsoft accounts, and the endpoints that belong to no tenant.
        issuers=r"https://(login\.microsoftonline\.com|sts\.windows\.net)"
        r"/(9188040d-6c67-4c5b-b112-36a304b66dad|common|organizations|consumers)(/v2\.0|/)?",
        presets=(),
        pins=("sub", "oid"),
    ),
    _ENTRA,
    Facts(
        r"https://(huggingface\.co|www\.facebook\.com|www\.linkedin\.com/oauth|id\.twitch\.tv/oauth2|access\.line\.me"
        r"|discord\.com|slack\.com|www\.paypal(objects)?\.com|login\.yahoo\.com|api\.login\.yahoo\.com)",
        (),
        ("sub",),
        end_users=True,
    ),
    Facts(
        r"https://cognito-idp\..+",
        ("cognito-id", "cognito-access"),
        is_open=True,
        end_users=True,
        everybody=_OF_EVERYBODY
        | CLIENTS
        | _claims("identities/providerName identities/providerType identities/issuer identities/primary"),
        # A user may write any attribute unless the app client forbids it:
        # https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html
        caller=_OF_THE_CALLER | {"custom:"},
        public={
            "scope": ("aws.cognito.signin.user.admin",),
            # Each federated user is in the group of its provider.
            "cognito:groups": ("*_Google", "*_Facebook", "*_SignInWithApple", "*_LoginWithAmazon"),
        },
        machines={"username": ""},
    ),
    Facts(
        r"https://[a-z0-9.-]+\.auth0\.com/",
        ("auth0",),
        is_open=True,
        end_users=True,
        everybody=_OF_EVERYBODY | ASKED,
        names=_claims("org_name"),
        public={
            "gty": ("authorization_code", "implicit", "password", "refresh_token"),
            "connection": (
                "Username-Password-Authentication",
                "google-oauth2",
                "github",
                "apple",
                "facebook",
                "email",
            ),
        },
        # Everybody shares the connection, which stands before the bar.
        subjects=r"[^*|]+\|[^*]*\w.*|.*@clients",
        machines={"gty": "client-credentials", "sub": "*@clients"},
    ),
    Facts(
        r"https://(securetoken|session\.firebase)\.google\.com/.+",
        ("firebase",),
        is_open=True,
        end_users=True,
        everybody=_OF_EVERYBODY | _claims("firebase/tenant firebase/sign_in_attributes"),
        caller=_OF_THE_CALLER | {"firebase/identities/email"},
        public={
            "firebase/sign_in_provider": ("anonymous", "custom", "password", "phone", "emailLink", "*.com"),
        },
        verified=frozenset({"phone_number"}),
    ),
    # Its callers are all who open the page, and programs that imitate it well enough.
    Facts(r"https://firebaseappcheck\.googleapis\.com/.+", ("firebase-app-check",), is_open=True, end_users=True),
    Facts(
        r"https://[a-z0-9-]+\.supabase\.co/auth/v1",
        ("supabase",),
        is_open=True,
        end_users=True,
        everybody=_OF_EVERYBODY | CLIENTS | _claims("app_metadata/provider app_metadata/providers"),
        public={"role": ("authenticated", "anon")},
    ),
    Facts(
        r"https://([a-z0-9-]+\.clerk\.accounts\.dev|clerk\.[a-z0-9.-]+)",
        ("clerk",),
        is_open=True,
        end_users=True,
        everybody=_OF_EVERYBODY | CLIENTS,
        # A user who makes an organization is its administrator.
        caller=_OF_THE_CALLER | _claims("o/rol o/per o/fpm org_role org_permissions"),
        names=_claims("o/slg org_slug username"),
        public={"pla": ("*:free*",)},
    ),
    Facts(
        # Pools of a company's customers: Entra External ID, Azure AD B2C, Kinde, Descope, Stytch.
        r"https://[a-z0-9-]+\.(ciamlogin|b2clogin|kinde)\.com.*|https://api\.descope\.com/.+"
        r"|https://([a-z0-9-]+\.customers\.stytch\.com|api\.stytch\.com/.+|stytch\.com/.+)",
        is_open=True,
        end_users=True,
        everybody=_OF_EVERYBODY | CLIENTS,
    ),
    Facts("", ("cloudflare-access-service",)),
    Facts(
        r"https://[a-z0-9-]+\.cloudflareaccess\.com",
        ("cloudflare-access",),
        end_users=True,
        verified=frozenset({"email"}),
    ),
    Facts(
        r"https://[0-9a-f-]{36}\.tokens\.sts\.global\.api\.aws",
        ("aws-sts",),
        everybody=_OF_EVERYBODY | _claims("aws_account org_id source_region principal_id"),
        subjects=r"arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/[^*]*\w.*",
    ),
    Facts(
        r"https://oidc\.eks\..+",
        ("eks", "kubernetes"),
        # These names are chosen by anyone who may make objects in any namespace.
        caller=_OF_THE_CALLER | _claims("kubernetes.io/serviceaccount/name kubernetes.io/pod/name kubernetes.io/node"),
        subjects=r"system:serviceaccount:[^*:]+:.+",
    ),
    Facts(
        r"https://[a-z0-9-]+\.(okta|oktapreview|okta-emea)\.com(/.*)?",
        ("okta", "okta-id"),
        end_users=True,
        subjects=r"[^@]*@(\*{1,2}\.)?[a-z0-9.-]+",  # the login
    ),
    Facts(
        r"https://.+/realms/[\w.-]+",
        ("keycloak", "keycloak-id"),
        end_users=True,
        audiences="account",  # which every client of the realm has
        public={"realm_access/roles": ("offline_access", "uma_authorization", "default-roles-*"), "scope": ("roles",)},
    ),
)
# An issuer of one's own: who is a caller of it, is somebody.
_OWN = Facts(subjects=r".*\w.*")
_RESERVED = {
    IAM: Facts(
        everybody=_claims("account org_id type cognito"),
        caller=_claims("session"),
        subjects=r"arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/[^*]*\w.*",
    ),
    INVOKE: _OWN,
}


def facts_of(rule: Rule, issuer: Issuer | None) -> Facts:
    """The facts about a rule's callers. Without an issuer, the callers have no JWT."""
    return _RESERVED[rule.issuer] if issuer is None else facts_of_issuer(issuer)


def facts_of_issuer(issuer: Issuer) -> Facts:
    """The facts about this issuer's callers."""
    return _facts(issuer.issuer, issuer.preset)


@functools.cache
def _facts(issuer: str, preset: str | None) -> Facts:
    for facts in _KNOWN:
        if re.fullmatch(facts.issuers, issuer, re.ASCII) if facts.issuers else preset in facts.presets:
            return facts
    return next((facts for facts in _KNOWN if preset in facts.presets), _OWN)
