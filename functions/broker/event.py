"""An event of API Gateway becomes an HTTP request, and the form in it fields. What is malformed as such ends here."""

import base64
import binascii
import re
from collections import Counter
from collections.abc import Mapping
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl

from broker.errors import (
    BrokerFault,
    InvalidRequest,
    InvalidTarget,
    MethodNotAllowed,
    TooLarge,
    UnsupportedMediaType,
)
from broker.values import Value

MAX_BODY = 16 * 1024  # bytes, decoded
FORM = "application/x-www-form-urlencoded"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - the name of a grant

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# RFC 8693 section 2.1 lets these be repeated; a bearer token is for one target.
_TARGETS = frozenset({"audience", "resource"})


class HttpRequest(Value, frozen=True):
    """What matters of an event of payload format 2.0."""

    hidden = ("headers", "body")

    request_id: str
    method: str
    route: str
    origin: str  # the broker's own, as its caller sees it: the issuer of its metadata
    headers: Mapping[str, str]
    body: str
    is_base64: bool


def read_event(event: Any, public_url: str | None) -> HttpRequest:
    """The HTTP request in an event of API Gateway's payload format 2.0. Raises BrokerFault for any other event.

    `public_url`: the broker's origin where it is not API Gateway's own. The Host header is the caller's, so not read.

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
            origin=public_url or f"https://{context['domainName']}",
            headers=event["headers"],
            body=event.get("body") or "",
            is_base64=event["isBase64Encoded"],
        )
    except (KeyError, TypeError) as error:
        raise BrokerFault("not an event of API Gateway") from error


def read_form(http: HttpRequest) -> dict[str, str]:
    """The fields of a POSTed form. Raises InvalidRequest or one of its kinds."""
    if http.method != "POST":
        raise MethodNotAllowed("method")
    body = _body(http)
    _check_content_type(http.headers.get("content-type", ""))
    return _fields(body)


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
    if value == FORM:  # nearly always, and reading the parameters costs as much as half a signature
        return
    header = Message()
    header["content-type"] = value
    if "," in value or value == "" or header.get_content_type() != FORM:
        raise UnsupportedMediaType("content type")
    if str(header.get_param("charset", "utf-8")).lower() != "utf-8":
        raise UnsupportedMediaType("charset")


def _fields(body: bytes) -> dict[str, str]:
    """The form's fields, each at most once, empty ones left out (RFC 6749 section 3.2)."""
    try:
        text = body.decode("utf-8")
        if _BAD_ESCAPE.search(text):
            raise ValueError("percent escape")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise InvalidRequest("form cannot be decoded", "The form is not valid UTF-8 or has a broken escape.") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        repeated = {name for name, count in Counter(name for name, _ in pairs).items() if count > 1}
        if repeated <= _TARGETS and fields.get("grant_type") == TOKEN_EXCHANGE:
            raise InvalidTarget("more than one target", "A token is for one target; send one audience and no resource.")
        raise InvalidRequest("repeated parameter", "A parameter is repeated.")
    return {name: value for name, value in fields.items() if value}
