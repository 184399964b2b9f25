"""An event of API Gateway becomes an HTTP request, and the form in it fields. What is malformed as such ends here."""

import base64
import binascii
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from broker.base.errors import (
    BrokerFault,
    InvalidRequest,
    InvalidTarget,
    MethodNotAllowed,
    TooLarge,
    UnsupportedMediaType,
)
from broker.base.values import Value

MAX_BODY = 16 * 1024  # bytes, decoded
MAX_FIELDS = 100  # of a form; the standards name a dozen
FORM = "application/x-www-form-urlencoded"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - the name of a grant

MAX_CONTENT_TYPE = 256  # characters
# RFC 9110 sections 5.6.6 and 8.3.1. Every step is possessive, so that no text makes it try twice; and it is our own,
# since the standard library's parser of this header raises for some texts and takes 50 ms for others.
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_PARAMETER = rf'[ \t]*+;[ \t]*+(?:({_WORD})=({_WORD}|"[^"\\]*+"))?+'
_PARAMETERS = re.compile(_PARAMETER)
_FORM_TYPE = re.compile(rf"{re.escape(FORM)}((?:{_PARAMETER})*+)[ \t]*+", re.ASCII | re.IGNORECASE)
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
    is_origin_configured: bool = False


def read_event(event: Any, public_url: str | None) -> HttpRequest:
    """The HTTP request in an event of API Gateway's payload format 2.0. Raises BrokerFault for any other event.

    `public_url`: the broker's origin as configured. Without one it is the domain in the event, which is whatever the
    sender says where the function is invoked directly. The Host header is the caller's, so not read.

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
            is_origin_configured=public_url is not None,
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
    if value == FORM:  # nearly always
        return
    found = _FORM_TYPE.fullmatch(value) if len(value) <= MAX_CONTENT_TYPE else None
    if found is None:
        raise UnsupportedMediaType("content type")
    charsets = [text.strip('"') for name, text in _PARAMETERS.findall(found[1]) if name.lower() == "charset"]
    if any(charset.lower() != "utf-8" for charset in charsets):
        raise UnsupportedMediaType("charset")


def _fields(body: bytes) -> dict[str, str]:
    """The form's fields, each at most once, empty ones left out (RFC 6749 section 3.2)."""
    try:
        text = body.decode("utf-8")
        if _BAD_ESCAPE.search(text):
            raise ValueError("percent escape")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise InvalidRequest(
            "form cannot be decoded", "The form is not valid UTF-8, has a broken escape or more than 100 fields."
        ) from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        repeated = {name for name, count in Counter(name for name, _ in pairs).items() if count > 1}
        if repeated <= _TARGETS and fields.get("grant_type") == TOKEN_EXCHANGE:
            raise InvalidTarget("more than one target", "A token is for one target; send one audience and no resource.")
        raise InvalidRequest("repeated parameter", "A parameter is repeated.")
    return {name: value for name, value in fields.items() if value}
