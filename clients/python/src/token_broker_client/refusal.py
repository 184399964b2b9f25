"""What an answer without a token means: its cause, as far as it can be seen from here, and the next step."""

import base64
import json
import re
from email.utils import parsedate_to_datetime
from typing import Any

from token_broker_client.errors import TokenError
from token_broker_client.proof import Request
from token_broker_client.wire import Reply

CLOCK_SLACK = 60  # seconds between two clocks that nobody needs to hear of
LEEWAY = 30  # seconds that a broker allows
_CODE = re.compile(r"[a-z_]{1,40}")
_EXPLAIN = "`token-broker policy explain` with the same JWT shows the reasons to those who have the policy"
_ADVICE = {
    "access_denied": _EXPLAIN,
    "invalid_scope": "ask for fewer scopes, or for none, which gives all that the policy allows",
    "invalid_target": "leave out `aud` and `credential`, or ask the broker's operator for the right",
    "server_error": "tell the broker's operator",
}


def refusal(reply: Reply, request: Request, now: float) -> TokenError:
    """The error for an answer other than a token; `now` is this machine's clock when it came."""
    body = _read_object(reply.body)
    code = body.get("error")
    request_id = _printable(body.get("request_id") or reply.headers.get("apigw-requestid"), 80) or None
    retry_after = _seconds(body.get("retry_after")) or _seconds(reply.headers.get("retry-after"))
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        code = _own_code(reply.status)
    description = _printable(body.get("error_description"), 300).rstrip(".")
    # A server that is no broker may send back what it got, or a part of it.
    if any(part[:20] in description for part in request.jwt.split(".") if len(part) >= 20):
        description = ""
    advice = _advise(code, reply, request, now, retry_after)
    facts = [code, str(reply.status), *([f"request id {request_id}"] if request_id else [])]
    reasons = "; ".join(part for part in (description, advice) if part)
    message = f"{request.origin} refused: {reasons} ({', '.join(facts)})"
    return TokenError(code, message, status=reply.status, request_id=request_id, retry_after=retry_after)


def _own_code(status: int) -> str:
    """The code of an answer that names none: API Gateway's own, or not a broker's at all."""
    if status in (429, 503):
        return "temporarily_unavailable"
    return "server_error" if status >= 500 else "bad_answer"


def _advise(code: str, reply: Reply, request: Request, now: float, retry_after: float | None) -> str:
    if 300 <= reply.status < 400:
        return "it redirects, which is not followed; give the broker's own URL"
    if code == "bad_answer":
        return f"is {request.origin} the broker's URL?"
    if code == "temporarily_unavailable":
        busy = "too many new tokens for this caller" if reply.status == 429 else "it cannot mint just now"
        return f"{busy}; try again in {retry_after or 1:.0f} seconds"
    if code in ("invalid_token", "invalid_client", "invalid_grant") and request.jwt:
        return _diagnose(request, now, _date(reply, now))
    return _ADVICE.get(code, "")


def _diagnose(request: Request, now: float, there: float) -> str:
    """Why a JWT is not accepted, by its own claims. `there` is the broker's clock."""
    claims = _claims(request.jwt)
    since = there - _number(claims.get("exp"), there + 1)
    until = _number(claims.get("iat"), there) - there
    if (since >= 0 or until > LEEWAY) and abs(now - there) > CLOCK_SLACK:
        direction = "behind" if now < there else "ahead of"
        return f"the clock of this machine is {_span(abs(now - there))} {direction} the broker's; set it"
    if since >= 0:
        return f"the JWT of {request.source} expired {_span(since)} ago; it must be renewed there"
    if until > LEEWAY:
        return f"the JWT of {request.source} was issued {_span(until)} in the future; its issuer's clock must be set"
    audience = claims.get("aud")
    if audience != request.origin and audience != [request.origin]:
        return (
            f"the audience of the JWT of {request.source} is {_printable(json.dumps(audience), 200)}; "
            f"the broker's policy says which one it takes, often {request.origin}"
        )
    return f"its policy may not know the issuer or key of {request.source}; {_EXPLAIN}"


def _claims(jwt: str) -> dict[str, Any]:
    """The claims of a JWT, unverified: they explain a refusal, and nothing is decided by them."""
    payload = jwt.split(".")[1]
    try:
        return _read_object(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        return {}


def _number(value: Any, default: float) -> float:
    # Beyond these no date is meant, and reckoning with them may fail.
    return float(value) if isinstance(value, int | float) and -1e12 < value < 1e12 else default


def _read_object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _printable(value: Any, limit: int) -> str:
    """A text of at most `limit` printable ASCII characters, so that no peer writes to a terminal or forges a line."""
    return re.sub(r"[^\x20-\x7e]", "", value)[:limit] if isinstance(value, str) else ""


def _seconds(value: Any) -> float | None:
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return seconds if 0 < seconds < 1e9 else None


def _date(reply: Reply, now: float) -> float:
    """The broker's clock, from the header `Date`; this machine's if there is none."""
    try:
        return parsedate_to_datetime(reply.headers["date"]).timestamp()
    except (KeyError, ValueError, OverflowError):
        return now


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    return (
        f"{round(seconds)} seconds"
        if minutes < 2
        else f"{minutes} minutes"
        if minutes < 120
        else f"{minutes // 60} hours"
    )
