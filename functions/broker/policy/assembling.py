"""The `assemble` rules of the compiled policy: the Assemblies that the broker makes for a caller. Loaded where a policy
has such a rule."""

from typing import Annotated, Literal

from msgspec import Meta, Raw, json

from broker.base.values import Value
from broker.policy.conditions import Claims, Condition
from broker.policy.signing import Pieces


class AssembleForm(Value, frozen=True, forbid_unknown_fields=True):
    """An Assembly that the broker makes. `max_size` in bytes, of all its files.

    `steps` are laid over the Template's, parameter by parameter. `fields` are the policy's, and `caller_fields` the
    names of those that the caller writes. `notify`: the kind of callback that the caller may wait by. `shows_id`: the
    answer holds the Assembly's id and URL, by which their reader sees its files.
    """

    template_id: str
    steps: dict[str, dict[str, Pieces]]
    fields: dict[str, str]
    caller_fields: frozenset[str]
    max_size: int | None
    max_number_of_files: int | None
    notify: Literal["durable", "states"] | None
    shows_id: bool


class AssembleRule(Value, frozen=True, forbid_unknown_fields=True):
    """One rule: callers of `issuer` whose claims fulfil `when` may have these Assemblies made, with this credential.

    Each form has a name, by which callers ask. A name is there once for each credential in the whole policy.
    `workspace` is the Workspace's name, which the status of each Assembly of ours shows.
    """

    name: str
    issuer: str
    when: Annotated[tuple[Condition, ...], Meta(min_length=1)]
    credential: str
    workspace: str
    assemble: Annotated[dict[str, AssembleForm], Meta(min_length=1)]

    def find_failed(self, claims: Claims) -> tuple[str, ...]:
        """The names of the claims whose conditions do not hold; empty if the rule matches."""
        return tuple([condition.claim for condition in self.when if not condition.holds(claims)])


_RULES = json.Decoder(tuple[AssembleRule, ...])


def load_rules(data: Raw | bytes) -> tuple[AssembleRule, ...]:
    """The `assemble` rules of an entry, in their compiled form."""
    return _RULES.decode(data)
