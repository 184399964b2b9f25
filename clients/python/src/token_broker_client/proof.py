"""How a request proves its caller. An identity makes the proof; what has not the form of a JWT is never sent."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

from token_broker_client.errors import TokenError

LIMIT = 8192  # bytes of a JWT, as the broker counts
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523 section 2.2


@dataclass(frozen=True)
class Request:
    """A token request on its way. `source` names what proves it, and `jwt` is the proof, if it is one."""

    origin: str
    fields: Mapping[str, str]
    path: str = "/token"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    jwt: str = field(default="", repr=False)
    source: str = ""


@runtime_checkable
class Identity(Protocol):
    """Proves who the caller is, anew for each request. `audience`: the one that was asked for in code."""

    @property
    def audience(self) -> str | None: ...

    def prove(self, request: Request, /) -> Request:
        """The request with a proof. Raises TokenError."""


@dataclass(frozen=True)
class Jwt:
    """An identity that is a JWT. Called, it gives a new one; `ask` takes the audience, which it may not need."""

    source: str
    ask: Callable[[str], str] = field(repr=False)
    audience: str | None = None
    is_assertion: bool = False

    def __call__(self, audience: str = "") -> str:
        """A JWT. Raises TokenError (`bad_identity`, `unreachable`, `no_library`)."""
        return check_jwt(self.ask(self.audience or audience), self.source)

    def prove(self, request: Request, /) -> Request:
        jwt = self(request.origin)
        proven = replace(request, jwt=jwt, source=self.source)
        if self.is_assertion:
            assertion = {"client_assertion_type": _ASSERTION_TYPE, "client_assertion": jwt}
            return replace(proven, fields={**request.fields, **assertion})
        return replace(proven, headers={**request.headers, "authorization": f"Bearer {jwt}"})


def check_jwt(text: object, source: str) -> str:
    """The JWT without white space around it. Raises TokenError (`bad_identity`).

    A wrong path must not send another secret of this machine, such as a private key, to the broker.
    """
    # A function of the program may give None where nobody is logged in.
    if not isinstance(text, str):
        kind = type(text).__name__
        raise TokenError("bad_identity", f"{source} gives {kind}, and a JWT is a text; nothing was sent")
    jwt = text.strip()
    if len(jwt) > LIMIT:
        raise TokenError("bad_identity", f"{source} holds more than {LIMIT} bytes, which no JWT has; nothing was sent")
    if not _JWT.fullmatch(jwt):
        found = "nothing" if not jwt else "something that has not the form of a JWT"
        raise TokenError("bad_identity", f"{source} gives {found}; nothing was sent")
    return jwt
