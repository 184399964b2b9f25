"""Origins: of the broker, which gets the identity, and of Transloadit, which gets the bearer token."""

from collections.abc import Mapping
from typing import Any

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from token_broker_client.errors import TokenError

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
API2 = "https://api2.transloadit.com"  # its MCP service is at /mcp of the same origin
ENDPOINT = "TRANSLOADIT_ENDPOINT"
_PORTS = {"https": 443, "http": 80}


def broker_origin(url: str, name: str) -> str:
    """The broker's origin. `name` says where the URL stands. Raises TokenError (`bad_url`).

    By http the identity could be read on its way, so only this machine may be called so.
    """
    parts = _parse(url, name)
    if parts.auth or parts.query or parts.fragment or parts.path not in (None, "", "/"):
        raise _bad(name, f"is the origin of the broker alone, such as {_origin(parts)}, without a path")
    return _origin(parts)


def check_url(url: str, name: str) -> None:
    """Raises TokenError (`bad_url`) unless the URL is https or on this machine. `name` says where it stands."""
    _parse(url, name)


def transloadit_origin(endpoint: str | None, environ: Mapping[str, str]) -> str:
    """The origin that gets the bearer token: of `endpoint`, else of TRANSLOADIT_ENDPOINT, else api2's.

    Raises TokenError (`bad_url`). A variable of the environment must not send the token to others, so it may name
    hosts of Transloadit and this machine alone.
    """
    if endpoint:
        return _origin(_parse(endpoint, "endpoint"))
    if not environ.get(ENDPOINT):
        return API2
    parts = _parse(environ[ENDPOINT], ENDPOINT)
    if not _host(parts).endswith(".transloadit.com") and _host(parts) not in LOOPBACK:
        raise _bad(ENDPOINT, "may name a host of transloadit.com or this machine; unset it, or give `endpoint` in code")
    return _origin(parts)


def origin_of(url: Any) -> str:
    """The origin of a request's URL: of a text (requests), or of an object with scheme, host and port (httpx).

    The object is the parser's that sends. Two parsers may disagree about the host of one text.
    """
    if not isinstance(url, str):
        return _join(str(url.scheme), str(url.host), url.port)
    try:
        return _origin(parse_url(url))
    except LocationParseError:
        return ""


def _parse(url: str, name: str) -> Url:
    """Parse with the library that sends, since parsers disagree about the host of `http://a\\@127.0.0.1`."""
    try:
        parts = parse_url(url)
    except LocationParseError:
        parts = Url()
    is_local = parts.scheme == "http" and _host(parts) in LOOPBACK
    if not (parts.host and (parts.scheme == "https" or is_local)):
        raise _bad(name, "must begin with https:// (http only for 127.0.0.1, localhost and ::1)")
    return parts


def _bad(name: str, text: str) -> TokenError:
    return TokenError("bad_url", f"{name} {text}; nothing was sent")


def _host(parts: Url) -> str:
    return (parts.host or "").strip("[]").lower()


def _origin(parts: Url) -> str:
    return _join(parts.scheme or "", _host(parts), parts.port)


def _join(scheme: str, host: str, port: int | None) -> str:
    name = f"[{host}]" if ":" in host else host.lower()
    return f"{scheme}://{name}" if port in (None, _PORTS.get(scheme)) else f"{scheme}://{name}:{port}"
