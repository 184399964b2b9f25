"""Outcomes become answers: the one place where an error gets its wire form (RFC 6749 sections 5.1 and 5.2)."""

from collections.abc import Iterable
from math import ceil, floor
from typing import TYPE_CHECKING, Any

from msgspec.json import encode

from broker import __version__
from broker.answering import Outcome
from broker.base.errors import BrokerError, MethodNotAllowed, NoProof, TemporarilyUnavailable
from broker.request.http import HttpRequest
from broker.request.proof import ACCESS_TOKEN_TYPE, GRANT_TYPES, Proof, ProofForm
from broker.signing.signer import Signed
from broker.token.bearer import BearerToken

if TYPE_CHECKING:  # Loaded by the function that takes notifications.
    from broker.assembly.completion import Completed

Response = dict[str, Any]

_JSON = {"content-type": "application/json"}
# A cache in between must not keep a token, and an error may be another one a moment later (RFC 6749 section 5.1).
_NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
# The endpoint that ours repeats, with a JWT in place of Basic.
_DOCUMENTATION = "https://transloadit.com/docs/api/token-post/"


def respond(outcome: Outcome[BearerToken] | Outcome[Signed], http: HttpRequest, now: float) -> Response:
    """The answer to a POST. `now` in seconds since the epoch."""
    if isinstance(outcome.result, BrokerError):
        return refuse(outcome.result, http)
    if isinstance(outcome.result, Signed):
        return _make_response(200, _NO_STORE, outcome.result.body)
    body = show_token(outcome.result, now)
    proof = outcome.request.proof if outcome.request else None
    if isinstance(proof, Proof) and proof.form is ProofForm.SUBJECT_TOKEN:
        body["issued_token_type"] = ACCESS_TOKEN_TYPE  # RFC 8693 section 2.2.1
    return _make_response(200, _NO_STORE, body)


def acknowledge(outcome: "Outcome[Completed]", http: HttpRequest) -> Response:
    """The answer to a notification: what became of the callback. After any other status than 200 api2 comes again."""
    if isinstance(outcome.result, BrokerError):
        return refuse(outcome.result, http)
    return _make_response(200, _NO_STORE, {"status": outcome.result.callback})


def show_token(token: BearerToken, now: float) -> dict[str, Any]:
    """The members of an answer that hold the token. `now` in seconds since the epoch."""
    return {
        "access_token": token.secret,
        "token_type": "Bearer",
        # What is left of a token from a cache, not its whole life. Rounded down, so that no caller uses it too long.
        "expires_in": floor(token.expires_at - now),
        "scope": " ".join(sorted(token.scopes)),
    }


def refuse(error: BrokerError, http: HttpRequest) -> Response:
    """The answer for an error. It says what kind of thing failed, never which rule, claim, key or issuer.

    Otherwise the holder of any valid JWT could find out rule by rule how to get more.
    """
    body, headers = _describe_error(error.code, error.description, http), dict(_NO_STORE)
    if isinstance(error, TemporarilyUnavailable):
        body["retry_after"] = max(1, ceil(error.retry_after))
        headers["retry-after"] = str(body["retry_after"])
    if isinstance(error, MethodNotAllowed):
        headers["allow"] = "POST"
    if error.status == 401 and (type(error) is NoProof or "authorization" in http.headers):
        # RFC 6750 section 3: there is no error attribute where the request had no token in the header.
        attribute = ', error="invalid_token"' if error.code == "invalid_token" else ""
        headers["www-authenticate"] = f'Bearer realm="token-broker"{attribute}'
    return _make_response(error.status, headers, body)


def report_health(http: HttpRequest, policy: str) -> Response:
    """That the function runs, and which version by which policy (its digest)."""
    answer = _make_response(200, _NO_STORE, {"status": "ok", "version": __version__, "policy": policy})
    # The answer to HEAD is that to GET without its body (RFC 9110 section 9.3.2).
    return answer | {"body": ""} if http.method == "HEAD" else answer


def refuse_login(http: HttpRequest) -> Response:
    """The answer of the authorization endpoint. It redirects nowhere and repeats nothing of the query.

    Otherwise a link to this origin could lead its reader to any other one (RFC 9700 section 4.11).
    """
    description = "There is no login here; send a proof to the token_endpoint."
    return _make_response(400, _NO_STORE, _describe_error("unsupported_response_type", description, http))


def describe_server(http: HttpRequest, algorithms: Iterable[str], scopes: Iterable[str]) -> Response:
    """The metadata by which OAuth clients find the token endpoint (RFC 8414 section 2). Nothing of the policy."""
    body: dict[str, Any] = {
        "issuer": http.origin,
        # The official MCP SDKs refuse metadata without it, whatever grant they use.
        "authorization_endpoint": f"{http.origin}/authorize",
        "token_endpoint": f"{http.origin}/token",
        "service_documentation": _DOCUMENTATION,
        "scopes_supported": list(scopes),
        "response_types_supported": [],
        "grant_types_supported": list(GRANT_TYPES),
        "token_endpoint_auth_methods_supported": ["none"],
    }
    # Without a configured origin no client assertion is accepted: its audience would come from a header of the caller.
    if http.is_origin_configured:
        body["token_endpoint_auth_methods_supported"].append("private_key_jwt")
        body["token_endpoint_auth_signing_alg_values_supported"] = sorted(algorithms)
    return _make_response(200, {"cache-control": "public, max-age=3600"}, body)


def answer_preflight() -> Response:
    """The answer to `OPTIONS`, to which API Gateway adds its CORS headers.

    API Gateway answers preflights itself, but not those of a route that matches `OPTIONS`, as `ANY` does. After a
    status other than 2xx a browser does not send the request.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
    """
    return {"statusCode": 204, "headers": {}, "body": "", "isBase64Encoded": False}


def _describe_error(code: str, description: str, http: HttpRequest) -> dict[str, Any]:
    return {
        "error": code,
        "error_description": description,
        "message": description,  # the field that api2's clients read
        "request_id": http.request_id,
    }


def _make_response(status: int, headers: dict[str, str], body: dict[str, Any]) -> Response:
    return {"statusCode": status, "headers": _JSON | headers, "body": encode(body).decode(), "isBase64Encoded": False}
