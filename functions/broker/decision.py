"""The decision: who gets what."""

from collections.abc import Mapping
from typing import Literal

from broker.base.errors import AccessDenied, BrokerError, InvalidScope, InvalidTarget
from broker.base.values import Value
from broker.caller.caller import Caller
from broker.policy.model import ALL, All, Policy
from broker.request.proof import AnyProof
from broker.request.request import TokenRequest

Scopes = frozenset[str] | Literal[All.ALL]


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


def decide(policy: Policy, caller: Caller, request: TokenRequest[AnyProof]) -> Grant | Refusal:
    """What this caller gets for this request. Pure: no clock, no network, no cache.

    The entitlement is the union of the scopes of those matching rules that name both the credential and the aud.
    """
    rules = policy.find_rules(caller.entry)
    failed = {rule.name: rule.find_failed(caller.claims) for rule in rules}
    matching = [rule for rule in rules if not failed[rule.name]]
    if not matching:
        return Refusal(AccessDenied, "no rule matches", failed)
    giving = [rule for rule in matching if rule.credential == request.credential and request.aud in rule.aud]
    if not giving:
        return Refusal(InvalidTarget, "no matching rule for this credential and aud", failed)
    asked = request.scopes
    listed = frozenset[str]().union(*(rule.scopes for rule in giving if rule.scopes is not ALL))
    has_all = any(rule.scopes is ALL for rule in giving)
    if not has_all and asked is not None and not asked <= listed:
        return Refusal(InvalidScope, "no matching rule for every scope asked", failed)
    everything: Scopes = ALL if has_all else listed
    return Grant(
        credential=request.credential,
        scopes=everything if asked is None else asked,
        aud=request.aud,
        by_name=asked is not None,
        unlisted=asked is not None and not asked <= listed,
        for_each_caller=any(rule.share == "caller" for rule in giving),
        rules=tuple(rule.name for rule in giving),
        policy=policy.digest,
    )
