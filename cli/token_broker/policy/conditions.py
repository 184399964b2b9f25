"""Conditions of the author's model as the compiled policy holds them."""

from collections.abc import Iterator, Mapping
from typing import Any

from broker.policy import conditions
from broker.policy.conditions import Absent, AbsentOr, AllOf, AnyOf, Condition, Exists, Like, Not, OneOf, Test, Words

from token_broker.policy.model import Matcher, Tests


def compile_conditions(wanted: Mapping[str, Any]) -> tuple[Condition, ...]:
    """`wanted`: what each claim must be, as `when` and `require` have it."""
    return tuple(Condition(claim, _tests(condition)) for claim, condition in wanted.items())


def _tests(wanted: Any) -> tuple[Test, ...]:
    if not isinstance(wanted, Matcher):
        return tuple(_matchers(wanted))
    if wanted.absent_or is not None:
        return (AbsentOr(tuple(_matchers(wanted.absent_or))),)
    if wanted.exists is False:
        return (Absent(),)
    denied = () if wanted.not_ is None else map(Not, _matchers(wanted.not_))
    return (*_matchers(wanted), *denied) or (Exists(),)


def _matchers(wanted: Any) -> Iterator[conditions.Matcher]:
    if not isinstance(wanted, Tests):
        yield OneOf(tuple(wanted) if isinstance(wanted, list) else (wanted,))
        return
    if wanted.any:
        yield AnyOf(tuple(wanted.any))
    if wanted.all:
        yield AllOf(tuple(wanted.all))
    if wanted.words:
        yield Words(tuple(wanted.words))
    if wanted.like:
        yield Like(wanted.like)
