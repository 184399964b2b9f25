"""YAML to plain values that know where they stand.

Plain scalars are read by the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema), so `no`, `on` and
`1:20` are strings. Anchors, aliases, tags and duplicate keys are errors: each hides what the policy says.
"""

import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
)

MAX_BYTES = 8 * 1024 * 1024  # some 40,000 rules
MAX_DEPTH = 100

Path = tuple[str | int, ...]

_WORDS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = {"", "~", "null", "Null", "NULL"}
_INTEGER = re.compile(r"[-+]?[0-9]{1,300}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, order=True, slots=True)
class Problem:
    """Something wrong at a place of the file; `message` says what, and the mend."""

    line: int
    column: int
    message: str
    code: str = ""  # of an opinion of the linter

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]" if self.code else self.message


class PolicyErrors(Exception):
    """All that is wrong with a policy, by place; and what is besides worth a warning."""

    def __init__(self, file: str, problems: list[Problem], warnings: tuple[Problem, ...] = ()) -> None:
        self.file = file
        self.problems = sorted(set(problems))
        self.warnings = warnings
        super().__init__("\n".join(f"{file}:{each.line}:{each.column}: error: {each}" for each in self.problems))


@dataclass
class Document:
    """`value` holds dicts, lists and scalars; `place(path)` tells line and column, counted from one."""

    value: Any
    _places: dict[Path, tuple[int, int]] = field(repr=False)
    _keys: dict[Path, tuple[int, int]] = field(repr=False)

    def place(self, path: Path, *, of_key: bool = False) -> tuple[int, int]:
        """Where the value (or its key) at `path` stands, or the nearest one above it."""
        for end in range(len(path), -1, -1):
            if of_key and path[:end] in self._keys:
                return self._keys[path[:end]]
            if path[:end] in self._places:
                return self._places[path[:end]]
        return 1, 1


def read(text: str, file: str) -> Document:
    """The document in `text`. Raises PolicyErrors."""
    if len(text.encode()) > MAX_BYTES:
        raise PolicyErrors(file, [Problem(1, 1, f"the file is larger than {MAX_BYTES} bytes; split the policy")])
    if unseen := _unseen(text.replace("\r\n", "\n")):
        raise PolicyErrors(file, unseen)
    # The parser in C is ten times as fast, and refuses half a surrogate pair.
    reader = _Reader(yaml.parse(text, Loader=yaml.CSafeLoader))
    value = None
    try:
        value = reader.document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        reader.problems.append(Problem(line, column, f"not YAML: {error.problem or error.context}"))
    except yaml.YAMLError as error:
        reader.problems.append(Problem(1, 1, f"not YAML: {str(error).splitlines()[0]}"))
    if reader.problems:
        raise PolicyErrors(file, reader.problems)
    if not reader.places:
        raise PolicyErrors(file, [Problem(1, 1, "the file is empty; start with `version: 1`")])
    return Document(value, reader.places, reader.keys)


def _unseen(text: str) -> list[Problem]:
    """Control and format characters, comments included.

    `gu<U+200B>est` looks like `guest` and is another value, and U+202E turns the order of what a reviewer reads, so
    that a file whose safety is its review says something else than it shows (CVE-2021-42574, "Trojan Source").
    """
    if text.isascii() and not _CONTROL.search(text):
        return []
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        for column, sign in enumerate(line, 1):
            if unicodedata.category(sign) == "Cf":
                name = unicodedata.name(sign, "")
                message = f"an invisible format character, U+{ord(sign):04X} {name}".rstrip()
                found.append(Problem(number, column, f"{message}; remove it"))
            elif _CONTROL.match(sign):
                found.append(Problem(number, column, f"a control character, U+{ord(sign):04X}; remove it"))
    return found


class _Reader:
    """Builds values from YAML's events, noting every place and every problem."""

    def __init__(self, events: Iterator[Event]) -> None:
        self._events = events
        self.places: dict[Path, tuple[int, int]] = {}
        self.keys: dict[Path, tuple[int, int]] = {}
        self.problems: list[Problem] = []

    def document(self) -> Any:
        """The value of the only document. Raises yaml.YAMLError."""
        value = None
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                if self.places:
                    self._problem(event, "a second document; keep one policy in a file")
                value = self._value(next(self._events), ())
        return value

    def _value(self, event: Event, path: Path) -> Any:
        self.places[path] = _place(event)
        if isinstance(event, AliasEvent):
            self._problem(event, f"the alias *{event.anchor}; write the value out")
            return None
        self._check_plain(event)
        if isinstance(event, ScalarEvent):
            return _plain(event.value) if event.implicit[0] else event.value
        if len(path) >= MAX_DEPTH:
            raise yaml.YAMLError("nested too deeply")
        return self._mapping(path) if isinstance(event, MappingStartEvent) else self._sequence(path)

    def _sequence(self, path: Path) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            found.append(self._value(event, (*path, len(found))))
        return found

    def _mapping(self, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            name = self._key(event, path)
            if name in found:
                self._problem(event, f"the key `{name}` a second time; keep one")
            self.keys[(*path, name)] = _place(event)
            found[name] = self._value(next(self._events), (*path, name))
        return found

    def _key(self, event: Event, path: Path) -> str:
        if isinstance(event, ScalarEvent):
            self._check_plain(event)
            return str(event.value)  # a key is its text: `123:` and `true:` name claims like any other
        if not isinstance(event, AliasEvent):
            self._problem(event, "a key that is no string; use plain text")
        self._value(event, (*path, ""))
        return ""

    def _check_plain(self, event: Any) -> None:
        if event.anchor:
            self._problem(event, f"the anchor &{event.anchor}; write the value out where it is needed")
        if event.tag:
            self._problem(event, f"the tag {event.tag}; use plain values")

    def _problem(self, event: Event, message: str) -> None:
        self.problems.append(Problem(*_place(event), message))


def _place(event: Event) -> tuple[int, int]:
    assert event.start_mark is not None
    return event.start_mark.line + 1, event.start_mark.column + 1


def _plain(text: str) -> Any:
    """A plain scalar by the core schema; what could not be a JSON number (infinity) stays text."""
    if text in _NULLS:
        return None
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text
