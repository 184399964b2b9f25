"""Conditions of the model in the form that the function reads."""

from collections.abc import Mapping
from typing import Any

from token_broker.policy.model import Matcher, Tests


def compiled(conditions: Mapping[str, Any]) -> list[dict[str, Any]]:
    """As the function reads them: each claim with its path and tests."""
    return [_condition(claim, condition) for claim, condition in conditions.items()]


def _condition(claim: str, condition: Any) -> dict[str, Any]:
    exists: bool | None = True
    if isinstance(condition, Matcher) and condition.absent_or is not None:
        exists, condition = None, condition.absent_or
    elif isinstance(condition, Matcher) and condition.exists is False:
        exists = False
    tests = _tests(condition) if exists is not False else []
    return {"claim": claim, "path": pointer(claim), "exists": exists, "tests": tests}


def pointer(claim: str) -> list[str]:
    """A leading slash makes a JSON pointer (RFC 6901); any other name is a top-level claim, as it is."""
    if not claim.startswith("/"):
        return [claim]
    return [part.replace("~1", "/").replace("~0", "~") for part in claim[1:].split("/")]


def _tests(wanted: Any) -> list[list[Any]]:
    if isinstance(wanted, list):
        return [["one_of", wanted]]
    if not isinstance(wanted, Tests):
        return [["one_of", [wanted]]]
    found = [[name, argument] for name in ("any", "all", "words", "like") if (argument := getattr(wanted, name))]
    if isinstance(wanted, Matcher) and wanted.not_ is not None:
        found += [["not", test] for test in _tests(wanted.not_)]
    return found
