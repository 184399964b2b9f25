"""JSON as the broker accepts it from others: UTF-8, no duplicate members, no NaN or Infinity."""

import json
from math import isfinite
from typing import Any


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


def loads(data: bytes) -> Any:
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


def loads_object(data: bytes) -> dict[str, Any]:
    """The object in `data`. Raises Malformed for anything else."""
    value = loads(data)
    if not isinstance(value, dict):
        raise Malformed("not an object")
    return value
