"""All that can go wrong. Each class is one answer on the wire; `response` makes it.

    BrokerError
    ├── InvalidRequest            400 invalid_request
    │   ├── MethodNotAllowed      405
    │   ├── TooLarge              413
    │   ├── UnsupportedMediaType  415
    │   ├── UnsupportedGrantType  400 unsupported_grant_type
    │   ├── NoProof               401 invalid_client
    │   │   └── SharedSecretRefused     401 invalid_client
    │   ├── CallerRefused         401 invalid_token
    │   │   ├── ClientAssertionRefused  401 invalid_client
    │   │   ├── AssertionRefused        400 invalid_grant
    │   │   └── SubjectTokenRefused     400 invalid_request
    │   ├── InvalidTarget         400 invalid_target
    │   └── InvalidScope          400 invalid_scope
    ├── AccessDenied              403 access_denied
    ├── TemporarilyUnavailable    503 temporarily_unavailable
    │   └── OverBudget            429 temporarily_unavailable
    ├── UpstreamRefused           502 server_error
    └── BrokerFault               500 server_error

The five classes below `BrokerError` are the stable names for `Retry` and `Catch` in pipelines.
"""

from traceback import walk_tb
from typing import ClassVar


class BrokerError(Exception):
    """A request that ends without a bearer token.

    `reason` is for the audit record alone: fixed words, never a secret, a token or a claim's value.
    `description` goes to the caller: printable ASCII without `"` and `\\` (RFC 6749 section 5.2). A class has one, and
    a malformed request may have one of its own.
    `stable` is the class by whose name pipelines match it.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "server_error"
    stable: ClassVar[type["BrokerError"]]
    description: str = "The broker failed."

    def __init__(self, reason: str, description: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        if description is not None:
            self.description = description

    def __init_subclass__(cls) -> None:
        if BrokerError in cls.__bases__:
            cls.stable = cls


class InvalidRequest(BrokerError):
    status = 400
    code = "invalid_request"
    description = "The request is malformed."


class MethodNotAllowed(InvalidRequest):
    status = 405
    description = "Use POST."


class TooLarge(InvalidRequest):
    status = 413
    description = "The body is too large."


class UnsupportedMediaType(InvalidRequest):
    status = 415
    description = "The content type is not the one that this route takes."


class UnsupportedGrantType(InvalidRequest):
    code = "unsupported_grant_type"
    description = "This grant_type is not supported; use client_credentials, token-exchange or jwt-bearer."


class NoProof(InvalidRequest):
    status = 401
    code = "invalid_client"
    description = "Show who you are: send your JWT as Authorization: Bearer, or as client_assertion."


class SharedSecretRefused(NoProof):
    """Basic with a password, or a client_secret: what this broker exists to avoid."""

    description = "A shared secret is not accepted; show a JWT instead."


class CallerRefused(InvalidRequest):
    """The caller JWT is not accepted; one answer for every cause, so that it tells nobody what would be."""

    status = 401
    code = "invalid_token"
    description = "The caller JWT was not accepted."


class ClientAssertionRefused(CallerRefused):
    """RFC 7521 section 4.2.1. It says what most of them are about: many libraries write the token endpoint as `aud`."""

    code = "invalid_client"
    description = "The client assertion was not accepted; its aud must be the issuer in this broker's metadata, alone."


class AssertionRefused(CallerRefused):
    """RFC 7521 section 4.1.1."""

    status = 400
    code = "invalid_grant"


class SubjectTokenRefused(CallerRefused):
    """RFC 8693 section 2.2.2."""

    status = 400
    code = "invalid_request"


class InvalidTarget(InvalidRequest):
    code = "invalid_target"
    description = "This caller may not have a token for this credential and aud."


class InvalidScope(InvalidRequest):
    code = "invalid_scope"
    description = "This caller may not have every scope that was asked for."


class AccessDenied(BrokerError):
    status = 403
    code = "access_denied"
    description = "No rule of the trust policy matches this caller."


class TemporarilyUnavailable(BrokerError):
    status = 503
    code = "temporarily_unavailable"
    description = "Something that the broker needs is out of reach; try again later."

    def __init__(self, reason: str, retry_after: float = 1) -> None:
        """`retry_after`: seconds until another try makes sense."""
        super().__init__(reason)
        self.retry_after = retry_after


class OverBudget(TemporarilyUnavailable):
    status = 429
    description = "Too many new tokens or signatures were asked for; try again later."


class UpstreamRefused(BrokerError):
    status = 502
    description = "Transloadit did not give the token that was asked for."


class BrokerFault(BrokerError):
    """Our own fault: a secret that is missing or malformed, or a defect."""


def trace_places(failure: Exception) -> list[str]:
    """Function and line of each frame that a caught exception came through, innermost last."""
    return [f"{frame.f_code.co_name}:{line}" for frame, line in walk_tb(failure.__traceback__)]
