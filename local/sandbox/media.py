"""Recognises a file's type by its first bytes, else by its name, else by whether it is text."""

import codecs
import mimetypes
import re
from pathlib import PurePosixPath

_HEAD = 4096  # bytes at the beginning that are inspected
# The signatures are those of https://mimesniff.spec.whatwg.org/#matching-a-mime-type-pattern. The prolog before an
# SVG's root element follows https://www.w3.org/TR/xml/#sec-prolog-dtd. An uploaded file must not make the pattern
# backtrack for seconds, so its quantifiers are possessive.
_BY_CONTENT = (
    (rb"\x89PNG\r\n\x1a\n", "image/png", "png"),
    (rb"\xff\xd8\xff", "image/jpeg", "jpg"),
    (rb"GIF8[79]a", "image/gif", "gif"),
    (rb"RIFF.{4}WEBPVP", "image/webp", "webp"),
    (rb"%PDF-", "application/pdf", "pdf"),
    (rb".{4}ftyp(?:iso[m2-9]|mp4[12]|avc1|M4V |dash)", "video/mp4", "mp4"),
    (rb"ID3|\xff[\xfb\xf3\xf2]", "audio/mpeg", "mp3"),
    (
        rb"(?:\xef\xbb\xbf)?(?:\s++|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>]*+>)*+<(?:\w++:)?svg[\s/>]",
        "image/svg+xml",
        "svg",
    ),
)
_PATTERNS = tuple((re.compile(pattern, re.DOTALL), mime, ext) for pattern, mime, ext in _BY_CONTENT)
UNKNOWN = ("application/octet-stream", "")


def recognise(name: str, content: bytes | bytearray) -> tuple[str, str]:
    """The file's media type, and its extension without the dot. An extension in the name wins."""
    head, suffix = bytes(content[:_HEAD]), PurePosixPath(name).suffix.removeprefix(".")
    mime, ext = _by_content(head) or _by_name(name) or _by_text(head, len(content)) or UNKNOWN
    return mime, suffix or ext


def _by_content(head: bytes) -> tuple[str, str] | None:
    return next(((mime, ext) for pattern, mime, ext in _PATTERNS if pattern.match(head)), None)


def _by_name(name: str) -> tuple[str, str] | None:
    mime = mimetypes.guess_type(name)[0]
    return (mime, "") if mime else None


def _by_text(head: bytes, size: int) -> tuple[str, str] | None:
    """Whether the head is UTF-8 without control characters. Its last character may be cut off."""
    try:
        text, _ = codecs.utf_8_decode(head, "strict", size <= _HEAD)
    except UnicodeDecodeError:
        return None
    return ("text/plain", "txt") if text and not re.search(r"[\x00-\x08\x0e-\x1f]", text) else None
