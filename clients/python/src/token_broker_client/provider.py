"""`TokenProvider`: what a program holds in its hands."""

import os
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

from token_broker_client.auth import BearerAuth, make_async_auth
from token_broker_client.errors import TokenError
from token_broker_client.exchange import Clock, Exchange
from token_broker_client.kept import KeptToken
from token_broker_client.origins import broker_origin, transloadit_origin
from token_broker_client.proof import Identity, Jwt
from token_broker_client.variables import BROKER_URL, find_identity, find_url


class TokenProvider:
    """Gives a bearer token that lives, whenever it is called. One for a program is enough: threads and tasks share it.

    provider = TokenProvider("https://tokens.example.com", identity=file("/var/run/secrets/tokens/broker"))
    httpx.Client(auth=provider.auth).get("https://api2.transloadit.com/templates")
    """

    def __init__(
        self,
        url: str | None = None,
        identity: Identity | Callable[[], str] | None = None,
        scope: str | None = None,
        aud: str = "api2",
        credential: str | None = None,
        *,
        endpoint: str | None = None,
        clock: Clock = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`url`: the broker's; if left out, that of TRANSLOADIT_BROKER_URL.

        `identity`: one of this package, or a function that gives a new JWT; if left out, that of the environment.
        `scope`, separated by spaces, `aud` and `credential`: what to ask for; all that the policy gives, if left out.
        `endpoint`: where the token is used, if not at Transloadit's own api2; else TRANSLOADIT_ENDPOINT may say so.
        `clock` (seconds since 1970) and `sleep` are for tests. Raises TokenError; nothing is sent yet.
        """
        origin = broker_origin(url, "url") if url else broker_origin(find_url(os.environ), BROKER_URL)
        chosen = _choose(identity)
        # A variable that names another broker must not get a JWT that is made for the true one.
        if not url and chosen.audience is not None:
            raise TokenError("bad_url", "an audience in code needs the broker's `url` in code; nothing was sent")
        self._origin = origin
        self._identity = chosen
        asked = {"scope": scope, "aud": aud, "credential": credential}
        fields = {name: value for name, value in asked.items() if value}
        exchange = Exchange(self._origin, chosen, fields, clock, sleep)
        self._kept = KeptToken(exchange, clock)
        self._fields = fields
        self._auth = BearerAuth(self._kept, transloadit_origin(endpoint, os.environ))

    def __call__(self) -> str:
        """A bearer token. Raises TokenError."""
        return self._kept.get().value

    def headers(self) -> dict[str, str]:
        """The header that carries the token. Raises TokenError."""
        return {"Authorization": f"Bearer {self()}"}

    @property
    def auth(self) -> BearerAuth:
        """For `auth=` of httpx, httpx2 and requests: adds the token to requests to Transloadit, and to no others."""
        return self._auth

    @cached_property
    def async_auth(self) -> Any:
        """For `auth=` of an AsyncClient of httpx or httpx2: the same, without blocking the event loop."""
        return make_async_auth(self._auth)

    def __repr__(self) -> str:
        return f"TokenProvider({self._origin!r}, {self._identity!r}, {self._fields!r})"


def _choose(identity: Identity | Callable[[], str] | None) -> Identity:
    if identity is None:
        return find_identity(os.environ)
    if isinstance(identity, Identity):
        return identity
    ask = identity
    return Jwt("the identity function", lambda _: ask())
