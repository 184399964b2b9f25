"""The texts that a rule fixes: segments of paths, patterns of inputs, values of steps. Each check raises ValueError.

A segment here obeys the rules that the function has for a caller's input, so that a path is the same path wherever it
is read: at the Smart CDN, at a storage, in a log.
"""

import re
import unicodedata

from broker.policy.texts import is_path, normalize

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}  # categories of Unicode

# Within `${…}` a claim would be code: the expressions of Robot parameters are JavaScript.
_CLAIM = "\0"
_EXPRESSION = re.compile(r"\$\{[^}]*")


def check_segment(value: str) -> str:
    """A whole segment of a path."""
    if "*" in value:
        raise ValueError("a segment is no pattern; for that write `inputs: {like: …}` in place of `under`")
    return _check_normal(value)


def check_input_pattern(value: str) -> str:
    """A pattern of inputs, such as `public/**`."""
    for segment in value.split("/"):
        _check_normal(segment.replace("*", "x"))
    return value


def check_text(value: str) -> str:
    """A value of a step or a parameter."""
    if not value:
        raise ValueError("must not be empty")
    if any(unicodedata.category(sign) in _HIDDEN for sign in value):
        raise ValueError("write a text without control, invisible or private characters")
    return value


def check_expressions(pieces: list[str | None]) -> None:
    """The texts of a step's value, with None for each claim."""
    for expression in _EXPRESSION.findall("".join(_CLAIM if piece is None else piece for piece in pieces)):
        # An unsigned form field overrides the signed one, so the caller would write the value.
        if re.search(r"\bfields\b", expression):
            raise ValueError("`${fields.…}` is written by the caller; use {claim: …} or a text")
        if _CLAIM in expression:
            raise ValueError("a claim within `${…}` would be run as code; close the expression before it")


def _check_normal(segment: str) -> str:
    # The function compares an input as it is and normalized, so a text that is not its own normal form fits nothing.
    if (normal := normalize(segment)) != segment:
        raise ValueError(f"in Unicode's form NFKC this is another text, {normal!r}; write that one")
    if "/" in segment:
        raise ValueError("one segment an item: write [a, b] for a/b")
    if not is_path(segment):
        raise ValueError("a segment is not empty, `.` or `..`, and has no backslash, %, ${ or hidden characters")
    return segment
