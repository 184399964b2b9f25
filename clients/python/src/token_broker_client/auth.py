"""The token on requests: one callable for httpx, httpx2 and requests, and one that does not block asyncio."""

import importlib
from collections.abc import AsyncGenerator, Generator
from typing import Any, TypeVar

from token_broker_client.errors import TokenError
from token_broker_client.kept import KeptToken
from token_broker_client.origins import origin_of

R = TypeVar("R")


class BearerAuth:
    """Adds the token to requests to one origin, and passes all others on as they are."""

    def __init__(self, kept: KeptToken, origin: str) -> None:
        self._kept = kept
        self.origin = origin

    def __call__(self, request: R) -> R:
        """The same request, with the token if it may have it. Raises TokenError."""
        if self.covers(request):
            set_bearer(request, self._kept.get().value)
        return request

    async def add(self, request: Any) -> None:
        """The same for asyncio."""
        if self.covers(request):
            set_bearer(request, (await self._kept.get_async()).value)

    def covers(self, request: Any) -> bool:
        """Whether the request goes to the one origin that may see the token."""
        return origin_of(request.url) == self.origin

    def __repr__(self) -> str:
        return f"BearerAuth({self.origin!r})"


def set_bearer(request: Any, token: str) -> None:
    request.headers["Authorization"] = f"Bearer {token}"


def make_async_auth(auth: BearerAuth) -> Any:
    """An object that is an `Auth` of httpx and of httpx2, as far as they are installed. Raises TokenError.

    Both libraries ask for their own class and not for its methods.
    """
    bases = tuple(module.Auth for name in ("httpx", "httpx2") if (module := _load(name)))
    if not bases:
        raise TokenError("no_library", "async_auth needs httpx or httpx2; requests and others take auth or headers()")

    def sync_auth_flow(_: Any, request: Any) -> Generator[Any, Any, None]:
        yield auth(request)

    async def async_auth_flow(_: Any, request: Any) -> AsyncGenerator[Any, Any]:
        await auth.add(request)
        yield request

    flows = {"sync_auth_flow": sync_auth_flow, "async_auth_flow": async_auth_flow}
    return type("AsyncBearerAuth", bases, flows)()


def _load(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
