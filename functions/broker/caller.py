"""Who asks, once verified."""

from collections.abc import Mapping
from typing import Any

from broker.conditions import Condition
from broker.jwk import Jwk
from broker.values import Value

# Reserved names of issuers: callers who come without a JWT.
IAM, INVOKE = "aws-iam", "invoke"


class Issuer(Value, frozen=True):
    """One entry of the trust policy: whom to believe, and on what conditions. Times in seconds."""

    name: str
    issuer: str
    audiences: frozenset[str]
    algorithms: frozenset[str]
    inline_keys: tuple[Jwk, ...] | None
    keys_url: str | None
    max_age: float | None
    leeway: float
    require: tuple[Condition, ...]
    types: frozenset[str] | None
    audience_claim: str
    subject_claim: str
    once: bool


class Once(Value, frozen=True):
    """A JWT that is good once, by its issuer and `jti` (RFC 7519 section 4.1.7)."""

    issuer: str
    jti: str
    expires_at: float  # its `exp` and the leeway: until then it would be accepted again


class Caller(Value, frozen=True):
    """Who asks, verified. `entry` is the name of the issuer's entry in the policy."""

    hidden = ("claims",)

    entry: str
    issuer: str
    subject: str
    claims: Mapping[str, Any]
    once: Once | None = None  # where the issuer's entry says so
