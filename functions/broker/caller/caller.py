"""Who asks, once verified."""

from collections.abc import Mapping
from typing import Any

from broker.base.values import Value

# Reserved names of issuers: callers who come without a JWT.
IAM, INVOKE = "aws-iam", "invoke"


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
