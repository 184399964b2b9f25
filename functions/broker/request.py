"""An API Gateway event becomes a `TokenRequest`. Everything malformed ends here."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl

from broker.errors import (
    BrokerFault,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    MethodNotAllowed,
    NoProof,
    TooLarge,
    UnsupportedGrantType,
    UnsupportedMediaType,
)

MAX_BODY = 16 * 1024  # bytes, decoded
MAX_FIELDS = 64

_SCOPE = re.compile(
    r"[\x21\x23-\x2B\x2D-\x5B\x5D-\x7E]+"
)  # RFC 6749 section 3.3, less the comma that separates on api2
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)  # RFC 6750 section 2.1
_OTHER_PROOFS = ("subject_token", "assertion", "client_assertion")


class ProofForm(Enum):
    """How the caller JWT was shown."""

    HEADER = "authorization header"


@dataclass(frozen=True, slots=True)
class Proof:
    """The caller JWT as sent, not verified."""

    form: ProofForm
    jwt: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What is asked for. Nothing in it is trusted; `scopes` None: all that the policy gives."""

    request_id: str
    proof: Proof
    scopes: frozenset[str] | None
    aud: str
    credential: str


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What matters of an event of payload format 2.0."""

    request_id: str
    method: str
    route: str
    headers: Mapping[str, str] = field(repr=False)
    body: str = field(repr=False)
    is_base64: bool


def read_event(event: Any) -> HttpRequest:
    """The HTTP request in an event of API Gateway's payload format 2.0. Raises BrokerFault for any other event.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    """
    try:
        if event["version"] != "2.0":
            raise BrokerFault("not an event of payload format 2.0")
        context = event["requestContext"]
        return HttpRequest(
            request_id=context["requestId"],
            method=context["http"]["method"],
            route=event["routeKey"],
            headers=event["headers"],
            body=event.get("body") or "",
            is_base64=event["isBase64Encoded"],
        )
    except (KeyError, TypeError) as error:
        raise BrokerFault("not an event of API Gateway") from error


def read_token_request(http: HttpRequest) -> TokenRequest:
    """The token request in an HTTP request. Raises InvalidRequest or one of its kinds; the checks run in the order of
    the HTTP contract: method, size, content type, decoding, repeats, grant_type, proof, everything else.
    """
    if http.method != "POST":
        raise MethodNotAllowed("method")
    body = _body(http)
    _check_content_type(http.headers.get("content-type", ""))
    fields = _fields(body)
    _check_grant_type(fields.get("grant_type"))
    return TokenRequest(
        request_id=http.request_id,
        proof=_proof(http.headers.get("authorization"), fields),
        scopes=_scopes(fields.get("scope")),
        aud=_aud(fields),
        credential=fields.get("credential", "default"),
    )


def _body(http: HttpRequest) -> bytes:
    # The text alone tells that it is too long, so that a large body is never decoded.
    if len(http.body) > MAX_BODY * (4 / 3 if http.is_base64 else 1) + 4:
        raise TooLarge("body")
    try:
        body = base64.b64decode(http.body, validate=True) if http.is_base64 else http.body.encode()
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("body is not base64") from error
    if len(body) > MAX_BODY:
        raise TooLarge("body")
    return body


def _check_content_type(value: str) -> None:
    """`application/x-www-form-urlencoded`, parameters allowed, charset absent or utf-8."""
    header = Message()
    header["content-type"] = value
    if "," in value or value == "" or header.get_content_type() != "application/x-www-form-urlencoded":
        raise UnsupportedMediaType("content type")
    if str(header.get_param("charset", "utf-8")).lower() != "utf-8":
        raise UnsupportedMediaType("charset")


def _fields(body: bytes) -> dict[str, str]:
    """The form's fields, each at most once, empty ones left out (RFC 6749 section 3.2)."""
    try:
        text = body.decode("utf-8")
        if _BAD_ESCAPE.search(text):
            raise ValueError("percent escape")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise InvalidRequest("form cannot be decoded", "The form is not valid UTF-8 or has a broken escape.") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise InvalidRequest("repeated parameter", "A parameter is repeated.")
    return {name: value for name, value in fields.items() if value}


def _check_grant_type(grant_type: str | None) -> None:
    if grant_type is None:
        raise InvalidRequest("no grant_type", "grant_type is missing; use client_credentials.")
    if grant_type != "client_credentials":
        raise UnsupportedGrantType("grant_type")


def _proof(authorization: str | None, fields: Mapping[str, str]) -> Proof:
    """The one proof. Basic and `client_secret` are shared secrets, which this broker exists to avoid."""
    if authorization is not None and "," in authorization:
        raise InvalidRequest("two Authorization headers", "There is more than one Authorization header.")
    if "client_secret" in fields:
        raise NoProof("client secret")
    if authorization is None or authorization.partition(" ")[0].lower() != "bearer":
        raise NoProof("no bearer header")
    shown = _BEARER.fullmatch(authorization)
    if shown is None:
        raise InvalidRequest("bearer header is malformed", "The Authorization header is malformed.")
    if any(name in fields for name in _OTHER_PROOFS):
        raise InvalidRequest("two proofs", "There is more than one proof.")
    return Proof(ProofForm.HEADER, shown[1])


def _scopes(scope: str | None) -> frozenset[str] | None:
    """The scopes asked for, separated by spaces or commas as on api2."""
    if scope is None:
        return None
    scopes = frozenset(re.split(r"[ ,]+", scope)) - {""}
    if not scopes or "*" in scopes or not all(map(_SCOPE.fullmatch, scopes)):
        raise InvalidScope("scope is malformed")
    return scopes


def _aud(fields: Mapping[str, str]) -> str:
    """`aud` as on api2; RFC 8693 section 2.1 names the same field `audience`."""
    named = {fields[name] for name in ("aud", "audience") if name in fields}
    if len(named) > 1:
        raise InvalidTarget("aud and audience differ")
    return named.pop() if named else "api2"
