"""Reads conditions of claims, independent of the form in which they are written."""

import functools
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from broker.policy import conditions

from token_broker.policy.conditions import compile_conditions
from token_broker.policy.model import Issuer, Matcher, Rule, Tests


class Pattern(str):
    """The pattern of a `like`."""

    __slots__ = ()


Value = str | bool | int | float  # a Pattern among them
Demand = tuple[str, str, Any]  # where ("require" or "when"), the claim as it is written, its condition


def read_demands(rule: Rule, issuer: Issuer | None) -> list[Demand]:
    """All conditions that a caller must fulfil for a rule, with those of its issuer."""
    required = (issuer.require or {}) if issuer is not None else {}
    return [
        *(("require", claim, condition) for claim, condition in required.items()),
        *(("when", claim, condition) for claim, condition in rule.when.items()),
    ]


@functools.lru_cache(maxsize=10_000)
def simplify_path(claim: str) -> str:
    """The claim's path with slashes, without places in arrays. `https://acme.example/email` becomes `email`."""
    names = conditions.parse_path(claim)
    return "/".join(filter(None, (_without_namespace(name) for name in names if not name.isdecimal())))


def _without_namespace(name: str) -> str:
    return name.rsplit("/", 1)[-1] if "://" in name else name


def is_among(path: str, claims: frozenset[str]) -> bool:
    """Whether a claim, or a claim that contains it, is in a list. A name that ends in a colon stands for a prefix."""
    parts = path.split("/")
    return (
        any("/".join(parts[:end]) in claims for end in range(1, len(parts) + 1))
        or (parts[0].partition(":")[0] + ":") in claims
    )


def alternatives(condition: Any) -> Iterator[tuple[Value, ...]]:
    """The values that a condition accepts, as tuples: the claim must equal one value of each tuple.

    Empty if the condition only demands that the claim is present, is absent, or is not a value.
    """
    if isinstance(condition, Tests):
        if condition.any is not None:
            yield tuple(condition.any)
        yield from ((value,) for value in condition.all or ())
        yield from ((word,) for word in condition.words or ())
        if condition.like is not None:
            yield (Pattern(condition.like),)
    elif isinstance(condition, list):
        yield tuple(condition)
    elif condition is not None:
        yield (condition,)


def list_exact(condition: Any) -> list[Value]:
    """The values of which the claim must be one; empty if other values pass too."""
    if isinstance(condition, Tests):
        return []
    values = condition if isinstance(condition, list) else [condition]
    return [] if any(value in ("", None) for value in values) else values


def list_texts(condition: Any) -> list[str]:
    """The texts and patterns with which a text claim is compared; empty if it may be something else."""
    if isinstance(condition, Tests):
        return [Pattern(condition.like)] if condition.like else []
    return [value for value in list_exact(condition) if isinstance(value, str)]


def is_public(value: Value, values: tuple[str, ...]) -> bool:
    return isinstance(value, str) and any(fnmatchcase(value, public) for public in values)


def passes(wanted: Any, claims: Mapping[str, Any]) -> bool:
    """Whether these claims fulfil a condition on `claim`, by the function's own matchers."""
    (condition,) = compile_conditions({"claim": wanted})
    return condition.holds(claims)


def is_absence(condition: Any) -> bool:
    return isinstance(condition, Matcher) and condition.exists is False
