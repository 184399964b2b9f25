"""The trust policy as compiled at build time, and the decision it makes: who gets what."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Literal

from broker import jwk
from broker.caller import Caller, Issuer
from broker.conditions import Claims, Condition
from broker.errors import AccessDenied, BrokerError, InvalidScope, InvalidTarget
from broker.proof import Shown
from broker.request import DEFAULT_AUD, DEFAULT_CREDENTIAL, TokenRequest
from broker.values import Value


class All(Enum):
    """Every scope of the Auth Key; only `scopes: "*"` makes it, and it alone sends no scope upstream."""

    ALL = "*"


ALL = All.ALL
Scopes = frozenset[str] | Literal[All.ALL]


class Rule(Value, frozen=True):
    name: str
    when: tuple[Condition, ...]
    scopes: Scopes
    aud: frozenset[str]
    credential: str
    for_each_caller: bool

    def failed(self, claims: Claims) -> tuple[str, ...]:
        """The names of the conditions that do not hold."""
        return tuple([condition.name for condition in self.when if not condition.holds(claims)])


class Rules(Mapping[str, tuple[Rule, ...]]):
    """Each issuer's rules by its entry's name, read when its first caller comes: a start pays for none of them."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        """`texts`: the compiled rules of each entry, JSON."""
        self._texts = texts
        self._read: dict[str, tuple[Rule, ...]] = {}

    def __getitem__(self, entry: str) -> tuple[Rule, ...]:
        if entry not in self._read:
            self._read[entry] = tuple(map(_rule, json.loads(self._texts[entry])))
        return self._read[entry]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)


class Policy(Value, frozen=True):
    """A compiled trust policy. `digest` is the SHA-256 of its file, hex."""

    hidden = ("issuers", "rules")

    digest: str
    upstream: str
    aws_endpoint: str | None  # of the local stack; None: AWS's own
    is_local: bool
    credentials: tuple[str, ...]  # their names; which secret each is, the deployment says
    issuers: Mapping[str, tuple[Issuer, ...]]  # `iss` -> its entries
    named: frozenset[str]  # every scope and aud that a rule names
    rules: Mapping[str, tuple[Rule, ...]]  # entry name -> its rules

    def names(self, text: str) -> bool:
        """Whether it is a credential, a scope or an aud that the policy names, or the default of one."""
        return text in self.credentials or text in self.named or text in (DEFAULT_AUD, DEFAULT_CREDENTIAL)


class Grant(Value, frozen=True):
    """What a caller gets. Only `decide` makes one, so a bearer token without a decision cannot be written."""

    credential: str
    scopes: Scopes
    aud: str
    by_name: bool  # the caller named the scopes
    unlisted: bool  # among them is one that no rule names: the caller has it by `"*"`
    for_each_caller: bool  # `share: caller`
    rules: tuple[str, ...]
    policy: str  # digest


class Refusal(Value, frozen=True):
    """`failed`: for each rule of the caller's issuer, the names of the conditions that did not hold."""

    error: type[BrokerError]
    reason: str
    failed: Mapping[str, tuple[str, ...]]


def decide(policy: Policy, caller: Caller, request: TokenRequest[Shown]) -> Grant | Refusal:
    """What this caller gets for this request. Pure: no clock, no network, no cache.

    The entitlement is the union of the scopes of those matching rules that name both the credential and the aud.
    """
    rules = policy.rules.get(caller.entry, ())
    failed = {rule.name: rule.failed(caller.claims) for rule in rules}
    matching = [rule for rule in rules if not failed[rule.name]]
    if not matching:
        return Refusal(AccessDenied, "no rule matches", failed)
    there = [rule for rule in matching if rule.credential == request.credential and request.aud in rule.aud]
    if not there:
        return Refusal(InvalidTarget, "no matching rule for this credential and aud", failed)
    asked = request.scopes
    listed = frozenset[str]().union(*(rule.scopes for rule in there if rule.scopes is not ALL))
    has_all = any(rule.scopes is ALL for rule in there)
    if not has_all and asked is not None and not asked <= listed:
        return Refusal(InvalidScope, "no matching rule for every scope asked", failed)
    everything: Scopes = ALL if has_all else listed
    return Grant(
        credential=request.credential,
        scopes=everything if asked is None else asked,
        aud=request.aud,
        by_name=asked is not None,
        unlisted=asked is not None and not asked <= listed,
        for_each_caller=any(rule.for_each_caller for rule in there),
        rules=tuple(rule.name for rule in there),
        policy=policy.digest,
    )


def read(path: str | os.PathLike[str]) -> Policy:
    """The compiled policy in a file. Raises OSError, or ValueError where it is not one."""
    with open(path, "rb") as file:
        return load(file.read())


def load(data: bytes) -> Policy:
    """From the compiled form, JSON. It was checked when it was compiled, so here it is only read."""
    document = json.loads(data)
    issuers: dict[str, tuple[Issuer, ...]] = {}
    for entry in map(_issuer, document["issuers"]):
        issuers[entry.issuer] = (*issuers.get(entry.issuer, ()), entry)
    return Policy(
        digest=hashlib.sha256(data).hexdigest(),
        upstream=document["upstream"],
        aws_endpoint=document["aws_endpoint"],
        is_local=document["local"],
        credentials=tuple(document["credentials"]),
        named=frozenset(document["names"]),
        issuers=issuers,
        rules=Rules(document["rules"]),
    )


def _conditions(compiled: list[dict[str, Any]]) -> tuple[Condition, ...]:
    return tuple(map(Condition.load, compiled))


def _issuer(compiled: Mapping[str, Any]) -> Issuer:
    keys = compiled["keys"]
    return Issuer(
        name=compiled["name"],
        issuer=compiled["issuer"],
        audiences=frozenset(compiled["audiences"]),
        algorithms=frozenset(compiled["algorithms"]),
        inline_keys=jwk.load_set(keys["jwks"], compiled["issuer"]) if "jwks" in keys else None,
        keys_url=keys.get("url"),
        max_age=compiled["max_age"],
        leeway=compiled["leeway"],
        require=_conditions(compiled["require"]),
        types=frozenset(compiled["typ"]) if compiled["typ"] else None,
        audience_claim=compiled["audience_claim"],
        subject_claim=compiled["subject_claim"],
        once=compiled["once"],
    )


def _rule(compiled: Mapping[str, Any]) -> Rule:
    return Rule(
        name=compiled["name"],
        when=_conditions(compiled["when"]),
        scopes=ALL if compiled["scopes"] == "*" else frozenset(compiled["scopes"]),
        aud=frozenset(compiled["aud"]),
        credential=compiled["credential"],
        for_each_caller=compiled["share"] == "caller",
    )
