"""The decision: what a caller gets, or why it gets nothing."""

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
    """What a caller gets. A bearer token is obtained for a grant, and only `decide` makes one.

    Before 0.12.1 chinmina-bridge had its rules below the token cache: every hit was a token without a decision. Here
    such code does not type-check.

    `by_name`: the caller named the scopes. `unlisted`: one of them is named by no rule, and comes from `"*"`.
    `for_each_caller`: a rule says `share: caller`. `rules`: the names of the rules that give it.
    """

    credential: str
    scopes: Scopes
    aud: str
    by_name: bool
    unlisted: bool
    for_each_caller: bool
    rules: tuple[str, ...]


class Refusal(Value, frozen=True):
    """Why a caller gets nothing, for the audit record alone: an answer with these names would tell an attacker which
    claims to forge or to obtain (CVE-2026-105770).

    `failed`: for each rule of the caller's issuer, the names of the claims whose conditions did not hold.
    `description`: what the answer says, where it may say more than the error does of itself.
    """

    error: type[BrokerError]
    reason: str
    failed: Mapping[str, tuple[str, ...]]
    description: str | None = None


def decide(policy: Policy, caller: Caller, request: TokenRequest[AnyProof]) -> Grant | Refusal:
    """Decide what this caller gets for this request. Pure: no clock, no network, no cache."""
    rules = policy.find_rules(caller.entry)
    failed = {rule.name: rule.find_failed(caller.claims) for rule in rules}
    matching = [rule for rule in rules if not failed[rule.name]]
    if not matching:
        return Refusal(AccessDenied, "no rule matches", failed)
    # A scope of a rule for one aud or credential must not appear in a token for another. So the scopes of exactly those
    # rules count that name both this credential and this aud.
    giving = [rule for rule in matching if rule.credential == request.credential and request.aud in rule.aud]
    if not giving:
        return Refusal(InvalidTarget, "no matching rule for this credential and aud", failed)
    asked = request.scopes
    listed = frozenset[str]().union(*(rule.scopes for rule in giving if rule.scopes is not ALL))
    has_all = any(rule.scopes is ALL for rule in giving)
    # Refuse the whole request: a token with fewer scopes than were asked for fails later, where nobody sees why.
    if not has_all and asked is not None and not asked <= listed:
        return Refusal(InvalidScope, "no matching rule for every scope asked", failed)
    everything: Scopes = ALL if has_all else listed
    return Grant(
        credential=request.credential,
        scopes=everything if asked is None else asked,
        aud=request.aud,
        by_name=asked is not None,
        unlisted=asked is not None and not asked <= listed,
        # One such rule is enough: its operator wants to be able to tell the tokens of callers apart.
        for_each_caller=any(rule.share == "caller" for rule in giving),
        rules=tuple(rule.name for rule in giving),
    )
