"""Finds rules that repeat others, or that add nothing to others."""

from collections import Counter
from dataclasses import dataclass

from token_broker.policy.document import Path
from token_broker.policy.lint.codes import Opinion, Opinions
from token_broker.policy.model import ScopeRule, TrustPolicy


@dataclass(frozen=True, slots=True)
class _Reach:
    """The callers and grants of a rule, in a form that compares fast, since a policy may have many rules."""

    rule: ScopeRule
    place: int
    conditions: frozenset[tuple[str, str]]
    scopes: frozenset[str] | None  # None: all
    aud: frozenset[str]

    @classmethod
    def of(cls, rule: ScopeRule, place: int) -> "_Reach":
        conditions = frozenset((claim, repr(condition)) for claim, condition in rule.when.items())
        scopes = None if rule.scopes == "*" else frozenset(rule.scopes)
        return cls(rule, place, conditions, scopes, frozenset(rule.aud))

    def covers(self, other: "_Reach") -> bool:
        """Whether every caller of the other rule gets the same, or more, by this one."""
        return (
            self.conditions <= other.conditions
            and (self.scopes is None or (other.scopes is not None and other.scopes <= self.scopes))
            and other.aud <= self.aud
        )


def repeated(policy: TrustPolicy) -> Opinions:
    # Only rules of the same issuer and credential can repeat each other.
    groups: dict[tuple[str, str], list[_Reach]] = {}
    for place, rule in policy.scope_rules:
        groups.setdefault((rule.issuer, rule.credential), []).append(_Reach.of(rule, place))
    for reaches in groups.values():
        # A rule can only cover another that has all its conditions. So look for it under its rarest condition alone.
        counts = Counter(condition for reach in reaches for condition in reach.conditions)
        by_condition: dict[tuple[str, str], list[_Reach]] = {}
        for reach in reaches:
            by_condition.setdefault(min(reach.conditions, key=counts.__getitem__), []).append(reach)
        for one in reaches:
            for condition in one.conditions:
                for other in by_condition.get(condition, ()):
                    if other is not one and other.covers(one):
                        yield from _repeat(one, other)


def _repeat(one: _Reach, other: _Reach) -> Opinions:
    path: Path = ("rules", one.place)
    if one.covers(other):
        if one.place > other.place and one.rule.share == other.rule.share:
            yield Opinion("duplicate-rule", path, f"repeats `{other.rule.name}`; keep one")
    elif one.rule.share == "grant":
        yield Opinion("shadowed-rule", path, f"adds nothing to `{other.rule.name}`; take one out")
