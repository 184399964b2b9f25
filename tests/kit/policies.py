"""Compiled policies, made of the structs themselves: no author's policy, and none of the compiler's checks."""

from typing import Any

from broker.policy.assembling import AssembleRule
from broker.policy.conditions import Condition
from broker.policy.model import Issuer, Policy, Rule, load
from broker.policy.signing import SignRule
from msgspec import convert
from token_broker.policy.encoding import encode

ISSUER = "https://login.example.com/"
AUDIENCE = "https://tokens.example.com"
UPSTREAM = "https://api2.transloadit.com"


def condition(claim: str, *tests: list[Any]) -> Condition:
    """`condition("groups", ["any", ["editors"]])`; a leading slash makes a pointer."""
    return convert({"claim": claim, "tests": tests}, Condition)


def issuer(**changes: Any) -> Issuer:
    """An entry by discovery; `jwks={…}` or `keys_url=…` for others."""
    members = {
        "name": "site",
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "algorithms": ["RS256"],
        "jwks": None,
        "keys_url": None,
        "max_age": None,
        "leeway": 30,
        "require": [],
        "typ": None,
        "audience_claim": "aud",
        "subject_claim": "sub",
        "once": False,
    }
    return convert(members | changes, Issuer)


def rule(**changes: Any) -> Rule:
    members = {
        "name": "editors upload",
        "issuer": "site",
        "when": [condition("groups", ["any", ["editors"]])],
        "scopes": ["assemblies:read", "assemblies:write"],
        "aud": ["api2"],
        "credential": "default",
        "share": "grant",
    }
    return convert(members | changes, Rule)


def assembly_form(**changes: Any) -> dict[str, Any]:
    members = {
        "template_id": "0123456789abcdef0123456789abcdef",
        "algorithm": "sha384",
        "expires": 300,
        "max_size": 100_000_000,
        "max_number_of_files": 5,
        "steps": {"exported": {"path": ["users/", ["sub"], "/${file.id}.${file.ext}"]}},
        "fields": {"source": "web"},
        "caller_fields": ["album"],
    }
    return members | changes


def assemble_form(**changes: Any) -> dict[str, Any]:
    members = {
        "template_id": "0123456789abcdef0123456789abcdef",
        "steps": {},
        "fields": {"source": "s3"},
        "caller_fields": ["bucket", "key"],
        "max_size": None,
        "max_number_of_files": None,
        "notify": "durable",
        "shows_id": True,
    }
    return members | changes


def assemble_rule(**changes: Any) -> AssembleRule:
    """Callers that invoke the Assembly function as `originals` may have Assemblies by the Template `encode`."""
    members = {
        "name": "new originals are encoded",
        "issuer": "invoke",
        "when": [condition("sub", ["one_of", ["originals"]])],
        "credential": "default",
        "workspace": "acme",
        "assemble": {"encode": assemble_form()},
    }
    return convert(members | changes, AssembleRule)


def smart_cdn_form(**changes: Any) -> dict[str, Any]:
    members = {
        "origin": "https://acme.tlcdn.com",
        "workspace": "acme",
        "template": "serve-thumb",
        "under": ["users", ["sub"]],
        "inputs": None,
        "fixed": {"f": "webp"},
        "choices": {"w": [100, 200, 400]},
        "expires": 3600,
    }
    return members | changes


def storage_form(**changes: Any) -> dict[str, Any]:
    members = {"bucket": "acme", "prefix": ["users", ["sub"]], "scopes": ["read", "write"], "expires": 900}
    return members | changes


def sign_rule(**changes: Any) -> SignRule:
    """A rule with one form of each kind, under the names avatar, thumbnail and own, but for the changes."""
    members = {
        "name": "editors upload avatars",
        "issuer": "site",
        "when": [condition("groups", ["any", ["editors"]])],
        "credential": "default",
        "assembly": {"avatar": assembly_form()},
        "smart_cdn": {"thumbnail": smart_cdn_form()},
        "storage": {"own": storage_form()},
    }
    return convert(members | changes, SignRule)


def compiled(**changes: Any) -> bytes:
    """The file that the function reads: one issuer and one rule, but for the changes."""
    parts: dict[str, Any] = {
        "credentials": ["default"],
        "issuers": [issuer()],
        "rules": [rule()],
        "upstream": UPSTREAM,
    }
    return encode(**(parts | changes))


def policy(**changes: Any) -> Policy:
    return load(compiled(**changes))
