"""How bytes become values: strict JSON (RFC 8259) and base64url, as others send them, and byte strings in one.

JSON is accepted in UTF-8, without duplicate members, NaN or Infinity.
"""

import base64
import json
import re
from math import isfinite
from typing import Any

LENGTH_BYTES = 4  # in front of each part of a frame
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")


class Malformed(ValueError):
    """Bytes that are not what they should be. Fixed words only, since they stand in audit records: the messages of the
    standard library quote what was sent.
    """


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    # Of two members with one name one parser takes the first, another the last (RFC 8259 section 4). An issuer's check
    # of a claim and ours would then see different values.
    if len(members) != len(pairs):
        raise Malformed("duplicate member")
    return members


def _refuse_constant(name: str) -> Any:
    raise Malformed("NaN or Infinity")


def _read_float(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise Malformed("number out of range")
    return number


_decoder = json.JSONDecoder(object_pairs_hook=_make_object, parse_constant=_refuse_constant, parse_float=_read_float)


_CAUSES = {
    RecursionError: "nested too deeply",
    UnicodeDecodeError: "not UTF-8",
    UnicodeEncodeError: "half a surrogate pair",
}


def read_json(data: bytes, *, with_halves: bool = False) -> Any:
    """The value in `data` (RFC 8259). Raises Malformed for all that is not strict JSON, or nested too deeply.

    `with_halves`: halves of surrogate pairs are taken. No text of such a value may go anywhere before it is checked.
    """
    try:
        value = _decoder.decode(data.decode("utf-8"))
        if b"\\u" in data and not with_halves:
            # Half of a surrogate pair can be escaped, but is no character: no log and no other text can hold it.
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except Malformed:
        raise
    except (RecursionError, ValueError) as error:
        raise Malformed(_CAUSES.get(type(error), "not JSON")) from error


def read_object(data: bytes, *, with_halves: bool = False) -> dict[str, Any]:
    """The object in `data`, as `read_json` reads it. Raises Malformed for anything else."""
    value = read_json(data, with_halves=with_halves)
    if not isinstance(value, dict):
        raise Malformed("not an object")
    return value


def read_base64url(text: str) -> bytes:
    """The bytes of unpadded, canonical base64url (RFC 7515 appendix C). Raises ValueError."""
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise ValueError("not base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    # Spare bits that are not zero would give one JWT many spellings, and whoever compares JWTs as text would take them
    # for different ones. Only the last letters have spare bits.
    last = len(data) // 3 * 3
    if base64.urlsafe_b64encode(data[last:]).rstrip(b"=").decode() != text[last // 3 * 4 :]:
        raise ValueError("not canonical base64url")
    return data


def frame(*parts: bytes) -> bytes:
    """Join byte strings unambiguously, each with its length in front: no two lists of parts give the same bytes."""
    return b"".join(len(part).to_bytes(LENGTH_BYTES) + part for part in parts)
