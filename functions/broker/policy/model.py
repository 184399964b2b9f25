"""The compiled trust policy: the compiler makes these structs and encodes them, the function decodes them.

The compiler has validated their members; decoding checks the types alone. It refuses a member that it does not know,
since a function that overlooks a condition gives more than the policy says.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache, cached_property
from typing import Annotated, Any, Literal

from msgspec import Meta, Raw, field, json
from msgspec.structs import replace

from broker.base.values import Value
from broker.policy import jwk
from broker.policy.conditions import Claims, Condition
from broker.policy.jwk import Jwk

# What a request means that names no aud, or no credential.
DEFAULT_AUD, DEFAULT_CREDENTIAL = "api2", "default"


class All(Enum):
    """Every scope of the Auth Key; only `scopes: "*"` makes it, and it alone sends no scope upstream."""

    ALL = "*"


ALL = All.ALL


class Issuer(Value, frozen=True, dict=True, forbid_unknown_fields=True):
    """One entry of the trust policy: whom to believe, and on what conditions. Times in seconds."""

    name: str
    issuer: str
    audiences: frozenset[str]
    algorithms: frozenset[str]
    # Its keys are inline, at a URL, or else found by discovery.
    jwks: dict[str, Any] | None
    keys_url: str | None
    max_age: int | None
    leeway: int
    require: tuple[Condition, ...]
    typ: frozenset[str] | None
    audience_claim: str
    subject_claim: str
    once: bool

    @cached_property
    def inline_keys(self) -> tuple[Jwk, ...] | None:
        return None if self.jwks is None else jwk.load_set(self.jwks, self.issuer)


class Rule(Value, frozen=True, forbid_unknown_fields=True):
    name: str
    issuer: str  # the name of its entry, or the reserved name of callers without a JWT
    # No condition would be fulfilled by every caller, and no scope would be sent as all scopes.
    when: Annotated[tuple[Condition, ...], Meta(min_length=1)]
    scopes: Annotated[tuple[str, ...], Meta(min_length=1)] | All
    aud: tuple[str, ...]
    credential: str
    share: Literal["grant", "caller"]  # of whom the bearer token is: of all with the same grant, or of each caller

    def find_failed(self, claims: Claims) -> tuple[str, ...]:
        """The claims whose conditions do not hold."""
        return tuple([condition.claim for condition in self.when if not condition.holds(claims)])


class Policy(Value, frozen=True, dict=True, forbid_unknown_fields=True, omit_defaults=True):
    """A compiled trust policy."""

    hidden = ("entries", "named", "rules")

    is_local: bool = field(name="local")
    upstream: str
    aws_endpoint: str | None  # of the local stack; None: AWS's own
    credentials: tuple[str, ...]  # their names; which secret each is, the deployment says
    entries: tuple[Issuer, ...] = field(name="issuers")
    named: frozenset[str]  # every scope and aud that a rule names
    rules: dict[str, Raw]  # entry name -> its rules, JSON
    digest: str = ""  # the SHA-256 of the file, hex; the file itself cannot hold it

    def names(self, text: str) -> bool:
        """Whether it is a credential, a scope or an aud that the policy names, or the default of one."""
        return text in self.credentials or text in self.named or text in (DEFAULT_AUD, DEFAULT_CREDENTIAL)

    @cached_property
    def issuers(self) -> Mapping[str, tuple[Issuer, ...]]:
        """The entries by the `iss` that they accept."""
        found: dict[str, tuple[Issuer, ...]] = {}
        for entry in self.entries:
            found[entry.issuer] = (*found.get(entry.issuer, ()), entry)
        return found

    @cached_property
    def find_rules(self) -> Callable[[str], tuple[Rule, ...]]:
        """The rules of an issuer's entry by its name, decoded when its first caller comes: a start pays for none."""
        return cache(lambda entry: _RULES.decode(self.rules.get(entry, b"[]")))


_POLICY = json.Decoder(Policy)
_RULES = json.Decoder(tuple[Rule, ...])


def read(path: str | os.PathLike[str]) -> Policy:
    """The compiled policy in a file. Raises OSError, or ValueError where it is not one."""
    with open(path, "rb") as file:
        return load(file.read())


def load(data: bytes) -> Policy:
    """The compiled policy in the bytes of its file. Raises ValueError where it is not one."""
    return replace(_POLICY.decode(data), digest=hashlib.sha256(data).hexdigest())
