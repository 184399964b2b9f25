"""One HTTP request: each wait for the peer, and its answer, are bounded. Redirects are returned and never followed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import urllib3
from urllib3 import exceptions

from token_broker_client.errors import TokenError

FORM = "application/x-www-form-urlencoded"
LIMIT = 65_536  # bytes of an answer
_TIMEOUT = urllib3.Timeout(connect=10, read=35)  # API Gateway answers within 30 seconds


@dataclass(frozen=True)
class Reply:
    """An answer. The names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def send(method: str, url: str, headers: Mapping[str, str], body: str | None, peer: str) -> Reply:
    """Send a request to `url`; `peer` names it in errors. Raises TokenError (`unreachable`, `bad_answer`)."""
    try:
        with urllib3.PoolManager(retries=False, timeout=_TIMEOUT) as pool:
            answer = pool.request(method, url, headers=headers, body=body, redirect=False, preload_content=False)
            data = answer.read(LIMIT + 1)
            answer.close()
    # The words of the library may quote the peer, so they are replaced by fixed ones.
    except exceptions.HTTPError as error:
        raise TokenError("unreachable", f"{peer} cannot be reached: {_name(error)}") from None
    if len(data) > LIMIT:
        raise TokenError("bad_answer", f"{peer} sent more than {LIMIT} bytes; is it what its URL says?")
    return Reply(answer.status, {name.lower(): value for name, value in answer.headers.items()}, data)


def _name(error: exceptions.HTTPError) -> str:
    match error:
        case exceptions.NameResolutionError():
            return "its name is unknown; check the URL and the network"
        case exceptions.NewConnectionError():  # which is a kind of timeout to urllib3
            return "it takes no connection; check the URL, then try again"
        case exceptions.TimeoutError():
            return "it did not answer in time; check the network, then try again"
        case exceptions.SSLError():
            return "its certificate is not accepted; SSL_CERT_FILE names the roots if they are your company's"
        case _:
            return "the connection broke; try again"
