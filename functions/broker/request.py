"""What was sent becomes a `TokenRequest`, its proof in the form that belongs to the grant. All malformed ends here."""

import base64
import binascii
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, ClassVar, Protocol

from broker.errors import (
    AssertionRefused,
    BrokerFault,
    CallerRefused,
    ClientAssertionRefused,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    NoProof,
    SharedSecretRefused,
    SubjectTokenRefused,
    UnsupportedGrantType,
)
from broker.event import TOKEN_EXCHANGE, HttpRequest, read_form
from broker.values import Value

_SCOPE = re.compile(
    r"[\x21\x23-\x2B\x2D-\x5B\x5D-\x7E]+"
)  # RFC 6749 section 3.3, less the comma that separates on api2
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)  # RFC 6750 section 2.1
# RFC 6749 section 4.4, RFC 8693 section 2.1, RFC 7523 section 2.1
CLIENT_CREDENTIALS = "client_credentials"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GRANT_TYPES = (CLIENT_CREDENTIALS, TOKEN_EXCHANGE, JWT_BEARER)

_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:"  # noqa: S105 - RFC 8693 section 3
_SUBJECT_TOKEN_TYPES = {f"{_TOKEN_TYPE}{name}": name for name in ("jwt", "id_token", "access_token")}
DEFAULT_AUD, DEFAULT_CREDENTIAL = "api2", "default"
ACCESS_TOKEN_TYPE = f"{_TOKEN_TYPE}access_token"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
NOT_CONFIGURED = (
    "This broker takes no client_assertion: its operator has configured no PublicUrl. "
    "Send the JWT as Authorization: Bearer."
)
_BODY_PROOFS = ("subject_token", "assertion", "client_assertion")


class ProofForm(Enum):
    """How the caller JWT was shown."""

    HEADER = "authorization header"
    SUBJECT_TOKEN = "subject token"  # noqa: S105 - the name of a form
    ASSERTION = "assertion"
    CLIENT_ASSERTION = "client assertion"


_REFUSALS = {
    ProofForm.HEADER: CallerRefused,
    ProofForm.CLIENT_ASSERTION: ClientAssertionRefused,
    ProofForm.ASSERTION: AssertionRefused,
    ProofForm.SUBJECT_TOKEN: SubjectTokenRefused,
}


class Proof(Value, frozen=True):
    """The caller JWT as sent, not verified.

    `token_type`: what a subject token was said to be. Beside a client assertion: the `client_id` that was sent, and
    the only `audience` that it may be for, the broker's own issuer.
    """

    hidden = ("jwt",)

    form: ProofForm
    jwt: str
    token_type: str | None = None
    client_id: str | None = None
    audience: str | None = None

    @property
    def refusal(self) -> type[CallerRefused]:
        """The error of a JWT that is not accepted: each form has a wire answer of its own."""
        return _REFUSALS[self.form]

    @property
    def shown(self) -> str:
        """For the audit record."""
        return self.form.value if self.token_type is None else f"{self.form.value} ({self.token_type})"


class IamProof(Value, frozen=True):
    """What API Gateway's IAM authorizer says of a request that it let through."""

    hidden = ("identity",)

    identity: Mapping[str, Any]
    shown: ClassVar[str] = "iam"
    refusal: ClassVar[type[CallerRefused]] = CallerRefused


class InvokeProof(Value, frozen=True):
    """That the function was invoked at all: the permission to invoke is the proof. `name`: set by the template."""

    name: str
    shown: ClassVar[str] = "invoke"
    refusal: ClassVar[type[CallerRefused]] = CallerRefused


class Shown(Protocol):
    """A proof of any kind."""

    @property
    def shown(self) -> str: ...
    @property
    def refusal(self) -> type[CallerRefused]: ...


class TokenRequest[P: Shown](Value, frozen=True):
    """What is asked for. Nothing in it is trusted; `scopes` None: all that the policy gives."""

    proof: P
    scopes: frozenset[str] | None
    aud: str
    credential: str


def read_token_request(http: HttpRequest) -> TokenRequest[Proof]:
    """The token request in an HTTP request. Raises InvalidRequest or one of its kinds; the checks run in the order of
    the HTTP contract: method, size, content type, decoding, repeats, grant_type, proof, everything else.
    """
    fields = read_form(http)
    grant_type = _grant_type(fields)
    return token_request(_proof(grant_type, http, fields), fields)


def read_iam_request(http: HttpRequest, event: Any) -> TokenRequest[IamProof]:
    """The request of an IAM principal. Raises BrokerFault where the gateway's IAM authorizer was not before it.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-access-control-iam.html
    """
    identity = event["requestContext"].get("authorizer", {}).get("iam")
    if not isinstance(identity, dict):
        raise BrokerFault("no IAM authorizer before this function")
    fields = read_form(http)
    if _grant_type(fields) != CLIENT_CREDENTIALS:
        raise UnsupportedGrantType("grant_type", "This grant_type is not supported here; use client_credentials.")
    if "client_secret" in fields or any(name in fields for name in _BODY_PROOFS):
        raise InvalidRequest("two proofs", "There is more than one proof.")
    return token_request(IamProof(identity), fields)


def read_invocation(event: Any, name: str) -> TokenRequest[InvokeProof]:
    """The request in a direct invocation: `scope` (a list), `aud`, `credential`. Raises InvalidRequest."""
    known = {"scope", "aud", "credential"}
    if not isinstance(event, dict) or not event.keys() <= known:
        raise InvalidRequest("invocation", "Send an object with scope, aud and credential, all optional.")
    scope = event.get("scope", [])
    texts = [event.get("aud", DEFAULT_AUD), event.get("credential", DEFAULT_CREDENTIAL)]
    if not isinstance(scope, list) or not all(isinstance(text, str) and text for text in [*scope, *texts]):
        raise InvalidRequest("invocation", "scope is a list of texts; aud and credential are texts.")
    if any(re.search("[ ,]", text) for text in scope):
        raise InvalidScope("scope is malformed", "Each item of scope is one name.")
    fields = {"aud": texts[0], "credential": texts[1]} | ({"scope": " ".join(scope)} if "scope" in event else {})
    return token_request(InvokeProof(name), fields)


def token_request[P: Shown](proof: P, fields: Mapping[str, str]) -> TokenRequest[P]:
    """What the fields beside the proof ask for. Raises InvalidScope, InvalidTarget."""
    return TokenRequest(
        proof=proof,
        scopes=_scopes(fields.get("scope")),
        aud=_aud(fields),
        credential=fields.get("credential", DEFAULT_CREDENTIAL),
    )


def _grant_type(fields: Mapping[str, str]) -> str:
    if "grant_type" not in fields:
        raise InvalidRequest("no grant_type", "grant_type is missing; use client_credentials.")
    if fields["grant_type"] not in GRANT_TYPES:
        raise UnsupportedGrantType("grant_type")
    return fields["grant_type"]


def _proof(grant_type: str, http: HttpRequest, fields: Mapping[str, str]) -> Proof:
    """The one proof, in the form that belongs to the grant."""
    in_header = _header_proof(http.headers.get("authorization"), fields)
    if (in_header is not None) + sum(name in fields for name in _BODY_PROOFS) > 1:
        raise InvalidRequest("two proofs", "There is more than one proof.")
    if grant_type == TOKEN_EXCHANGE:
        return _subject_token(fields)
    if grant_type == JWT_BEARER:
        return Proof(ProofForm.ASSERTION, _required(fields, "assertion"))
    if in_header is not None:
        return Proof(ProofForm.HEADER, in_header)
    return _client_assertion(fields, http)


def _header_proof(authorization: str | None, fields: Mapping[str, str]) -> str | None:
    """The JWT in the header. Shared secrets are refused: this broker exists to avoid them."""
    if authorization is not None and "," in authorization:
        raise InvalidRequest("two Authorization headers", "There is more than one Authorization header.")
    if "client_secret" in fields:
        raise SharedSecretRefused("client secret")
    if authorization is None:
        return None
    if authorization.partition(" ")[0].lower() != "bearer":
        password = _basic_password(authorization)
        if password:
            raise SharedSecretRefused("Basic with a password")
        # An empty password beside a proof is what requests-oauthlib sends of itself.
        if password is not None and any(name in fields for name in _BODY_PROOFS):
            return None
        raise NoProof("no bearer header")
    shown = _BEARER.fullmatch(authorization)
    if shown is None:
        raise InvalidRequest("bearer header is malformed", "The Authorization header is malformed.")
    return shown[1]


def _basic_password(authorization: str) -> bytes | None:
    """The password of Basic credentials (RFC 7617 section 2), or None where the header holds none."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        _, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return password if scheme.lower() == "basic" and colon else None


def _subject_token(fields: Mapping[str, str]) -> Proof:
    """RFC 8693 section 2.1: no delegation, an access token is what is issued."""
    token, named_type = _required(fields, "subject_token"), _required(fields, "subject_token_type")
    if named_type not in _SUBJECT_TOKEN_TYPES:
        raise InvalidRequest("subject_token_type", "subject_token_type must be jwt, id_token or access_token.")
    if fields.get("requested_token_type", ACCESS_TOKEN_TYPE) != ACCESS_TOKEN_TYPE:
        raise InvalidRequest("requested_token_type", "Only an access_token can be requested.")
    if "actor_token" in fields or "actor_token_type" in fields:
        raise InvalidRequest("actor token", "actor_token is not supported.")
    if "resource" in fields:
        raise InvalidTarget("resource", "resource is not supported; use aud.")
    return Proof(ProofForm.SUBJECT_TOKEN, token, token_type=_SUBJECT_TOKEN_TYPES[named_type])


def _client_assertion(fields: Mapping[str, str], http: HttpRequest) -> Proof:
    """RFC 7523 section 2.2."""
    if "client_assertion" not in fields:
        raise NoProof("no proof")
    if not http.is_origin_configured:
        # The origin is the one audience of a client assertion. One that is read from the event is the choice of
        # whoever may invoke the function, who could make a JWT good here that was made for somebody else.
        raise ClientAssertionRefused("client assertion without a configured origin", NOT_CONFIGURED)
    if fields.get("client_assertion_type") != _ASSERTION_TYPE:
        raise InvalidRequest("client_assertion_type", "client_assertion_type must be that of RFC 7523.")
    shown, client_id = fields["client_assertion"], fields.get("client_id")
    return Proof(ProofForm.CLIENT_ASSERTION, shown, client_id=client_id, audience=http.origin)


def _required(fields: Mapping[str, str], name: str) -> str:
    if name not in fields:
        raise InvalidRequest(f"no {name}", f"{name} is missing.")
    return fields[name]


def _scopes(scope: str | None) -> frozenset[str] | None:
    """The scopes asked for, separated by spaces or commas as on api2."""
    if scope is None:
        return None
    scopes = frozenset(re.split(r"[ ,]+", scope)) - {""}
    if not scopes or "*" in scopes or not all(map(_SCOPE.fullmatch, scopes)):
        raise InvalidScope("scope is malformed", "scope is malformed: names separated by spaces, and no *.")
    return scopes


def _aud(fields: Mapping[str, str]) -> str:
    """`aud` as on api2; RFC 8693 section 2.1 names the same field `audience`."""
    named = {fields[name] for name in ("aud", "audience") if name in fields}
    if len(named) > 1:
        raise InvalidTarget("aud and audience differ", "aud and audience differ; send one.")
    return named.pop() if named else DEFAULT_AUD
