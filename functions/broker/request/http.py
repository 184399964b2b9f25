"""An event of API Gateway becomes an HTTP request, and its body fields or members. Malformed ones end here."""

import base64
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from broker.base import encoding, errors
from broker.base.values import Value

MAX_BODY = 16 * 1024  # bytes, decoded
MAX_FIELDS = 100  # of a form; the standards define a dozen
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - the name of a grant

MAX_CONTENT_TYPE = 256  # characters
# RFC 9110 sections 5.6.6 and 8.3.1. An expression that may match one text in many ways can take hours for a text that
# is made to fit none of them, so every step is possessive (`++`, `*+`, `?+`): what it has matched it never tries again.
# The standard library's parser of this header raises for some texts and takes 50 ms for others.
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_PARAMETER = rf'[ \t]*+;[ \t]*+(?:({_WORD})=({_WORD}|"[^"\\]*+"))?+'
_PARAMETERS = re.compile(_PARAMETER)
_MEDIA_TYPE = re.compile(rf"({_WORD}/{_WORD})((?:{_PARAMETER})*+)[ \t]*+", re.ASCII)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# RFC 8693 section 2.1 lets callers repeat these. A bearer token is for one target.
_TARGETS = frozenset({"audience", "resource"})


class HttpRequest(Value, frozen=True):
    """The parts of an event of payload format 2.0 that the broker uses.

    `origin`: the broker's own, as its caller sees it: the issuer in its metadata and the audience of client assertions.
    """

    hidden = ("headers", "body")

    request_id: str
    method: str
    route: str
    origin: str
    headers: Mapping[str, str]
    body: str
    is_base64: bool
    is_origin_configured: bool = False


def read_event(event: Any, public_url: str | None) -> HttpRequest:
    """The HTTP request in an event of API Gateway's payload format 2.0. Raises BrokerFault for any other event.

    `public_url`: the broker's origin as configured. Without one the origin is the domain in the event.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    """
    # The caller writes the Host header, so it is never read. Whoever may invoke the function directly writes the whole
    # event, so an origin from there is good enough to print, and `is_origin_configured` says that it proves nothing.
    try:
        if event["version"] != "2.0":
            raise errors.BrokerFault("not an event of payload format 2.0")
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
        raise errors.BrokerFault("not an event of API Gateway") from error


def read_form(http: HttpRequest) -> dict[str, str]:
    """The fields of a POSTed form. Raises InvalidRequest or one of its subclasses."""
    return parse_fields(_read_body(http, FORM))


def read_json(http: HttpRequest) -> dict[str, Any]:
    """The members of a POSTed JSON object. Raises InvalidRequest or one of its subclasses."""
    try:
        return encoding.read_object(_read_body(http, JSON))
    except encoding.Malformed as error:
        raise errors.InvalidRequest(
            f"body: {error}", "The body must be a JSON object in UTF-8 that has each member once."
        ) from error


def _read_body(http: HttpRequest, media_type: str) -> bytes:
    if http.method != "POST":
        raise errors.MethodNotAllowed("method")
    body = decode_body(http, MAX_BODY)
    check_content_type(http.headers.get("content-type", ""), media_type)
    return body


def decode_body(http: HttpRequest, limit: int) -> bytes:
    """The bytes of the body, at most so many. Raises TooLarge or InvalidRequest."""
    # Check the encoded length first, so that an oversized body is never decoded. Base64 writes three bytes as four
    # characters.
    if len(http.body) > (limit // 3 * 4 + 4 if http.is_base64 else limit):
        raise errors.TooLarge("body", f"The body is larger than {limit:,} bytes.")
    try:
        body = base64.b64decode(http.body, validate=True) if http.is_base64 else http.body.encode()
    except ValueError as error:
        raise errors.InvalidRequest("body is not base64") from error
    if len(body) > limit:
        raise errors.TooLarge("body", f"The body is larger than {limit:,} bytes.")
    return body


def check_content_type(value: str, media_type: str) -> None:
    """Accept this media type with any parameters; `charset` is absent or utf-8. Raises UnsupportedMediaType."""
    # Almost every request: matching the expression would take half as long as verifying a signature.
    if value == media_type:
        return
    found, parameters = read_content_type(value)
    if found != media_type:
        raise errors.UnsupportedMediaType("content type", f"Send {media_type} in UTF-8.")
    # In another charset the same bytes would be other fields.
    if any(name == "charset" and text.lower() != "utf-8" for name, text in parameters):
        raise errors.UnsupportedMediaType("charset", f"Send {media_type} in UTF-8.")


def read_content_type(value: str) -> tuple[str, list[tuple[str, str]]]:
    """Media type and parameters, their names in lower case; no type where there is no well-formed one."""
    found = _MEDIA_TYPE.fullmatch(value) if len(value) <= MAX_CONTENT_TYPE else None
    if found is None:
        return "", []
    return found[1].lower(), [(name.lower(), text.strip('"')) for name, text in _PARAMETERS.findall(found[2])]


def parse_fields(body: bytes) -> dict[str, str]:
    """The fields of a form. Raises InvalidRequest or InvalidTarget."""
    try:
        text = body.decode("utf-8")
        # `parse_qsl` keeps a broken escape as it is, and other parsers drop it: two readings of one form.
        if _BAD_ESCAPE.search(text):
            raise ValueError("percent escape")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise errors.InvalidRequest(
            "form cannot be decoded", "The form is not valid UTF-8, has a broken escape or more than 100 fields."
        ) from error
    return keep_once(pairs)


def keep_once(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """A form's fields without the empty ones. Raises InvalidRequest where one is repeated (RFC 6749 section 3.2)."""
    fields = dict(pairs)
    # Of two fields of one name a proxy may check the first, and the broker use the last.
    if len(fields) != len(pairs):
        repeated = {name for name, count in Counter(name for name, _ in pairs).items() if count > 1}
        if repeated <= _TARGETS and fields.get("grant_type") == TOKEN_EXCHANGE:
            raise errors.InvalidTarget(
                "more than one target", "A token is for one target; send one audience and no resource."
            )
        raise errors.InvalidRequest("repeated parameter", "A parameter is repeated.")
    return {name: value for name, value in fields.items() if value}
