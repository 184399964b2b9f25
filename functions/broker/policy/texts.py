"""Texts that become part of a path or of what is signed: which ones can be trusted to mean what they look like."""

import re
import unicodedata
from collections.abc import Iterator

MAX_TEXT = 1024  # bytes of UTF-8

# A path of one caller that climbs, or that some part on its way reads as another, is a path into what belongs to
# others. `%` and a backslash may be decoded into a slash later, and Transloadit fills in `${…}` from its own values.
_NEVER = re.compile(r"[\\%]|\$\{")
# Control characters, invisible ones, those of no assigned form, and those that separate lines: they hide what follows.
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
# Of identifiers that issuers give: UUIDs, addresses, `auth0|…`. No dot in front and no slash, so that it stays one
# segment and never climbs.
_IDENTIFIER = re.compile(r"[A-Za-z0-9_|@:=+-][A-Za-z0-9._|@:=+-]{0,127}")


def normalize(text: str) -> str:
    """The text as a store or a file system may read it (Unicode NFKC): a full-width slash is a slash there."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def is_plain(text: str) -> bool:
    """Whether the text has at most MAX_TEXT bytes, no escapes, no `${` and no hidden characters, neither as it is nor
    normalized."""
    return all(map(_is_plain, _read(text)))


def is_literal(text: str) -> bool:
    """Whether a text can be a field of an Assembly that nobody sends but the broker: at most MAX_TEXT bytes as it is,
    no `${` and no hidden characters.

    Names of files hold `%` and backslashes, and Transloadit hands a field on as it is. S3 allows as many bytes.
    """
    return _is_shown(text) and not any("${" in each or _hides(each) for each in _read(text))


def is_path(text: str) -> bool:
    """Whether the text is plain, and no segment of it is empty, `.` or `..`, neither as it is nor normalized."""
    return all(_is_plain(each) and {"", ".", ".."}.isdisjoint(each.split("/")) for each in _read(text))


def _read(text: str) -> Iterator[str]:
    # Strangers may send 16 KiB of combining marks, and to normalize a row of them takes time by the square of its
    # length: 100 ms. So the second reading is for those who have found the first one short.
    yield text
    if not text.isascii():
        yield normalize(text)


def _is_plain(text: str) -> bool:
    return _is_shown(text) and not _NEVER.search(text)


def _is_shown(text: str) -> bool:
    return not _hides(text) and len(text.encode()) <= MAX_TEXT


def _hides(text: str) -> bool:
    # Whatever is hidden is not printable, and nearly every text is.
    return not text.isprintable() and any(unicodedata.category(sign) in _HIDDEN for sign in set(text))


def is_identifier(value: object) -> bool:
    """Whether a claim's value can stand in a path: an identifier without `..` and without a dot at its end."""
    return (
        isinstance(value, str)
        and _IDENTIFIER.fullmatch(value) is not None
        and ".." not in value
        and not value.endswith(".")
    )
