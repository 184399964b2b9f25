"""The sandbox's configuration: Workspaces, their Auth Keys, and settings; and the bearer tokens that it issues."""

import hashlib
import os
from dataclasses import dataclass, field
from typing import Literal, get_args

from broker.policy.scopes import SCOPES

from local.sandbox.resources import Template

DEFAULT_WORKSPACE = "sandbox"
Algorithm = Literal["sha1", "sha256", "sha384"]  # of signatures
ALGORITHMS: tuple[str, ...] = get_args(Algorithm)


def new_id() -> str:
    """A new id in api2's format. It is random, since on some routes to know the id is enough."""
    return os.urandom(16).hex()


def is_key(name: object) -> bool:
    """Whether this may be an Auth Key: printable, without spaces, and without a colon.

    A colon would end the user name of HTTP Basic (RFC 7617).
    """
    return isinstance(name, str) and name.isprintable() and not set(name) & {" ", ":"} and name != ""


@dataclass(frozen=True, slots=True)
class Workspace:
    """`require_signature`: whether requests without a bearer token must be signed. `cancelled`: it mints no tokens.

    `enforce_aud`: whether the `aud` of a bearer token must fit the way on which it comes.
    """

    slug: str = DEFAULT_WORKSPACE
    require_signature: bool = True
    cancelled: bool = False
    enforce_aud: bool = False


@dataclass(frozen=True, slots=True)
class AuthKey:
    """An Auth Key with its scopes. `signature_algo`: the only algorithm that it may sign with, or None for any."""

    key: str
    secret: str = field(repr=False)
    scopes: tuple[str, ...] = SCOPES
    signature_algo: str | None = None
    workspace: str = DEFAULT_WORKSPACE
    description: str = ""
    is_active: bool = True
    is_allowed_for_smartcdn: bool = False
    can_show_auth_secret: bool = False
    created: float = 0
    modified: float = 0

    @property
    def id(self) -> str:
        return hashlib.sha256(self.key.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Bearer:
    """An issued bearer token; `expires_at` in seconds since the epoch.

    It keeps its Auth Key as it was: whether a token ends when its key is deleted is not documented, so here it works
    on.
    """

    key: AuthKey
    scopes: frozenset[str]
    aud: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `requests` requests in `per_seconds` seconds."""

    requests: int
    per_seconds: int = 60


@dataclass(frozen=True, slots=True)
class Settings:
    """`execution_seconds`: how long an Assembly executes after its files have arrived. Limits are off unless set.

    `templates`: those that are there from the start.
    """

    workspaces: tuple[Workspace, ...] = (Workspace(),)
    templates: tuple[Template, ...] = ()
    execution_seconds: float = 0
    token_limit: Limit | None = None
    assembly_limit: Limit | None = None
    status_limit: Limit | None = None
    request_limit: Limit | None = None
