"""Conditions on claims. A matcher of the trust policy is a value that matches, prints itself, and is its compiled form.

Types never coerce. A matcher answers yes, no, or "not of my shape" (None); `Not` turns yes and no, never the third,
so a claim that is absent, null or of another shape fails every matcher. Only `Absent` and `AbsentOr` accept absence.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, Final

from msgspec import Meta

from broker.base.values import Value

Claims = Mapping[str, Any]
Scalar = str | int | float | bool

ABSENT: Final = object()

_KINDS = {bool: "boolean", int: "number", float: "number", str: "string"}
_INDEX = "0|[1-9][0-9]{0,4}"  # RFC 6901 section 4; no JWT has room for an array that needs more digits


def _kind(value: object) -> str | None:
    """The JSON type of a scalar; None for all else. A bool is no number, though Python says so."""
    return _KINDS.get(type(value))


def _typed(values: Iterable[Scalar]) -> frozenset[tuple[str | None, Scalar]]:
    """Each with its type, since Python says that `True == 1`."""
    return frozenset([(_kind(value), value) for value in values])


def _scalars(claim: Any) -> frozenset[tuple[str | None, Scalar]] | None:
    return _typed(claim) if isinstance(claim, list) and all(map(_kind, claim)) else None


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


class _Test(Value, frozen=True, dict=True, array_like=True, forbid_unknown_fields=True):
    """Compiled as an array of its tag and its members, such as `["any", ["editors"]]`.

    `match(claim)` answers for a claim or ABSENT. What it needs is computed once (`dict=True` is for `cached_property`).
    """

    phrase: ClassVar[str]

    def __str__(self) -> str:
        return " ".join([self.phrase, *(_text(getattr(self, name)) for name in self.__struct_fields__)])


class _OfScalars(_Test, frozen=True):
    values: tuple[Scalar, ...]

    @cached_property
    def _wanted(self) -> frozenset[tuple[str | None, Scalar]]:
        return _typed(self.values)


class OneOf(_OfScalars, frozen=True, tag="one_of"):
    """A scalar that equals one of these and has its JSON type."""

    phrase = "one of"

    def __str__(self) -> str:
        return super().__str__() if len(self.values) > 1 else _text(self.values[0])

    @cached_property
    def _kinds(self) -> frozenset[str | None]:
        return frozenset(map(_kind, self.values))

    def match(self, claim: Any) -> bool | None:
        kind = _kind(claim)
        return (kind, claim) in self._wanted if kind in self._kinds else None


class AnyOf(_OfScalars, frozen=True, tag="any"):
    """An array of scalars that holds one of these."""

    phrase = "any of"

    def match(self, claim: Any) -> bool | None:
        items = _scalars(claim)
        return None if items is None else not self._wanted.isdisjoint(items)


class AllOf(_OfScalars, frozen=True, tag="all"):
    """An array of scalars that holds all of these."""

    phrase = "all of"

    def match(self, claim: Any) -> bool | None:
        items = _scalars(claim)
        return None if items is None else self._wanted <= items


class Words(_Test, frozen=True, tag="words"):
    """A text that holds all of these words, with a space between any two."""

    phrase = "the words"
    words: tuple[str, ...]

    def match(self, claim: Any) -> bool | None:
        return set(claim.split(" ")).issuperset(self.words) if isinstance(claim, str) else None


_ANY_STAR, _SEGMENT_STAR = "\0", "\1"  # no pattern holds control characters


class Like(_Test, frozen=True, tag="like"):
    """`*` is one or more characters of a segment (segments end at `/` and `:`), `**` one or more of any but control
    characters; nothing else is special, and the whole value must match.

    The states of the match are the bits of one integer, so the time is linear in the value whatever the pattern.
    """

    phrase = "like"
    pattern: str

    @cached_property
    def _places(self) -> tuple[dict[str, int], int, int, int]:
        """Bits of the places where each literal stands, each `*`, each `**`; and the bit of the end."""
        places = self.pattern.replace("**", _ANY_STAR).replace("*", _SEGMENT_STAR)
        bits: dict[str, int] = {}
        for place, character in enumerate(places):
            bits[character] = bits.get(character, 0) | 1 << place
        return bits, bits.pop(_SEGMENT_STAR, 0), bits.pop(_ANY_STAR, 0), 1 << len(places)

    def match(self, claim: Any) -> bool | None:
        if not isinstance(claim, str):
            return None
        literals, segment_stars, any_stars, end = self._places
        states = 1
        for character in claim:
            stars = any_stars if character in "/:" else any_stars | segment_stars
            if unicodedata.category(character) == "Cc":
                stars = 0
            steps = literals.get(character, 0) | stars
            states = ((states & steps) << 1) | (states & (stars << 1))
            if not states:
                return False
        return bool(states & end)


Matcher = OneOf | AnyOf | AllOf | Words | Like


class Not(_Test, frozen=True, tag="not"):
    """A claim of the matcher's shape that does not match."""

    test: Matcher

    def __str__(self) -> str:
        return f"not {self.test}"

    def match(self, claim: Any) -> bool | None:
        matched = self.test.match(claim)
        return None if matched is None else not matched


class Exists(_Test, frozen=True, tag="exists"):
    """A claim that is there, and not null."""

    phrase = "there"

    def match(self, claim: Any) -> bool | None:
        return claim is not ABSENT and claim is not None


class Absent(_Test, frozen=True, tag="absent"):
    """No claim; a null is one."""

    phrase = "absent"

    def match(self, claim: Any) -> bool | None:
        return claim is ABSENT


class AbsentOr(_Test, frozen=True, tag="absent_or"):
    """No claim, or one that fulfils all of these."""

    tests: Annotated[tuple[Matcher, ...], Meta(min_length=1)]

    def __str__(self) -> str:
        return f"absent or {' and '.join(map(str, self.tests))}"

    def match(self, claim: Any) -> bool | None:
        return claim is ABSENT or _fulfils(claim, self.tests)


Test = Matcher | Not | Exists | Absent | AbsentOr


def _fulfils(claim: Any, tests: Iterable[Test]) -> bool:
    # A matcher that says None ("not of my shape") is not fulfilled, so compare with True.
    for test in tests:  # noqa: SIM110 - a generator costs as much as the test
        if test.match(claim) is not True:
            return False
    return True


def parse_path(claim: str) -> tuple[str, ...]:
    """A leading slash makes a JSON pointer (RFC 6901 section 3); any other name is a top-level claim, as it is."""
    if not claim.startswith("/"):
        return (claim,)
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in claim[1:].split("/"))


def find(claims: Claims, path: tuple[str, ...]) -> Any:
    """The value at a path of member names and array indexes (RFC 6901 section 4), or ABSENT."""
    value: Any = claims
    for name in path:
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and re.fullmatch(_INDEX, name) and int(name) < len(value):
            value = value[int(name)]
        else:
            return ABSENT
    return value


class Condition(Value, frozen=True, dict=True, forbid_unknown_fields=True):
    """The tests that one claim must fulfil, all of them. `claim` is its name or pointer as the policy writes it."""

    claim: str
    tests: Annotated[tuple[Test, ...], Meta(min_length=1)]  # no test would be fulfilled by every claim

    def __str__(self) -> str:
        return " and ".join(map(str, self.tests))

    @cached_property
    def path(self) -> tuple[str, ...]:
        return parse_path(self.claim)

    def holds(self, claims: Claims) -> bool:
        return _fulfils(find(claims, self.path), self.tests)
