"""Texts that become part of a path or of what is signed: which ones can be trusted to mean what they look like."""

import re
import unicodedata

MAX_PATH = 1024  # bytes of UTF-8

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
    """Whether the text has no escapes, no `${` and no hidden characters, neither as it is nor normalized."""
    return not any(_NEVER.search(each) or _hides(each) for each in {text, normalize(text)})


def is_path(text: str) -> bool:
    """Whether the text is plain, has 1 to MAX_PATH bytes, and segments that are neither empty nor `.` nor `..`, neither
    as it is nor normalized."""
    return is_plain(text) and all(
        len(each.encode()) <= MAX_PATH and {"", ".", ".."}.isdisjoint(each.split("/"))
        for each in {text, normalize(text)}
    )


def _hides(text: str) -> bool:
    # Of ASCII only control characters (Cc) are hidden, and a request may have a hundred long paths.
    if text.isascii():
        return not text.isprintable()
    return any(unicodedata.category(sign) in _HIDDEN for sign in text)


def is_identifier(value: object) -> bool:
    """Whether a claim's value can stand in a path: an identifier without `..` and without a dot at its end."""
    return (
        isinstance(value, str)
        and _IDENTIFIER.fullmatch(value) is not None
        and ".." not in value
        and not value.endswith(".")
    )
