"""Token requests as HTTP requests: a form of each grant type."""

import base64
from collections.abc import Mapping
from urllib.parse import urlencode

from broker.request.http import HttpRequest

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
ORIGIN = "https://id.execute-api.us-east-1.amazonaws.com"
GRANT = {"grant_type": "client_credentials"}
EXCHANGE = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "subject_token": "a.b.c",
    "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
}
BEARER = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "a.b.c"}
ASSERTION = {
    "grant_type": "client_credentials",
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "client_assertion": "a.b.c",
}


def form(**fields: str) -> str:
    return urlencode(GRANT | fields)


def http(body: str | bytes = form(), method: str = "POST", **headers: str | None) -> HttpRequest:
    """A request of exactly this body. Headers in snake case come on top of the usual two; None leaves one out."""
    changes = {name.replace("_", "-"): text for name, text in headers.items()}
    given = {"content-type": FORM, "authorization": "Bearer a.b.c"} | changes
    present = {name: text for name, text in given.items() if text is not None}
    data = body.encode("utf-8", "surrogateescape") if isinstance(body, str) else body
    text = base64.b64encode(data).decode()
    return HttpRequest("request-1", method, "ANY /token", ORIGIN, present, text, True, True)


def by_header(jwt: str, **fields: str) -> HttpRequest:
    """A token request that shows its JWT in the header, as most callers do."""
    return http(form(**fields), authorization=f"Bearer {jwt}")


def sent(fields: Mapping[str, str | None], authorization: str | None = None, more: str = "") -> HttpRequest:
    """These fields, None leaving one out; `more` is added to the body as it is."""
    present = {name: value for name, value in fields.items() if value is not None}
    return http(urlencode(present) + more, authorization=authorization)
