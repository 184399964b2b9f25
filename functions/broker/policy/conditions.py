"""Conditions on claims. A matcher of the trust policy is a value that matches, prints itself, and is its compiled form.

Types never coerce: the text "true" is not true, and 1 is not "1". A matcher answers yes, no, or None for "the claim has
another shape than mine". `Not` turns yes into no and no into yes, and leaves None as it is: if it turned None into yes,
`not: guest` would let everybody in whose JWT has no such claim at all. So a claim that is absent, null or of another
shape fails every matcher; only `Absent` and `AbsentOr` accept absence.
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


def _find_kind(value: object) -> str | None:
    """The JSON type of a scalar; None for anything else."""
    # By the exact type: for Python a bool is an int as well.
    return _KINDS.get(type(value))


def _pair_with_kinds(values: Iterable[Scalar]) -> frozenset[tuple[str | None, Scalar]]:
    # Python says `True == 1`, so a claim `true` would match a wanted 1. Pairs of JSON type and value differ.
    return frozenset([(_find_kind(value), value) for value in values])


def _read_scalars(claim: Any) -> frozenset[tuple[str | None, Scalar]] | None:
    """The items of an array of scalars, or None for any other claim."""
    return _pair_with_kinds(claim) if isinstance(claim, list) and all(map(_find_kind, claim)) else None


def _write_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


class _Test(Value, frozen=True, dict=True, array_like=True, forbid_unknown_fields=True):
    """The base of all matchers. Its compiled form is an array of tag and members, such as `["any", ["editors"]]`.

    `match(claim)` answers for a claim or ABSENT: True, False, or None for a claim of another shape. What it needs is
    computed once (`dict=True` is for `cached_property`).
    """

    phrase: ClassVar[str]

    def __str__(self) -> str:
        return " ".join([self.phrase, *(_write_json(getattr(self, name)) for name in self.__struct_fields__)])


class _OfScalars(_Test, frozen=True):
    values: tuple[Scalar, ...]

    @cached_property
    def _wanted(self) -> frozenset[tuple[str | None, Scalar]]:
        return _pair_with_kinds(self.values)


class OneOf(_OfScalars, frozen=True, tag="one_of"):
    """A scalar that equals one of these and has its JSON type."""

    phrase = "one of"

    def __str__(self) -> str:
        return super().__str__() if len(self.values) > 1 else _write_json(self.values[0])

    @cached_property
    def _kinds(self) -> frozenset[str | None]:
        return frozenset(map(_find_kind, self.values))

    def match(self, claim: Any) -> bool | None:
        kind = _find_kind(claim)
        return (kind, claim) in self._wanted if kind in self._kinds else None


class AnyOf(_OfScalars, frozen=True, tag="any"):
    """An array of scalars that holds one of these."""

    phrase = "any of"

    def match(self, claim: Any) -> bool | None:
        items = _read_scalars(claim)
        return None if items is None else not self._wanted.isdisjoint(items)


class AllOf(_OfScalars, frozen=True, tag="all"):
    """An array of scalars that holds all of these."""

    phrase = "all of"

    def match(self, claim: Any) -> bool | None:
        items = _read_scalars(claim)
        return None if items is None else self._wanted <= items


class Words(_Test, frozen=True, tag="words"):
    """A text that holds all of these words, separated by spaces: a `scope` claim (RFC 8693 section 4.2)."""

    phrase = "the words"
    words: tuple[str, ...]

    def match(self, claim: Any) -> bool | None:
        # Whole words: a search for the text `write` would find it in `no-write`.
        return set(claim.split(" ")).issuperset(self.words) if isinstance(claim, str) else None


_ANY_STAR, _SEGMENT_STAR = "\0", "\1"  # no pattern holds control characters


class Like(_Test, frozen=True, tag="like"):
    """A text of this shape. `*` stands for one or more characters of a segment (segments end at `/` and `:`), `**` for
    one or more of any characters but control characters. Nothing else is special.
    """

    # A pattern that is made into a regular expression can match half of a value (octo-sts#1643: `main|develop` matched
    # `main-evil`), or take exponential time for a value that its sender made for it. Here the pattern always matches
    # the whole value, and the states of the match are the bits of one integer: the time is linear in the value.

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
            # A line feed in a value could hide what follows it from whoever reads the log.
            if unicodedata.category(character) == "Cc":
                stars = 0
            steps = literals.get(character, 0) | stars
            states = ((states & steps) << 1) | (states & (stars << 1))
            if not states:
                return False
        return bool(states & end)


Matcher = OneOf | AnyOf | AllOf | Words | Like


class Not(_Test, frozen=True, tag="not"):
    """A claim of the matcher's shape that the matcher does not accept."""

    test: Matcher

    def __str__(self) -> str:
        return f"not {self.test}"

    def match(self, claim: Any) -> bool | None:
        matched = self.test.match(claim)
        # `not None` is True in Python. So None needs this line, or a claim that is absent would pass.
        return None if matched is None else not matched


class Exists(_Test, frozen=True, tag="exists"):
    """A claim that is present, and not null."""

    phrase = "there"

    def match(self, claim: Any) -> bool | None:
        return claim is not ABSENT and claim is not None


class Absent(_Test, frozen=True, tag="absent"):
    """No such claim. A claim that is null is present."""

    phrase = "absent"

    def match(self, claim: Any) -> bool | None:
        return claim is ABSENT


class AbsentOr(_Test, frozen=True, tag="absent_or"):
    """No such claim, or one that fulfils all of these tests."""

    tests: Annotated[tuple[Matcher, ...], Meta(min_length=1)]

    def __str__(self) -> str:
        return f"absent or {' and '.join(map(str, self.tests))}"

    def match(self, claim: Any) -> bool | None:
        return claim is ABSENT or _fulfils(claim, self.tests)


Test = Matcher | Not | Exists | Absent | AbsentOr


def _fulfils(claim: Any, tests: Iterable[Test]) -> bool:
    # None ("another shape") is not fulfilled, so compare with True.
    for test in tests:  # noqa: SIM110 - a generator costs as much time as the test itself
        if test.match(claim) is not True:
            return False
    return True


def parse_path(claim: str) -> tuple[str, ...]:
    """The member names that lead to a claim. A leading slash makes `claim` a JSON pointer (RFC 6901 section 3)."""
    # Names such as `https://acme.example/roles` are common, so dots, slashes and colons mean nothing in a plain name.
    if not claim.startswith("/"):
        return (claim,)
    # `~1` before `~0`: else `~01`, the name `~1`, would become a slash (RFC 6901 section 4).
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in claim[1:].split("/"))


def find(claims: Claims, path: tuple[str, ...]) -> Any:
    """The value at a path of member names and array indexes (RFC 6901 section 4), or ABSENT."""
    value: Any = claims
    for name in path:
        # Neither attributes nor methods of the value are reached, and no index from the end: only what the JWT holds.
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
    # A condition without tests would hold for every caller, so it cannot be decoded.
    tests: Annotated[tuple[Test, ...], Meta(min_length=1)]

    def __str__(self) -> str:
        return " and ".join(map(str, self.tests))

    @cached_property
    def path(self) -> tuple[str, ...]:
        return parse_path(self.claim)

    def holds(self, claims: Claims) -> bool:
        """Whether these claims fulfil all tests."""
        return _fulfils(find(claims, self.path), self.tests)
