"""The proof that was sent, in the form that belongs to its grant type. Nothing in it is trusted yet."""

import base64
import re
from collections.abc import Mapping
from enum import Enum
from typing import Protocol

from broker.base import errors
from broker.base.values import Value
from broker.request.http import TOKEN_EXCHANGE, HttpRequest

_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)  # RFC 6750 section 2.1
# RFC 6749 section 4.4, RFC 8693 section 2.1, RFC 7523 section 2.1
CLIENT_CREDENTIALS = "client_credentials"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GRANT_TYPES = (CLIENT_CREDENTIALS, TOKEN_EXCHANGE, JWT_BEARER)

_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:"  # noqa: S105 - RFC 8693 section 3
_SUBJECT_TOKEN_TYPES = {f"{_TOKEN_TYPE}{name}": name for name in ("jwt", "id_token", "access_token")}
ACCESS_TOKEN_TYPE = f"{_TOKEN_TYPE}access_token"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# Client assertions and identity assertion grants are for token endpoints, whatever types an entry accepts.
# https://datatracker.ietf.org/doc/draft-ietf-oauth-identity-assertion-authz-grant/
_FOR_TOKENS_ALONE = frozenset({"client-authentication+jwt", "oauth-id-jag+jwt"})
NOT_CONFIGURED = (
    "This broker takes no client_assertion: its operator has configured no PublicUrl. "
    "Send the JWT as Authorization: Bearer."
)
BODY_PROOFS = ("subject_token", "assertion", "client_assertion")


class ProofForm(Enum):
    """The way in which a caller JWT was sent: its name in audit records, and the error of a JWT that is refused."""

    HEADER = "authorization header", errors.CallerRefused
    SUBJECT_TOKEN = "subject token", errors.SubjectTokenRefused
    ASSERTION = "assertion", errors.AssertionRefused
    CLIENT_ASSERTION = "client assertion", errors.ClientAssertionRefused

    def __init__(self, label: str, refusal: type[errors.CallerRefused]) -> None:
        self.label, self.refusal = label, refusal


class Proof(Value, frozen=True):
    """A caller JWT as it was sent. Anybody can send one: `caller.verifier` decides whether it is believed.

    `token_type`: the type that the sender names for a subject token. Beside a client assertion: the `client_id` that
    was sent, and the only `audience` that the JWT may be for, the broker's own issuer. `refused_types`: the `typ` that
    no JWT may have here, in short form.
    """

    hidden = ("jwt",)

    form: ProofForm
    jwt: str
    token_type: str | None = None
    client_id: str | None = None
    audience: str | None = None
    refused_types: frozenset[str] = frozenset()

    @property
    def refusal(self) -> type[errors.CallerRefused]:
        """The error of a JWT that is not accepted: each form has an answer of its own on the wire."""
        return self.form.refusal

    @property
    def label(self) -> str:
        """The form, for the audit record."""
        return self.form.label if self.token_type is None else f"{self.form.label} ({self.token_type})"


class AnyProof(Protocol):
    """A proof of any kind."""

    @property
    def label(self) -> str: ...
    @property
    def refusal(self) -> type[errors.CallerRefused]: ...


def read_grant_type(fields: Mapping[str, str]) -> str:
    """The grant type, one of those supported. Raises InvalidRequest, UnsupportedGrantType."""
    if "grant_type" not in fields:
        raise errors.InvalidRequest("no grant_type", "grant_type is missing; use client_credentials.")
    if fields["grant_type"] not in GRANT_TYPES:
        raise errors.UnsupportedGrantType("grant_type")
    return fields["grant_type"]


def read_proof(http: HttpRequest, fields: Mapping[str, str]) -> Proof:
    """The one proof of a form. Raises InvalidRequest or one of its subclasses."""
    grant_type = read_grant_type(fields)
    in_header = _read_header(http.headers.get("authorization"), fields)
    # Two proofs may be of two callers: a part that checks one and a part that uses the other would mix them up
    # (RFC 6749 section 2.3 forbids two methods in one request).
    if (in_header is not None) + sum(name in fields for name in BODY_PROOFS) > 1:
        raise errors.InvalidRequest("two proofs", "There is more than one proof.")
    if grant_type == TOKEN_EXCHANGE:
        return _read_subject_token(fields)
    if grant_type == JWT_BEARER:
        return Proof(ProofForm.ASSERTION, _require(fields, "assertion"))
    if in_header is not None:
        return Proof(ProofForm.HEADER, in_header)
    return _read_client_assertion(fields, http)


def read_header_proof(http: HttpRequest) -> Proof:
    """The proof of a request for a signature: in the Authorization header, and in no other form.

    Raises InvalidRequest or a subclass.
    """
    bearer = _read_header(http.headers.get("authorization"), {})
    if bearer is None:
        raise errors.NoProof("no proof", "Show who you are: send your JWT as Authorization: Bearer.")
    return Proof(ProofForm.HEADER, bearer, refused_types=_FOR_TOKENS_ALONE)


def _read_header(authorization: str | None, fields: Mapping[str, str]) -> str | None:
    """The JWT in the header, or None if the proof must be in the form."""
    # API Gateway joins repeated headers with commas, and a proxy may have checked one of them only.
    if authorization is not None and "," in authorization:
        raise errors.InvalidRequest("two Authorization headers", "There is more than one Authorization header.")
    # The broker exists so that callers hold no shared secret. Refuse one aloud: whoever sends it must learn that it is
    # not needed, and has been sent to the wrong place.
    if "client_secret" in fields:
        raise errors.SharedSecretRefused("client secret")
    if authorization is None:
        return None
    if authorization.partition(" ")[0].lower() != "bearer":
        password = _read_password(authorization)
        if password:
            raise errors.SharedSecretRefused("Basic with a password")
        # The library requests-oauthlib adds Basic with an empty password to a request that has its proof in the form.
        if password is not None and any(name in fields for name in BODY_PROOFS):
            return None
        raise errors.NoProof("no bearer header")
    bearer = _BEARER.fullmatch(authorization)
    if bearer is None:
        raise errors.InvalidRequest("bearer header is malformed", "The Authorization header is malformed.")
    return bearer[1]


def _read_password(authorization: str) -> bytes | None:
    """The password of Basic credentials (RFC 7617 section 2), or None if the header holds none."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        _, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except ValueError:
        return None
    return password if scheme.lower() == "basic" and colon else None


def _read_subject_token(fields: Mapping[str, str]) -> Proof:
    """The proof of a token exchange (RFC 8693 section 2.1), without delegation; an access token is what is issued."""
    subject_token, named_type = _require(fields, "subject_token"), _require(fields, "subject_token_type")
    if named_type not in _SUBJECT_TOKEN_TYPES:
        raise errors.InvalidRequest("subject_token_type", "subject_token_type must be jwt, id_token or access_token.")
    if fields.get("requested_token_type", ACCESS_TOKEN_TYPE) != ACCESS_TOKEN_TYPE:
        raise errors.InvalidRequest("requested_token_type", "Only an access_token can be requested.")
    # A caller who sends an actor expects a token that is limited to that actor. Ignoring it would give more than that.
    if "actor_token" in fields or "actor_token_type" in fields:
        raise errors.InvalidRequest("actor token", "actor_token is not supported.")
    if "resource" in fields:
        raise errors.InvalidTarget("resource", "resource is not supported; use aud.")
    return Proof(ProofForm.SUBJECT_TOKEN, subject_token, token_type=_SUBJECT_TOKEN_TYPES[named_type])


def _read_client_assertion(fields: Mapping[str, str], http: HttpRequest) -> Proof:
    """The proof of a client that authenticates by a JWT of its own (RFC 7523 section 2.2)."""
    if "client_assertion" not in fields:
        raise errors.NoProof("no proof")
    # The broker's origin is the one audience of a client assertion. Without a configured one it comes from the event,
    # and whoever may invoke the function writes the event: a JWT made for another service could be made to fit.
    if not http.is_origin_configured:
        raise errors.ClientAssertionRefused("client assertion without a configured origin", NOT_CONFIGURED)
    if fields.get("client_assertion_type") != _ASSERTION_TYPE:
        raise errors.InvalidRequest("client_assertion_type", "client_assertion_type must be that of RFC 7523.")
    assertion, client_id = fields["client_assertion"], fields.get("client_id")
    return Proof(ProofForm.CLIENT_ASSERTION, assertion, client_id=client_id, audience=http.origin)


def _require(fields: Mapping[str, str], name: str) -> str:
    if name not in fields:
        raise errors.InvalidRequest(f"no {name}", f"{name} is missing.")
    return fields[name]
