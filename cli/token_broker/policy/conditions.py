"""Compiles conditions: from the form in which an author writes them to the form that the function reads."""

from collections.abc import Iterator, Mapping
from typing import Any

from broker.policy import conditions
from broker.policy.conditions import Absent, AbsentOr, AllOf, AnyOf, Condition, Exists, Like, Not, OneOf, Test, Words

from token_broker.policy.model import Matcher, Tests


def compile_conditions(wanted: Mapping[str, Any]) -> tuple[Condition, ...]:
    """`wanted`: the conditions by claim, as `when` and `require` hold them."""
    return tuple(Condition(claim, _compile_tests(condition)) for claim, condition in wanted.items())


def _compile_tests(wanted: Any) -> tuple[Test, ...]:
    if not isinstance(wanted, Matcher):
        return tuple(_compile_matchers(wanted))
    if wanted.absent_or is not None:
        return (AbsentOr(tuple(_compile_matchers(wanted.absent_or))),)
    if wanted.exists is False:
        return (Absent(),)
    denied = () if wanted.not_ is None else map(Not, _compile_matchers(wanted.not_))
    # `exists: true` alone leaves no other test, and a condition without tests would hold for everybody.
    return (*_compile_matchers(wanted), *denied) or (Exists(),)


def _compile_matchers(wanted: Any) -> Iterator[conditions.Matcher]:
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
