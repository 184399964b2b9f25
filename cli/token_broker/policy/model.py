"""The model of a trust policy: the one description of what a policy may hold. Its schema and pages are made from it."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from token_broker.policy.assemble.model import MadeAssembly
from token_broker.policy.sign.model import Sign, SignNames
from token_broker.policy.values import (
    Algorithm,
    CredentialName,
    Duration,
    Name,
    Pattern,
    PlainName,
    Scalar,
    Scalars,
    Scopes,
    Silence,
    Strict,
    Text,
    check_unique,
    find_form,
)

MAX_LEEWAY = 120  # seconds


def _find_key_form(value: Any) -> str:
    return "url" if isinstance(value, dict) and "url" in value else find_form(value)


def _find_rule_kind(value: Any) -> str:
    """What a rule gives. None of these names is a key, so an error's place never has them."""
    if isinstance(value, SignRule) or (isinstance(value, dict) and "sign" in value):
        return "rule for signatures"
    if isinstance(value, AssembleRule) or (isinstance(value, dict) and "assemble" in value):
        return "rule for Assemblies"
    return "rule for bearer tokens"


def _check_word(value: str) -> str:
    if not value or " " in value:
        raise ValueError("a word holds no spaces; write each word as an item of the list")
    return value


def _check_label(value: str) -> str:
    # It becomes part of a host's name.
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", value):
        raise ValueError("one DNS label: at most 63 small letters, digits and hyphens, no hyphen at an end")
    return value


class Tests(Strict):
    """Matchers. All that are present must hold."""

    any: Scalars | None = None
    """An array of scalars that holds one of these."""
    all: Scalars | None = None
    """An array of scalars that holds all of these."""
    words: Annotated[list[Annotated[str, AfterValidator(_check_word)]], Field(min_length=1)] | None = None
    """A text of words that holds all of these, as a `scope` claim."""
    like: Pattern | None = None
    """A text of this shape: `*` within a segment, `**` across them; segments end at `/` and `:`."""

    @model_validator(mode="after")
    def _check_not_empty(self) -> Self:
        if not self.model_fields_set or None in (getattr(self, name) for name in self.model_fields_set):
            raise ValueError(
                "say what the claim must be: a value, a list, any, all, words, like, exists, not or absent_or"
            )
        return self


Inner = Annotated[
    Annotated[Scalar, Tag("scalar")] | Annotated[Scalars, Tag("list")] | Annotated[Tests, Tag("mapping")],
    Discriminator(find_form),
]


class Matcher(Tests):
    exists: bool | None = None
    """Whether the claim is there at all; `false` stands alone."""
    not_: Inner | None = Field(default=None, alias="not")
    """A value, a list or one matcher that the claim, of a fitting shape, is not."""

    absent_or: Inner | None = None
    """A value, a list or matchers that the claim fulfils if it is there; stands alone."""

    @model_validator(mode="after")
    def _check_alone(self) -> Self:
        if isinstance(self.not_, Tests) and len(self.not_.model_fields_set) > 1:
            raise ValueError("`not` takes one matcher; write a rule for each")
        if self.exists is False and len(self.model_fields_set) > 1:
            raise ValueError("`exists: false` stands alone: a claim that is absent fails every other matcher")
        if self.absent_or is not None and len(self.model_fields_set) > 1:
            raise ValueError("`absent_or` stands alone; put the other matchers into it")
        return self


Condition = Annotated[
    Annotated[Scalar, Tag("scalar")] | Annotated[Scalars, Tag("list")] | Annotated[Matcher, Tag("mapping")],
    Discriminator(find_form),
]
Conditions = Annotated[dict[str, Condition], Field(min_length=1)]


class Credential(Strict):
    """An Auth Key and its Auth Secret. Which secret of Secrets Manager holds them, the deployment says."""

    workspace: Annotated[str, AfterValidator(_check_label)] | None = None
    """The Workspace's name, as in `https://<name>.tlcdn.com`. For `assemble`, and to sign `smart_cdn` and `storage`."""
    signature_algorithm: Literal["sha384", "sha256"] = "sha384"
    """Of the signatures of Assemblies; all others have one alone."""
    silence: Silence = {}
    """Opinions of the linter that do not count here: code and reason."""


class KeyUrl(Strict):
    url: Text
    """Of the key set (JWKS), https."""


class InlineKeys(Strict):
    jwks: dict[str, Any]
    """The key set itself: `{keys: […]}` (RFC 7517), public members only."""


class Issuer(Strict):
    preset: str | None = None
    """What is known of a well-known issuer; see presets."""
    issuer: Text
    """The JWT's `iss`, byte for byte."""
    audiences: Annotated[list[Text], Field(min_length=1), AfterValidator(check_unique)]
    """The JWT's audience must hold one of these."""
    algorithms: Annotated[list[Algorithm], Field(min_length=1), AfterValidator(check_unique)]
    """Asymmetric only: RS, PS and ES with 256, 384 and 512, and EdDSA, Ed25519 and Ed448 (RFC 9864)."""
    keys: Annotated[
        Annotated[Literal["discovery"], Tag("scalar")]
        | Annotated[KeyUrl, Tag("url")]
        | Annotated[InlineKeys, Tag("mapping")],
        Discriminator(_find_key_form),
    ]
    """`discovery` (OpenID Connect Discovery), `{url: …}` or `{jwks: …}`."""
    max_age: Annotated[Duration, Field(gt=0)] | None = None
    """Oldest `iat` accepted; left out, only `exp` counts."""
    leeway: Annotated[Duration, Field(ge=0, le=MAX_LEEWAY)] = 30
    """Between clocks, at most 120s."""
    require: Conditions | None = None
    """Conditions that must hold for every rule of this issuer."""
    typ: Annotated[list[Literal["jwt", "at+jwt"]], Field(min_length=1)] | None = None
    """Header types accepted; naming them demands one."""
    audience_claim: Text = "aud"
    """Another claim that holds the audience."""
    subject_claim: Text = "sub"
    """Another claim that names the caller."""
    once: bool = False
    """Replay control: a JWT is good for one token, by its `jti`. Needs the parameter SharedCache."""
    silence: Silence = {}
    """Opinions of the linter that do not count here: code and reason."""


class Rule(Strict):
    name: Name
    """For audit records and people; unique."""
    issuer: str
    """An issuer of this policy, or `aws-iam` or `invoke`."""
    when: Conditions
    """Conditions on claims; all must hold."""
    credential: str = "default"
    """Whose Auth Key."""
    silence: Silence = {}
    """Opinions of the linter that do not count here: code and reason."""


class ScopeRule(Rule):
    preset: str | None = None
    """A well-known use in place of `scopes`; see presets of rules."""
    scopes: Scopes
    """What the caller gets, or `"*"`: all that the Auth Key has."""
    aud: Annotated[list[Literal["api2", "mcp"]], Field(min_length=1), AfterValidator(check_unique)] = ["api2"]
    """For which part of Transloadit."""
    share: Literal["grant", "caller"] = "grant"
    """`caller`: a bearer token of its own for each caller."""


class SignRule(Rule):
    sign: Sign
    """What the caller may have signed, in place of `scopes`: `assembly`, `smart_cdn`, `storage`."""


class AssembleRule(Rule):
    assemble: Annotated[dict[PlainName, MadeAssembly], Field(min_length=1)]
    """Assemblies that the broker makes for the caller, in place of `scopes`, by names that the caller gives."""


AnyRule = Annotated[
    Annotated[ScopeRule, Tag("rule for bearer tokens")]
    | Annotated[SignRule, Tag("rule for signatures")]
    | Annotated[AssembleRule, Tag("rule for Assemblies")],
    Discriminator(_find_rule_kind),
]


class Expected(Strict):
    scopes: Scopes
    """Exactly these."""
    aud: Literal["api2", "mcp"] = "api2"
    """Asked for."""
    credential: str = "default"
    """Asked for."""


class ExpectedSignatures(Strict):
    sign: SignNames
    """Exactly these, by kind and name."""


class ExpectedAssemblies(Strict):
    assemble: Annotated[list[PlainName], Field(min_length=1)]
    """Exactly these, by name."""


def _find_expectation(value: Any) -> str:
    if isinstance(value, ExpectedSignatures) or (isinstance(value, dict) and "sign" in value):
        return "signatures"
    if isinstance(value, ExpectedAssemblies) or (isinstance(value, dict) and "assemble" in value):
        return "Assemblies"
    return find_form(value)


class Case(Strict):
    """One of the policy's own tests."""

    name: Name
    """For people; unique."""
    issuer: str
    """Whose caller it is."""
    claims: dict[str, Any]
    """Of the JWT; `iss`, `aud` and times are not needed."""
    expect: Annotated[
        Annotated[Literal["refused"], Tag("scalar")]
        | Annotated[Expected, Tag("mapping")]
        | Annotated[ExpectedSignatures, Tag("signatures")]
        | Annotated[ExpectedAssemblies, Tag("Assemblies")],
        Discriminator(_find_expectation),
    ]
    """`refused`: nothing at all; or the scopes it gets when it names none; or its signatures; or its Assemblies."""


class TrustPolicy(Strict):
    version: Literal[1]
    """Of this format."""
    credentials: Annotated[dict[CredentialName, Credential], Field(min_length=1)]
    """Auth Keys and Auth Secrets, by name: letters, digits and `_.-`; which secret each is, the deployment says."""
    issuers: dict[Name, Issuer] = {}
    """Whom to believe, by name."""
    rules: list[AnyRule]
    """What callers get, scopes, signatures or Assemblies, and the callers that get it."""
    tests: list[Case] = []
    """Run at every check and build."""

    @property
    def scope_rules(self) -> list[tuple[int, ScopeRule]]:
        """The rules for bearer tokens, each with its place in `rules`."""
        return [(place, rule) for place, rule in enumerate(self.rules) if isinstance(rule, ScopeRule)]

    @property
    def sign_rules(self) -> list[tuple[int, SignRule]]:
        """The rules for signatures, each with its place in `rules`."""
        return [(place, rule) for place, rule in enumerate(self.rules) if isinstance(rule, SignRule)]

    @property
    def assemble_rules(self) -> list[tuple[int, AssembleRule]]:
        """The rules for Assemblies, each with its place in `rules`."""
        return [(place, rule) for place, rule in enumerate(self.rules) if isinstance(rule, AssembleRule)]
