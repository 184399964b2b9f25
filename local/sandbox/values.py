"""Reads values of requests strictly. Each function raises ValueError."""

import json
from typing import Any

MOST = 10**15  # the largest number that the sandbox accepts; int() would refuse much longer texts with another error
_SWITCHES = {"true": True, "1": True, "false": False, "0": False}


def read_json(text: str | bytes) -> Any:
    """Read JSON whose texts are Unicode and whose numbers are finite: https://www.rfc-editor.org/rfc/rfc7493#section-2"""
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise ValueError("no JSON") from None
    return value


def whole_number(value: Any, lowest: int = 0, highest: int = MOST) -> int:
    """Read a whole number, given as a number or as decimal digits."""
    digits = str(value)
    if not (len(digits) <= len(str(MOST)) and digits.isascii() and digits.isdigit()):
        raise ValueError("no whole number")
    if not lowest <= int(digits) <= highest:
        raise ValueError("out of range")
    return int(digits)


def switch(value: Any) -> bool:
    """Read a boolean, given as true, false, 0 or 1, or as a text with one of these."""
    found = None if isinstance(value, float) else _SWITCHES.get(str(value).lower())
    if found is None:
        raise ValueError("neither true nor false, 0 nor 1")
    return found
