"""Outcomes become answers: the one place where an error gets its wire form (RFC 6749 sections 5.1 and 5.2)."""

import json
from math import ceil, floor
from typing import Any

from broker.errors import BrokerError, CallerRefused, InvalidRequest, MethodNotAllowed, TemporarilyUnavailable
from broker.minting import BearerToken

Response = dict[str, Any]

_HEADERS = {"content-type": "application/json", "cache-control": "no-store", "pragma": "no-cache"}


def granted(token: BearerToken, now: float) -> Response:
    """200 with the token. `expires_in` is what is really left at `now`, whole seconds."""
    body = {
        "access_token": token.secret,
        "token_type": "Bearer",
        "expires_in": floor(token.expires_at - now),
        "scope": " ".join(sorted(token.scopes)),
    }
    return _response(200, {}, body)


def refused(error: BrokerError, request_id: str) -> Response:
    """The answer for an error. It says what kind of thing failed, never which rule, claim, key or issuer."""
    description = error.detail if isinstance(error, InvalidRequest) else error.description
    body: dict[str, Any] = {
        "error": error.code,
        "error_description": description,
        "message": description,  # the field that api2's clients read
        "request_id": request_id,
    }
    headers: dict[str, str] = {}
    if isinstance(error, TemporarilyUnavailable):
        body["retry_after"] = max(1, ceil(error.retry_after))
        headers["retry-after"] = str(body["retry_after"])
    if isinstance(error, MethodNotAllowed):
        headers["allow"] = "POST"
    if error.status == 401:
        # RFC 6750 section 3: no error attribute where no token was shown.
        headers["www-authenticate"] = 'Bearer realm="token-broker"' + (
            ', error="invalid_token"' if isinstance(error, CallerRefused) else ""
        )
    return _response(error.status, headers, body)


def healthy() -> Response:
    return _response(200, {}, {"status": "ok"})


def _response(status: int, headers: dict[str, str], body: dict[str, Any]) -> Response:
    return {"statusCode": status, "headers": _HEADERS | headers, "body": json.dumps(body), "isBase64Encoded": False}
