"""The compiled trust policy: the compiler makes these structs and encodes them, and the function decodes them.

The compiler has validated the values, so decoding checks types only. But it refuses a member that it does not know: a
function of an older version that overlooked a new kind of condition would give more than the policy says.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache, cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, Raw, field, json
from msgspec.structs import replace

from broker.base.values import Value
from broker.policy import jwk
from broker.policy.conditions import Claims, Condition
from broker.policy.jwk import Jwk

if TYPE_CHECKING:  # Loaded where the policy has such rules.
    from broker.policy.assembling import AssembleRule
    from broker.policy.signing import SignRule

# The aud and the credential of a request that names none.
DEFAULT_AUD, DEFAULT_CREDENTIAL = "api2", "default"


class All(Enum):
    """Every scope of the Auth Key. Only `scopes: "*"` in the policy makes it.

    Transloadit gives every scope to a request that names none. So an empty set of scopes would become all scopes on the
    way; this value, which no set equals, is the only one for which no scope is sent.
    """

    ALL = "*"


ALL = All.ALL


class Issuer(Value, frozen=True, dict=True, forbid_unknown_fields=True):
    """One entry of the trust policy: an issuer, and the conditions on which its JWTs are believed. Times in seconds.

    `issuer` is the exact `iss`; several entries may have one. Keys are inline (`jwks`), at `keys_url`, or else found by
    discovery.
    """

    name: str
    issuer: str
    audiences: frozenset[str]
    algorithms: frozenset[str]
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
    """One rule: callers of `issuer` whose claims fulfil `when` may have `scopes` for each `aud` with this credential.

    `issuer` is the name of an entry, or the reserved name of callers without a JWT. `share`: with `grant` all callers
    with the same grant share a bearer token, with `caller` each has its own.
    """

    name: str
    issuer: str
    # A rule without conditions would match every caller, and one without scopes would be sent upstream as all scopes.
    when: Annotated[tuple[Condition, ...], Meta(min_length=1)]
    scopes: Annotated[tuple[str, ...], Meta(min_length=1)] | All
    aud: tuple[str, ...]
    credential: str
    share: Literal["grant", "caller"]

    def find_failed(self, claims: Claims) -> tuple[str, ...]:
        """The names of the claims whose conditions do not hold; empty if the rule matches."""
        return tuple([condition.claim for condition in self.when if not condition.holds(claims)])


class Policy(Value, frozen=True, dict=True, forbid_unknown_fields=True, omit_defaults=True):
    """A compiled trust policy.

    `named` holds every scope, aud and name of a signature or an Assembly that a rule names. `digest` is the SHA-256 of
    the file in hex, which the file itself cannot hold. `aws_endpoint` is the local stack's; None means AWS's own.
    """

    hidden = ("entries", "named", "rules", "signing", "assembling")

    is_local: bool = field(name="local")
    upstream: str
    aws_endpoint: str | None
    credentials: tuple[str, ...]  # names; the deployment says which secret each one is
    entries: tuple[Issuer, ...] = field(name="issuers")
    named: frozenset[str]
    rules: dict[str, Raw]  # entry name -> its rules for bearer tokens, JSON
    signing: dict[str, Raw] = field(default_factory=dict)  # entry name -> its rules for signatures, JSON
    assembling: dict[str, Raw] = field(default_factory=dict)  # entry name -> its rules for Assemblies, JSON
    digest: str = ""

    def names(self, text: str) -> bool:
        """Whether the text is a credential, or another name of the policy's rules, or a default of these."""
        return text in self.credentials or text in self.named or text in (DEFAULT_AUD, DEFAULT_CREDENTIAL)

    @cached_property
    def issuers(self) -> Mapping[str, tuple[Issuer, ...]]:
        """The entries by the exact `iss` that they accept."""
        found: dict[str, tuple[Issuer, ...]] = {}
        for entry in self.entries:
            found[entry.issuer] = (*found.get(entry.issuer, ()), entry)
        return found

    @cached_property
    def find_rules(self) -> Callable[[str], tuple[Rule, ...]]:
        """The rules for bearer tokens of an entry, by its name. Decoded at their first use: cold starts stay short."""
        return cache(lambda entry: _RULES.decode(self.rules.get(entry, b"[]")))

    @cached_property
    def find_sign_rules(self) -> "Callable[[str], tuple[SignRule, ...]]":
        """The rules for signatures of an entry, by its name. Decoded at their first use."""
        from broker.policy.signing import load_rules

        return cache(lambda entry: load_rules(self.signing.get(entry, b"[]")))

    @cached_property
    def find_assemble_rules(self) -> "Callable[[str], tuple[AssembleRule, ...]]":
        """The rules for Assemblies of an entry, by its name. Decoded at their first use."""
        from broker.policy.assembling import load_rules

        return cache(lambda entry: load_rules(self.assembling.get(entry, b"[]")))


_POLICY = json.Decoder(Policy)
_RULES = json.Decoder(tuple[Rule, ...])


def read(path: str | os.PathLike[str]) -> Policy:
    """The compiled policy in a file. Raises OSError, or ValueError if the file holds something else."""
    with open(path, "rb") as file:
        return load(file.read())


def load(data: bytes) -> Policy:
    """The compiled policy in the bytes of its file. Raises ValueError if they are something else."""
    return replace(_POLICY.decode(data), digest=hashlib.sha256(data).hexdigest())
