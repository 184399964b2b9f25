"""The `sign` rules of the compiled policy: what callers may have signed. Loaded where a policy has such a rule."""

from functools import cached_property
from typing import Annotated, Any, Literal

from msgspec import Meta, Raw, field, json

from broker.base.values import Value
from broker.policy.conditions import Claims, Condition, Like, Scalar, find, parse_path


class ClaimOf(Value, frozen=True, dict=True, array_like=True, forbid_unknown_fields=True):
    """The caller's claim at this place of a path; its compiled form is `["sub"]`."""

    claim: str

    @cached_property
    def _path(self) -> tuple[str, ...]:
        return parse_path(self.claim)

    def find(self, claims: Claims) -> Any:
        return find(claims, self._path)


# Texts and claims, in order. Of a path each is a segment; of a step's value they are joined.
Pieces = Annotated[tuple[str | ClaimOf, ...], Meta(min_length=1)]
Names = Annotated[tuple[str, ...], Meta(min_length=1)]


class AssemblyForm(Value, frozen=True, forbid_unknown_fields=True):
    """An Assembly that callers may create. `expires` in seconds; `max_size` in bytes, of all its files.

    `steps` are laid over the Template's, parameter by parameter. `fields` are defaults that the policy writes, and
    `caller_fields` the names of those that the caller writes.
    """

    template_id: str
    algorithm: Literal["sha384", "sha256"]
    expires: int
    max_size: int | None
    max_number_of_files: int | None
    steps: dict[str, dict[str, Pieces]]
    fields: dict[str, str]
    caller_fields: frozenset[str]


class SmartCdnForm(Value, frozen=True, forbid_unknown_fields=True):
    """Smart CDN URLs that callers may have. `expires` in seconds, the longest that may be asked for, and the default.

    The input begins with the segments of `under`, or is like `inputs`: the compiler sees to it that there is one of
    them. `fixed` parameters are in every URL, and `choices` are those that a caller may send, with their values.
    """

    origin: str
    workspace: str
    template: str
    under: tuple[str | ClaimOf, ...]
    inputs: Like | None
    fixed: dict[str, Scalar]
    choices: dict[str, Annotated[tuple[Scalar, ...], Meta(min_length=1)]]
    expires: int


class StorageForm(Value, frozen=True, forbid_unknown_fields=True):
    """A Storage grant that callers may have: `prefix` in segments, `expires` in seconds as of a Smart CDN URL."""

    bucket: str
    prefix: Pieces
    scopes: Names
    expires: int


class SignRule(Value, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One rule: callers of `issuer` whose claims fulfil `when` may have these signed, by this credential's secret.

    Each form has a name, by which callers ask. A name is there once for each kind and credential in the whole policy.
    """

    name: str
    issuer: str
    when: Annotated[tuple[Condition, ...], Meta(min_length=1)]
    credential: str
    assembly: dict[str, AssemblyForm] = field(default_factory=dict)
    smart_cdn: dict[str, SmartCdnForm] = field(default_factory=dict)
    storage: dict[str, StorageForm] = field(default_factory=dict)

    def find_failed(self, claims: Claims) -> tuple[str, ...]:
        """The names of the claims whose conditions do not hold; empty if the rule matches."""
        return tuple([condition.claim for condition in self.when if not condition.holds(claims)])


_RULES = json.Decoder(tuple[SignRule, ...])


def load_rules(data: Raw | bytes) -> tuple[SignRule, ...]:
    """The `sign` rules of an entry, in their compiled form."""
    return _RULES.decode(data)
