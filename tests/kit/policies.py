"""Compiled policies, made without the compiler so that the tests of the runtime stand by themselves."""

import json
from typing import Any

from broker.policy import Policy, load

ISSUER = "https://login.example.com/"
AUDIENCE = "https://tokens.example.com"
UPSTREAM = "https://api2.transloadit.com"


def condition(claim: str, *tests: list[Any], exists: bool = True) -> dict[str, Any]:
    """`condition("groups", ["any", ["editors"]])`; a leading slash makes a pointer."""
    path = claim[1:].split("/") if claim.startswith("/") else [claim]
    return {"claim": claim, "path": path, "exists": exists, "tests": list(tests)}


def issuer(**changes: Any) -> dict[str, Any]:
    """An entry by discovery; `keys={"jwks": …}` or `{"url": …}` for others."""
    entry = {
        "name": "site",
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "algorithms": ["RS256"],
        "keys": {"discovery": True},
        "max_age": None,
        "leeway": 30,
        "require": [],
        "typ": None,
        "audience_claim": "aud",
        "subject_claim": "sub",
        "once": False,
    }
    return entry | changes


def rule(**changes: Any) -> dict[str, Any]:
    entry = {
        "name": "editors upload",
        "issuer": "site",
        "when": [condition("groups", ["any", ["editors"]])],
        "scopes": ["assemblies:read", "assemblies:write"],
        "aud": ["api2"],
        "credential": "default",
        "share": "grant",
    }
    return entry | changes


def document(**changes: Any) -> dict[str, Any]:
    members: dict[str, Any] = {
        "version": 1,
        "local": False,
        "upstream": UPSTREAM,
        "aws_endpoint": None,
        "credentials": ["default"],
        "issuers": [issuer()],
        "rules": [rule()],
    }
    members |= changes
    named = {name for entry in members["rules"] for name in (*entry["scopes"], *entry["aud"])} - {"*"}
    # Each issuer's rules are a JSON text of their own.
    grouped: dict[str, list[dict[str, Any]]] = {}
    for entry in members["rules"]:
        grouped.setdefault(entry["issuer"], []).append(entry)
    rules = {name: json.dumps(entries) for name, entries in grouped.items()}
    return members | {"names": sorted(named), "rules": rules}


def policy(**changes: Any) -> Policy:
    return load(json.dumps(document(**changes)).encode())
