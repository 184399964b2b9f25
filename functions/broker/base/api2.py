"""What the answers of Transloadit's API have in common: an object in JSON, a code of an error, how long to wait.

https://transloadit.com/docs/api/response-codes/
"""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from broker.base import encoding
from broker.base.audit import Notes
from broker.base.net import Answer

MAX_RETRY_AFTER = 60 * 60  # seconds
MAX_DIGITS = 8  # of the seconds in Retry-After
_CODE = re.compile(r"[A-Z0-9_]{1,64}")


def read_answer(answer: Answer, notes: Notes, *, with_halves: bool = False) -> tuple[dict[str, Any], str | None]:
    """The object in an answer, empty where there is none, and its error's code. Status and code are noted.

    `with_halves`: as `encoding.read_json` says.
    """
    notes.upstream_status = answer.status
    try:
        document = encoding.read_object(answer.body, with_halves=with_halves)
    except ValueError:
        document = {}
    notes.upstream_error = read_code(document, "error")
    return document, notes.upstream_error


def read_code(document: dict[str, Any], member: str) -> str | None:
    """The code in a member, where it is one. It stands in records and messages, so it must not be any text."""
    code = document.get(member)
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None


def read_retry_after(answer: Answer, document: dict[str, Any], now: float) -> float:
    """Seconds to wait: `info.retryIn`, else Retry-After in either form (RFC 9110 section 10.2.3), else one."""
    info = document.get("info")
    wait = info.get("retryIn") if isinstance(info, dict) else None
    if isinstance(wait, bool) or not isinstance(wait, (int, float)):
        wait = _read_header(answer.headers.get("retry-after", ""), now)
    return min(max(wait, 1.0), MAX_RETRY_AFTER)


def _read_header(value: str, now: float) -> float:
    if value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS:
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # the latter for a day of twenty digits
        return 1.0
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now
