"""Token requests as HTTP requests: a form of each grant type."""

import base64
from collections.abc import Mapping
from urllib.parse import urlencode

from broker.request.http import HttpRequest

FORM = "application/x-www-form-urlencoded"
ORIGIN = "https://id.execute-api.us-east-1.amazonaws.com"


def http(
    body: str | bytes = "grant_type=client_credentials",
    *,
    method: str = "POST",
    content_type: str | None = FORM,
    authorization: str | None = "Bearer a.b.c",
) -> HttpRequest:
    given_headers = {"content-type": content_type, "authorization": authorization}
    headers = {name: value for name, value in given_headers.items() if value is not None}
    data = body.encode() if isinstance(body, str) else body
    return HttpRequest("id", method, "ANY /token", ORIGIN, headers, base64.b64encode(data).decode(), True, True)


def form(**fields: str) -> str:
    return urlencode({"grant_type": "client_credentials", **fields})


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


def sent(fields: Mapping[str, str | None], authorization: str | None = None, more: str = "") -> HttpRequest:
    """These fields, None leaving one out; `more` is added to the body as it is."""
    present = {name: value for name, value in fields.items() if value is not None}
    return http(urlencode(present) + more, authorization=authorization)
