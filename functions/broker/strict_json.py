"""JSON as the broker accepts it from others: UTF-8, no duplicate members, no NaN or Infinity."""

import json
from math import isfinite
from typing import Any


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _float(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError("number out of range")
    return number


_decoder = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_constant, parse_float=_float)


def loads(data: bytes) -> Any:
    """The value in `data` (RFC 8259). Raises ValueError for all that is not strict JSON, or nested too deeply."""
    try:
        value = _decoder.decode(data.decode("utf-8"))
        if b"\\u" in data:
            # Half of a surrogate pair can be escaped, but is no character: no log and no other text can hold it.
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def loads_object(data: bytes) -> dict[str, Any]:
    """The object in `data`. Raises ValueError for anything else."""
    value = loads(data)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value
