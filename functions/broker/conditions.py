"""Conditions on claims: the matchers of the trust policy.

Types never coerce. A matcher answers yes, no, or "not of my shape" (None); `not` turns yes and no, never the third,
so a claim that is absent, null or of another shape fails every matcher. Only `exists: false` and `absent_or` take
absence.
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from broker.values import Value

Claims = Mapping[str, Any]
Scalar = str | int | float | bool
Matcher = Callable[[Any], bool | None]

ABSENT: Final = object()


_KINDS = {bool: "boolean", int: "number", float: "number", str: "string"}


def _kind(value: object) -> str | None:
    """The JSON type of a scalar; None for all else. A bool is no number, though Python says so."""
    return _KINDS.get(type(value))


def _typed(values: Iterable[Scalar]) -> frozenset[tuple[str | None, Scalar]]:
    """Each with its type, so that only equal values of one type are the same."""
    return frozenset((_kind(value), value) for value in values)


def _one_of(wanted: list[Scalar]) -> Matcher:
    kinds, typed = {_kind(value) for value in wanted}, _typed(wanted)

    def match(claim: Any) -> bool | None:
        kind = _kind(claim)
        return (kind, claim) in typed if kind in kinds else None

    return match


def _scalars(claim: Any) -> frozenset[tuple[str | None, Scalar]] | None:
    return _typed(claim) if isinstance(claim, list) and all(map(_kind, claim)) else None


def _any(wanted: list[Scalar]) -> Matcher:
    typed = _typed(wanted)

    def match(claim: Any) -> bool | None:
        items = _scalars(claim)
        return None if items is None else not typed.isdisjoint(items)

    return match


def _all(wanted: list[Scalar]) -> Matcher:
    typed = _typed(wanted)

    def match(claim: Any) -> bool | None:
        items = _scalars(claim)
        return None if items is None else typed <= items

    return match


def _words(wanted: list[str]) -> Matcher:
    def match(claim: Any) -> bool | None:
        return set(wanted) <= set(claim.split(" ")) if isinstance(claim, str) else None

    return match


def _in_segment(character: str) -> bool:
    return character not in "/:" and _is_printable(character)


def _is_printable(character: str) -> bool:
    return unicodedata.category(character) != "Cc"


_ANY_STAR, _SEGMENT_STAR = "\0", "\1"  # no pattern holds control characters


class Like:
    """`*` is one or more characters of a segment (segments end at `/` and `:`), `**` one or more of any but control
    characters; nothing else is special, and the whole value must match.

    The states of the match are the bits of one integer, so the time is linear in the value whatever the pattern.
    """

    def __init__(self, pattern: str) -> None:
        places = pattern.replace("**", _ANY_STAR).replace("*", _SEGMENT_STAR)
        self._literals: dict[str, int] = {}
        self._segment_stars = self._any_stars = 0
        for place, character in enumerate(places):
            if character == _ANY_STAR:
                self._any_stars |= 1 << place
            elif character == _SEGMENT_STAR:
                self._segment_stars |= 1 << place
            else:
                self._literals[character] = self._literals.get(character, 0) | 1 << place
        self._accepted = 1 << len(places)

    def __call__(self, claim: Any) -> bool | None:
        if not isinstance(claim, str):
            return None
        states = 1
        for character in claim:
            stars = self._any_stars if _is_printable(character) else 0
            if _in_segment(character):
                stars |= self._segment_stars
            steps = self._literals.get(character, 0) | stars
            states = ((states & steps) << 1) | (states & (stars << 1))
            if not states:
                return False
        return bool(states & self._accepted)


def _not(test: tuple[str, Any]) -> Matcher:
    inner = matcher(*test)

    def match(claim: Any) -> bool | None:
        held = inner(claim)
        return None if held is None else not held

    return match


_MATCHERS: dict[str, Callable[[Any], Matcher]] = {
    "one_of": _one_of,
    "any": _any,
    "all": _all,
    "words": _words,
    "like": Like,
    "not": _not,
}


def matcher(operation: str, argument: Any) -> Matcher:
    """The matcher for one compiled test, such as `("any", ["editors"])`; `exists` is the condition's own."""
    return _MATCHERS[operation](argument)


def find(claims: Claims, path: tuple[str, ...]) -> Any:
    """The value at a path of member names and array indexes (RFC 6901 section 4), or ABSENT."""
    value: Any = claims
    for name in path:
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and _is_index(name) and int(name) < len(value):
            value = value[int(name)]
        else:
            return ABSENT
    return value


def _is_index(name: str) -> bool:
    return name.isascii() and name.isdigit() and len(name) < 6 and (name == "0" or name[0] != "0")


class Condition(Value, frozen=True):
    """What one claim must be. `name` is the claim as the policy writes it; all of `matchers` must hold.

    `exists` is None where the claim may be absent, but must fulfil the matchers if it is there.
    """

    name: str
    path: tuple[str, ...]
    exists: bool | None
    matchers: tuple[Matcher, ...]

    @classmethod
    def load(cls, compiled: Mapping[str, Any]) -> "Condition":
        """From the compiled form: `{"claim": …, "path": […], "exists": …, "tests": [[operation, argument], …]}`."""
        tests = tuple(matcher(operation, argument) for operation, argument in compiled["tests"])
        return cls(compiled["claim"], tuple(compiled["path"]), compiled["exists"], tests)

    def holds(self, claims: Claims) -> bool:
        value = find(claims, self.path)
        if value is ABSENT:
            return self.exists is not True
        if value is None or self.exists is False:
            return False
        return all(match(value) is True for match in self.matchers)
