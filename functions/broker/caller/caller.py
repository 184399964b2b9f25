"""The verified caller."""

from collections.abc import Mapping
from typing import Any

from broker.base.values import Value

# Reserved names of issuers: callers who come without a JWT.
IAM, INVOKE = "aws-iam", "invoke"


class Once(Value, frozen=True):
    """A JWT that is good once. Its issuer and its `jti` identify it (RFC 7519 section 4.1.7).

    `expires_at`: its `exp` plus the leeway, seconds since the epoch. Until then it would be accepted again.
    """

    issuer: str
    jti: str
    expires_at: float


class Caller(Value, frozen=True):
    """A caller whose proof was verified. Without such a value nothing is decided, and nothing is minted.

    `entry` is the name of the issuer's entry in the policy, by which rules are found; several entries may have one
    `issuer`, the JWT's `iss`. `once` is set where the entry says so.
    """

    hidden = ("claims",)

    entry: str
    issuer: str
    subject: str
    claims: Mapping[str, Any]
    once: Once | None = None
