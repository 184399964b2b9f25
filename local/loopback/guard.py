"""Guards of the stack's ports: programs on this machine may call them, and pages only where a port is meant for pages.

A website can attack a stack on its visitor's machine in two ways:

1. Its page sends requests to 127.0.0.1 that need no preflight. The browser marks them with `Origin` or
   `Sec-Fetch-Site` (https://www.w3.org/TR/fetch-metadata/); `from_a_page` and `from_elsewhere` refuse those.
2. It points a host name of its own at 127.0.0.1 (DNS rebinding). Our port then belongs to the page's own origin, so the
   page can read the answers. `Host` holds the website's name; `foreign_host` refuses it.
"""

import re
from typing import Protocol


class Headers(Protocol):
    """A request's headers, found by any case of their names."""

    def get(self, name: str, /) -> str | None: ...


HOSTS = ("127.0.0.1", "localhost")
_HERE = re.compile(r"https?://(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]+)?")


def foreign_host(headers: Headers, port: int) -> str | None:
    """The reason to refuse a request whose `Host` is not loopback with this port (DNS rebinding), or None."""
    host = (headers.get("host") or "").lower()
    # Browsers leave out the port 80, and send every other one.
    if host in (f"{name}:{port}" for name in HOSTS) or (port == 80 and host in HOSTS):
        return None
    return f"this name could be a website's (DNS rebinding), so it is refused; use http://127.0.0.1:{port}"


def from_a_page(headers: Headers) -> str | None:
    """The reason to refuse a request that a page sent, or None. Programs and the browser's address bar may ask."""
    # A simple GET of a page has no Origin, so Sec-Fetch-Site decides; `none` is the address bar. `same-site` is a page
    # on another port of loopback, which may be anybody's development server, so it is refused like `cross-site`.
    if headers.get("origin") is None and headers.get("sec-fetch-site") in (None, "none", "same-origin"):
        return None
    return "pages may not call this port, since a page of any website could; use a program, such as curl"


def from_elsewhere(headers: Headers) -> str | None:
    """The reason to refuse a request of a page that another machine served, or None. Programs may ask."""
    origin = headers.get("origin")
    if origin is None or _HERE.fullmatch(origin):
        return None
    return "only pages of this machine may call this port; serve yours at http://localhost"
