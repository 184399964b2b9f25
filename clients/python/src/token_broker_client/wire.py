"""One HTTP request, bounded in time and in the size of its answer. Redirects are returned and never followed."""

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

import urllib3
from urllib3 import exceptions

from token_broker_client.errors import TokenError

FORM = "application/x-www-form-urlencoded"
LIMIT = 65_536  # bytes of an answer
SECONDS = 60  # for the whole request
_TIMEOUT = urllib3.Timeout(connect=10, read=35)  # API Gateway answers within 30 seconds
_LATE = "it did not answer in time; check the network, then try again"


@dataclass(frozen=True)
class Reply:
    """An answer. The names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def send(method: str, url: str, headers: Mapping[str, str], body: str | None, peer: str) -> Reply:
    """Send a request to `url`; `peer` names it in errors. Raises TokenError (`unreachable`, `bad_answer`)."""
    outcome: Future[Reply] = Future()

    def run() -> None:
        try:
            outcome.set_result(_send(method, url, headers, body, peer))
        except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
            outcome.set_exception(error)

    # A peer that sends a byte now and then, or a slow name service, outlasts the limits of urllib3, each of which is
    # for one read. All users of the token would wait for it.
    threading.Thread(target=run, daemon=True).start()
    try:
        return outcome.result(SECONDS)
    except TimeoutError:
        raise TokenError("unreachable", f"{peer} cannot be reached: {_LATE}") from None


def _send(method: str, url: str, headers: Mapping[str, str], body: str | None, peer: str) -> Reply:
    try:
        with urllib3.PoolManager(retries=False, timeout=_TIMEOUT) as pool:
            answer = pool.request(method, url, headers=headers, body=body, redirect=False, preload_content=False)
            # Nothing is unpacked, since nothing packed was asked for: a little may become very much.
            data = answer.read(LIMIT + 1, decode_content=False)
            is_cut = len(data) <= LIMIT and answer.length_remaining  # urllib3 does not mind where it unpacks nothing
            answer.close()
    # The words of the library may quote the peer, so they are replaced by fixed ones.
    except exceptions.HTTPError as error:
        raise TokenError("unreachable", f"{peer} cannot be reached: {_name(error)}") from None
    if len(data) > LIMIT:
        raise TokenError("bad_answer", f"{peer} sent more than {LIMIT} bytes; is it what its URL says?")
    if is_cut:
        raise TokenError("unreachable", f"{peer} cannot be reached: the connection broke; try again")
    return Reply(answer.status, {name.lower(): value for name, value in answer.headers.items()}, data)


def _name(error: exceptions.HTTPError) -> str:
    match error:
        case exceptions.NameResolutionError():
            return "its name is unknown; check the URL and the network"
        case exceptions.NewConnectionError():  # which is a kind of timeout to urllib3
            return "it takes no connection; check the URL, then try again"
        case exceptions.TimeoutError():
            return _LATE
        case exceptions.SSLError():
            return "its certificate is not accepted; SSL_CERT_FILE names the roots if they are your company's"
        case _:
            return "the connection broke; try again"
