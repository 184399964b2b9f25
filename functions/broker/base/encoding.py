"""How bytes become values: strict JSON (RFC 8259) and base64url, as others send them, and byte strings in one.

JSON is accepted in UTF-8, without duplicate members, NaN or Infinity.
"""

import base64
import json
import re
from math import isfinite
from typing import Any

_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")


class Malformed(ValueError):
    """What is wrong, in fixed words: they stand in audit records, and the standard library's quote what was sent."""


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Malformed("duplicate member")
    return members


def _constant(name: str) -> Any:
    raise Malformed("NaN or Infinity")


def _float(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise Malformed("number out of range")
    return number


_decoder = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_constant, parse_float=_float)


def read_json(data: bytes) -> Any:
    """The value in `data` (RFC 8259). Raises Malformed for all that is not strict JSON, or nested too deeply."""
    try:
        value = _decoder.decode(data.decode("utf-8"))
        if b"\\u" in data:
            # Half of a surrogate pair can be escaped, but is no character: no log and no other text can hold it.
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except RecursionError as error:
        raise Malformed("nested too deeply") from error
    except UnicodeDecodeError as error:
        raise Malformed("not UTF-8") from error
    except UnicodeEncodeError as error:
        raise Malformed("half a surrogate pair") from error
    except Malformed:
        raise
    except ValueError as error:
        raise Malformed("not JSON") from error


def read_object(data: bytes) -> dict[str, Any]:
    """The object in `data`. Raises Malformed for anything else."""
    value = read_json(data)
    if not isinstance(value, dict):
        raise Malformed("not an object")
    return value


def read_base64url(text: str) -> bytes:
    """The bytes of unpadded, canonical base64url (RFC 7515 appendix C). Raises ValueError."""
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise ValueError("not base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    # Spare bits that are not zero would give one token many spellings; only the last letters have any.
    last = len(data) // 3 * 3
    if base64.urlsafe_b64encode(data[last:]).rstrip(b"=").decode() != text[last // 3 * 4 :]:
        raise ValueError("not canonical base64url")
    return data


def frame(*parts: bytes) -> bytes:
    """Join byte strings, each behind its length, so that no two lists of parts are the same bytes."""
    return b"".join(len(part).to_bytes(4) + part for part in parts)
