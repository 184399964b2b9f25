"""Reads YAML into plain values, and remembers the place of each in the file.

Plain scalars are read by the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema): in YAML 1.1 `no`,
`on` and `1:20` are no strings, and a condition on the country `no` would compare with false. Anchors, aliases, tags and
duplicate keys are errors: with them a policy can say something else than its reviewer reads.
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

_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_CONSTANTS: dict[str, bool | None] = dict.fromkeys(["", "~", "null", "Null", "NULL"]) | _BOOLEANS
_INTEGER = re.compile(r"[-+]?[0-9]{1,300}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, order=True, slots=True)
class Problem:
    """A problem at a place of the file: `message` says what is wrong and what to do, `code` is the linter's."""

    line: int
    column: int
    message: str
    code: str = ""

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]" if self.code else self.message


class PolicyErrors(Exception):
    """All problems of a policy, by place; and its warnings."""

    def __init__(self, file: str, problems: list[Problem], warnings: tuple[Problem, ...] = ()) -> None:
        self.file = file
        self.problems = sorted(set(problems))
        self.warnings = warnings
        super().__init__("\n".join(f"{file}:{each.line}:{each.column}: error: {each}" for each in self.problems))


@dataclass
class Document:
    """`value` holds dicts, lists and scalars. `find_place(path)` gives line and column, counted from one."""

    value: Any
    _places: dict[Path, tuple[int, int]] = field(repr=False)
    _keys: dict[Path, tuple[int, int]] = field(repr=False)

    def find_place(self, path: Path, *, of_key: bool = False) -> tuple[int, int]:
        """The place of the value (or of its key) at `path`, or of the nearest value above it."""
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
    if unseen := _find_invisible(text.replace("\r\n", "\n")):
        raise PolicyErrors(file, unseen)
    # The parser in C is ten times as fast, and refuses half a surrogate pair. Only its events are used: PyYAML's own
    # values follow YAML 1.1.
    reader = _Reader(yaml.parse(text, Loader=yaml.CSafeLoader))
    value = None
    try:
        value = reader.read_document()
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


def _find_invisible(text: str) -> list[Problem]:
    """A problem for each control and format character, in comments as well."""
    # `gu<U+200B>est` looks like `guest` and is another value, and U+202E reverses the text that follows. So a reviewer
    # would approve another policy than the one that counts (CVE-2021-42574, "Trojan Source").
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

    def read_document(self) -> Any:
        """The value of the only document. Raises yaml.YAMLError."""
        value = None
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                if self.places:
                    self._note(event, "a second document; keep one policy in a file")
                value = self._read_value(next(self._events), ())
        return value

    def _read_value(self, event: Event, path: Path) -> Any:
        self.places[path] = _find_place(event)
        if isinstance(event, AliasEvent):
            self._note(event, f"the alias *{event.anchor}; write the value out")
            return None
        self._check_plain(event)
        if isinstance(event, ScalarEvent):
            return _parse_scalar(event.value) if event.implicit[0] else event.value
        # A file of brackets alone would exhaust the stack.
        if len(path) >= MAX_DEPTH:
            raise yaml.YAMLError("nested too deeply")
        return self._read_mapping(path) if isinstance(event, MappingStartEvent) else self._read_sequence(path)

    def _read_sequence(self, path: Path) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            found.append(self._read_value(event, (*path, len(found))))
        return found

    def _read_mapping(self, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            name = self._read_key(event, path)
            # The last of two keys would win, and the reviewer may have read the first.
            if name in found:
                self._note(event, f"the key `{name}` a second time; keep one")
            self.keys[(*path, name)] = _find_place(event)
            found[name] = self._read_value(next(self._events), (*path, name))
        return found

    def _read_key(self, event: Event, path: Path) -> str:
        if isinstance(event, ScalarEvent):
            self._check_plain(event)
            return str(event.value)  # a key is its text: `123:` and `true:` name claims like any other
        if not isinstance(event, AliasEvent):
            self._note(event, "a key that is no string; use plain text")
        self._read_value(event, (*path, ""))
        return ""

    def _check_plain(self, event: Any) -> None:
        if event.anchor:
            self._note(event, f"the anchor &{event.anchor}; write the value out where it is needed")
        if event.tag:
            self._note(event, f"the tag {event.tag}; use plain values")

    def _note(self, event: Event, message: str) -> None:
        self.problems.append(Problem(*_find_place(event), message))


def _find_place(event: Event) -> tuple[int, int]:
    assert event.start_mark is not None
    return event.start_mark.line + 1, event.start_mark.column + 1


def _parse_scalar(text: str) -> Any:
    """A plain scalar by the core schema. A number that JSON cannot hold (infinity) stays text."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text
