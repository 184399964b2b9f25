"""The model of a trust policy: the one description of what a policy may hold. Its schema and pages are made from it."""

import re
import unicodedata
from typing import Annotated, Any, Literal, Self

from broker.policy.jwk import ALGORITHMS
from broker.policy.scopes import SCOPES
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

from token_broker.names import unknown

MAX_LEEWAY = 120  # seconds

_INVISIBLE = {"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"}  # categories of Unicode
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _read_duration(value: Any) -> Any:
    """The seconds of `30s`, `10m`, `1h` or `1d`."""
    found = re.fullmatch(r"([0-9]{1,6})([smhd])", value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("write a duration such as 30s, 10m, 1h or 1d")
    return int(found[1]) * _UNITS[found[2]]


def _check_algorithm(value: str) -> str:
    # With a shared secret the broker could sign as the issuer. And where both kinds count, a forger signs with the text
    # of the public key as if it were the secret (RFC 8725 section 2.1).
    if value.startswith("HS") or value == "none":
        raise ValueError("only asymmetric algorithms: whoever can verify a shared secret can also sign with it")
    if value not in ALGORITHMS:
        raise ValueError(f"{value} is no algorithm; one of {', '.join(sorted(ALGORITHMS))}")
    return value


def _check_unique(values: list[Any]) -> list[Any]:
    if len({repr(value) for value in values}) != len(values):
        raise ValueError("a value is there twice; keep one")
    return values


def _check_visible(value: str) -> str:
    # An invisible character makes a value that looks right and equals nothing.
    if not value or any(unicodedata.category(sign) in _INVISIBLE for sign in value):
        raise ValueError("write a text without spaces, control or invisible characters")
    return value


def _check_credential_name(value: str) -> str:
    # The deployment lists the names separated by commas.
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", value):
        raise ValueError("a credential's name has letters, digits and _.- only")
    return value


def _check_scope(value: str) -> str:
    if value not in SCOPES:
        raise ValueError(unknown("scope of Transloadit", value, SCOPES))
    return value


def _find_form(value: Any) -> str:
    """The form in which a choice was written, so that an error speaks of that form only."""
    if isinstance(value, (dict, BaseModel)):
        return "mapping"
    return "list" if isinstance(value, list) else "scalar"


def _find_key_form(value: Any) -> str:
    return "url" if isinstance(value, dict) and "url" in value else _find_form(value)


Name = Annotated[str, Field(min_length=1, max_length=100)]
Text = Annotated[str, AfterValidator(_check_visible)]
CredentialName = Annotated[str, Field(max_length=64), AfterValidator(_check_credential_name)]
Duration = Annotated[
    int,
    BeforeValidator(_read_duration),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,6}[smhd]$", "examples": ["30s"]}),
]
Scalar = str | bool | int | float
Scalars = Annotated[list[Scalar], Field(min_length=1), AfterValidator(_check_unique)]
Scope = Annotated[str, AfterValidator(_check_scope), WithJsonSchema({"enum": list(SCOPES)})]
Scopes = Annotated[
    Annotated[list[Scope], Field(min_length=1), AfterValidator(_check_unique), Tag("list")]
    | Annotated[Literal["*"], Tag("scalar")],
    Discriminator(_find_form),
]


def _check_pattern(value: str) -> str:
    if re.search(r"[\x00-\x1f\x7f-\x9f]", value):
        raise ValueError("a pattern holds no control characters")
    if "*" not in value:
        raise ValueError("a pattern without * is a plain value; leave `like` out")
    return value


def _check_word(value: str) -> str:
    if not value or " " in value:
        raise ValueError("a word holds no spaces; write each word as an item of the list")
    return value


class _Strict(BaseModel):
    # Unknown keys are errors: a misspelt `requrie` would otherwise be a condition that nobody checks. Strict: a text is
    # never taken for a number.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)


class Tests(_Strict):
    """Matchers. All that are present must hold."""

    any: Scalars | None = None
    """An array of scalars that holds one of these."""
    all: Scalars | None = None
    """An array of scalars that holds all of these."""
    words: Annotated[list[Annotated[str, AfterValidator(_check_word)]], Field(min_length=1)] | None = None
    """A text of words that holds all of these, as a `scope` claim."""
    like: Annotated[str, AfterValidator(_check_pattern)] | None = None
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
    Discriminator(_find_form),
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
    Discriminator(_find_form),
]
Conditions = Annotated[dict[str, Condition], Field(min_length=1)]
Reason = Annotated[str, Field(min_length=3)]
Silence = dict[str, Reason]


class Credential(_Strict):
    """An Auth Key and its Auth Secret. Which secret of Secrets Manager holds them, the deployment says."""

    silence: Silence = {}
    """Opinions of the linter that do not count here: code and reason."""


class KeyUrl(_Strict):
    url: Text
    """Of the key set (JWKS), https."""


class InlineKeys(_Strict):
    jwks: dict[str, Any]
    """The key set itself: `{keys: […]}` (RFC 7517), public members only."""


class Issuer(_Strict):
    preset: str | None = None
    """What is known of a well-known issuer; see presets."""
    issuer: Text
    """The JWT's `iss`, byte for byte."""
    audiences: Annotated[list[Text], Field(min_length=1), AfterValidator(_check_unique)]
    """The JWT's audience must hold one of these."""
    algorithms: Annotated[
        list[Annotated[str, AfterValidator(_check_algorithm)]], Field(min_length=1), AfterValidator(_check_unique)
    ]
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


class Rule(_Strict):
    name: Name
    """For audit records and people; unique."""
    issuer: str
    """An issuer of this policy, or `aws-iam` or `invoke`."""
    when: Conditions
    """Conditions on claims; all must hold."""
    preset: str | None = None
    """A well-known use in place of `scopes`; see presets of rules."""
    scopes: Scopes
    """What the caller gets, or `"*"`: all that the Auth Key has."""
    aud: Annotated[list[Literal["api2", "mcp"]], Field(min_length=1), AfterValidator(_check_unique)] = ["api2"]
    """For which part of Transloadit."""
    credential: str = "default"
    """Whose Auth Key."""
    share: Literal["grant", "caller"] = "grant"
    """`caller`: a bearer token of its own for each caller."""
    silence: Silence = {}
    """Opinions of the linter that do not count here: code and reason."""


class Expected(_Strict):
    scopes: Scopes
    """Exactly these."""
    aud: Literal["api2", "mcp"] = "api2"
    """Asked for."""
    credential: str = "default"
    """Asked for."""


class Case(_Strict):
    """One of the policy's own tests."""

    name: Name
    """For people; unique."""
    issuer: str
    """Whose caller it is."""
    claims: dict[str, Any]
    """Of the JWT; `iss`, `aud` and times are not needed."""
    expect: Annotated[
        Annotated[Literal["refused"], Tag("scalar")] | Annotated[Expected, Tag("mapping")], Discriminator(_find_form)
    ]
    """`refused`, or what it gets when it names no scope."""


class TrustPolicy(_Strict):
    version: Literal[1]
    """Of this format."""
    credentials: Annotated[dict[CredentialName, Credential], Field(min_length=1)]
    """Auth Keys and Auth Secrets, by name: letters, digits and `_.-`; which secret each is, the deployment says."""
    issuers: dict[Name, Issuer] = {}
    """Whom to believe, by name."""
    rules: list[Rule]
    """The scopes, aud and credential that callers get, and the callers that get them."""
    tests: list[Case] = []
    """Run at every check and build."""
