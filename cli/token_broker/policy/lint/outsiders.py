"""The linter's question: is there a condition left that an outsider cannot fulfil?

Who counts as an outsider depends on the issuer. If everybody shares the issuer, outsiders are all but one's own tenant;
if anyone may sign up, outsiders are all users. At a company's own issuer nobody is an outsider, but a rule may still
ask for less than it seems to.
"""

import re
from collections.abc import Sequence
from enum import Enum

from broker.policy.conditions import Like

from token_broker.policy.document import Path
from token_broker.policy.lint import claims
from token_broker.policy.lint.claims import Demand, Pattern, Value
from token_broker.policy.lint.codes import Opinion, Opinions
from token_broker.policy.lint.facts import ADDRESSES, ASKED, PUBLIC, Facts
from token_broker.policy.model import Issuer, Rule, ScopeRule
from token_broker.policy.presets import PRESETS


class Weight(Enum):
    """How much a condition restricts the callers."""

    DISTINGUISHES = "it distinguishes some callers from others"
    NOTHING = "every caller fulfils it"
    WRITTEN = "the caller writes it itself"
    NAME = "others can take it over"
    UNVERIFIED = "nobody verified it"


_DOMAIN = r"[a-z0-9-]+(\.[a-z0-9-]+)+"
_ADDRESSES = re.compile(rf"[^@]*@(\*{{1,2}}\.)?({_DOMAIN})", re.IGNORECASE | re.ASCII)
# Anyone can get an address at these domains, so a pattern on one of them restricts nobody.
_MAIL_FOR_ALL = re.compile(
    r"(gmail|googlemail|outlook|hotmail|live|msn|yahoo|ymail|icloud|me|mac|aol|proton|protonmail|pm|gmx|web|mail"
    r"|yandex|zoho|qq|163)\.(com|co\.[a-z]{2}|[a-z]{2})|privaterelay\.appleid\.com"
)
# The domains whose addresses Google itself gives:
# https://developers.google.com/identity/gsi/web/guides/verify-google-id-token
_GOOGLE_S_OWN = re.compile(r".*[^*]@(gmail\.com|googlemail\.com)|.*@([a-z0-9-]+\.)*gserviceaccount\.com")
_FEW = 3  # a pattern must have so many letters
_ID = re.compile(r"(.*[/_])?(id|uid|oid|uuid)|(cognito:)?username")
_SCOPES = frozenset({"scope", "scp", "scopes"})


def outsiders(path: Path, rule: Rule, issuer: Issuer | None, demands: Sequence[Demand], facts: Facts) -> Opinions:
    """The opinions on a rule whose conditions outsiders can fulfil."""
    weights = [(each, _weight(each, demands, issuer, facts)) for each in demands]
    unverified = next((claim for (_, claim, _), weight in weights if weight is Weight.UNVERIFIED), None)
    if unverified is not None:
        yield Opinion("unverified-address", _place(path, rule, unverified), _of_address(unverified))
    found = {weight for _, weight in weights}
    if issuer and facts.pins and not any(_pins(each, demands, facts) for each in demands):
        yield Opinion("shared-issuer", (*path, "when"), _of_shared(issuer, facts))
    elif not facts.pins and Weight.DISTINGUISHES not in found and Weight.UNVERIFIED not in found:
        yield from _nothing_left(path, rule, weights, facts)
    is_costly = isinstance(rule, ScopeRule) and rule.share == "caller"
    if facts.is_open and is_costly and Weight.DISTINGUISHES not in found:
        message = "each account mints a token of its own, and many use up the budget of all; write share: grant"
        yield Opinion("mint-budget", (*path, "share"), message)


def _nothing_left(path: Path, rule: Rule, weights: Sequence[tuple[Demand, Weight]], facts: Facts) -> Opinions:
    found = {weight: claim for (where, claim, _), weight in weights if where == "when" or weight is not Weight.NOTHING}
    if (claim := found.get(Weight.WRITTEN)) is not None:
        message = f"the caller itself writes `{claim}`; add a condition on what only you or the issuer can set"
        yield Opinion("caller-chosen", _place(path, rule, claim), message)
    elif (claim := found.get(Weight.NAME)) is not None:
        message = f"`{claim}` is a name that can change hands; match an id that never does, a role or a group"
        yield Opinion("changes-hands", _place(path, rule, claim), message)
    elif facts.is_open:
        message = (
            "anyone who signs up fulfils this; add a condition on what only you can set, such as a role or group. "
            "If every signed-in user is meant, keep what it gives narrow and silence this with the reason"
        )
        yield Opinion("outsiders", (*path, "when"), message)
    else:
        message = f"every caller of `{rule.issuer}` fulfils this; add a condition that tells some from others"
        yield Opinion("everyone", (*path, "when"), message)


def _place(path: Path, rule: Rule, claim: str) -> Path:
    return (*path, "when", claim) if claim in rule.when else (*path, "when")


def _weight(each: Demand, demands: Sequence[Demand], issuer: Issuer | None, facts: Facts) -> Weight:
    where, claim, condition = each
    preset = PRESETS.get((issuer and issuer.preset) or "")
    wanted = list(claims.alternatives(condition))
    if not wanted or (where == "require" and preset is not None and claim in preset.require):
        return Weight.NOTHING
    path = claims.simplify_path(claim)
    if path in facts.names:
        return Weight.NAME
    if path in ADDRESSES and path not in facts.verified and not is_verified(ADDRESSES[path], demands):
        return Weight.UNVERIFIED
    # A program's client and scopes belong to it alone. A person uses a client that everybody uses.
    if claims.is_among(path, facts.everybody) and not (path in ASKED and is_machine(demands, facts)):
        return Weight.NOTHING
    if issuer and claim == issuer.audience_claim:
        return Weight.NOTHING
    if claims.is_among(path, facts.caller):
        return Weight.WRITTEN
    if any(all(_distinguishes(path, value, facts) for value in values) for values in wanted):
        return Weight.DISTINGUISHES
    return Weight.NOTHING


def _distinguishes(path: str, value: Value, facts: Facts) -> bool:
    """Whether a value or pattern distinguishes callers, so that not everybody has it."""
    if not isinstance(value, str):
        return value is not False
    public = (*facts.public.get(path, ()), *PUBLIC.get(path.rsplit("/", 1)[-1], ()))
    if isinstance(value, Pattern):
        return _pattern_distinguishes(path, value, public, facts)
    if path in _SCOPES:
        return any(not claims.is_public(word, public) for word in value.split())
    return bool(value) and not claims.is_public(value, public)


def _pattern_distinguishes(path: str, pattern: Pattern, public: Sequence[str], facts: Facts) -> bool:
    if ADDRESSES.get(path) == "email_verified":
        return _names_domain(pattern)
    if path == "sub" and not re.fullmatch(facts.subjects, pattern):
        return False
    # Ids are random and names are chosen by their owner. So a pattern on them matches everybody's, or nobody's.
    if _ID.fullmatch(path) or sum(map(str.isalnum, pattern)) < _FEW:
        return False
    samples = [*public, " ".join([*public, *public])] if path in _SCOPES else public
    return not any(map(Like(pattern).match, (sample.replace("*", "anything") for sample in samples)))


def _names_domain(pattern: str) -> bool:
    """Whether a pattern names a domain, as `*@corp.example` does. `*corp.example` also matches evilcorp.example."""
    found = _ADDRESSES.fullmatch(pattern)
    return found is not None and not _MAIL_FOR_ALL.fullmatch(found[2].lower())


def is_verified(flag: str, demands: Sequence[Demand]) -> bool:
    """Whether a condition accepts only true, which Apple writes as a text."""
    return any(
        claims.simplify_path(claim) == flag
        and any(claims.passes(condition, {"claim": value}) for value in (True, "true"))
        and not any(claims.passes(condition, held) for held in ({}, {"claim": False}, {"claim": "false"}))
        for _, claim, condition in demands
    )


def _pins(each: Demand, demands: Sequence[Demand], facts: Facts) -> bool:
    """Whether a condition names the caller's tenant, at an issuer that everybody shares."""
    _, claim, condition = each
    path = claims.simplify_path(claim)
    if path not in facts.pins:
        return False
    if path != "email":
        return bool(claims.list_exact(condition))
    addresses = claims.list_texts(condition)
    # The address may have been verified long ago, and its domain sold to somebody else since.
    is_theirs = "hd" not in facts.pins or all(map(_GOOGLE_S_OWN.fullmatch, addresses))
    is_exact = bool(claims.list_exact(condition)) or all(map(_names_domain, addresses))
    return bool(addresses) and is_theirs and is_exact and is_verified("email_verified", demands)


def is_machine(demands: Sequence[Demand], facts: Facts) -> bool:
    """Whether only programs fulfil the conditions."""
    for _, claim, condition in demands:
        value = facts.machines.get(claims.simplify_path(claim))
        if value == "":
            if claims.is_absence(condition):
                return True
        elif value is not None:
            found = claims.list_texts(condition)
            if found and all(claims.is_public(text, (value,)) for text in found):
                return True
    return False


def _of_shared(issuer: Issuer, facts: Facts) -> str:
    message = f"{issuer.issuer} signs for everybody; pin {' or '.join(facts.pins)} to an exact value"
    if "hd" in facts.pins:
        message += "; an address counts if it is verified, and at another domain than Google's own with `hd`"
    if facts.chooses_audience:
        message += "; the caller chooses `aud` itself, so that pins nobody"
    return message


def _of_address(claim: str) -> str:
    flag = ADDRESSES[claims.simplify_path(claim)]
    return f"`{claim}` may be anybody's until it is verified; add `{flag}: true`, or match an id"
