"""Who may call the stack: programs on this machine, and pages only where a port is meant for them.

A page elsewhere reaches loopback by its visitor's browser: with requests that need no preflight, and under a name of
its own that it points at 127.0.0.1 (DNS rebinding), so that our port is its own origin and it reads the answers.
`Origin` and `Sec-Fetch-Site` (https://www.w3.org/TR/fetch-metadata/) tell the first, `Host` the second.
"""

import re
from typing import Protocol


class Headers(Protocol):
    """A request's headers, found by any case of their names."""

    def get(self, name: str, /) -> str | None: ...


HOSTS = ("127.0.0.1", "localhost")
_HERE = re.compile(r"https?://(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]+)?")


def foreign_host(headers: Headers, port: int) -> str | None:
    """Why a request to this port is refused for the name that it was sent to; None where the name is ours."""
    host = (headers.get("host") or "").lower()
    if host in (f"{name}:{port}" for name in HOSTS) or (port == 80 and host in HOSTS):
        return None
    return f"only called by its own name, so that no page elsewhere can read it; use http://127.0.0.1:{port}"


def from_a_page(headers: Headers) -> str | None:
    """Why a request is refused that a page sent; None for a program's, and for what is typed into a browser."""
    if headers.get("origin") is None and headers.get("sec-fetch-site") in (None, "none", "same-origin"):
        return None
    return "not for pages: any of them could call it; use a program, such as curl"


def from_elsewhere(headers: Headers) -> str | None:
    """Why a request is refused that a page from elsewhere sent; None for pages of this machine, and for programs."""
    origin = headers.get("origin")
    if origin is None or _HERE.fullmatch(origin):
        return None
    return "only for pages of this machine: serve yours at http://localhost"
