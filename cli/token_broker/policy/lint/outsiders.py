"""The linter's question: is there a condition left that an outsider cannot fulfil?

Who is an outsider depends on the issuer. Where everybody shares it, all but one's own tenant are; where whoever likes
signs up, all who did; at a company's own issuer nobody is, but a rule may still ask for less than it seems to.
"""

import re
from collections.abc import Sequence
from enum import Enum

from broker.conditions import Like

from token_broker.policy.document import Path
from token_broker.policy.lint import claims
from token_broker.policy.lint.claims import Pattern, Said, Value
from token_broker.policy.lint.codes import Opinion, Opinions
from token_broker.policy.lint.facts import ADDRESSES, ASKED, PUBLIC, Facts
from token_broker.policy.model import Issuer, Rule
from token_broker.policy.presets import PRESETS


class Weight(Enum):
    """What a condition says of the caller."""

    TELLS = "somebody is told from others by it"
    NOTHING = "whoever is a caller fulfils it"
    WRITTEN = "the caller writes it itself"
    NAME = "others can take it over"
    UNVERIFIED = "nobody verified it"


_DOMAIN = r"[a-z0-9-]+(\.[a-z0-9-]+)+"
_ADDRESSES = re.compile(rf"[^@]*@(\*{{1,2}}\.)?({_DOMAIN})", re.IGNORECASE | re.ASCII)
# Where whoever likes gets an address; a pattern on such a domain says nothing.
_MAIL_FOR_ALL = re.compile(
    r"(gmail|googlemail|outlook|hotmail|live|msn|yahoo|ymail|icloud|me|mac|aol|proton|protonmail|pm|gmx|web|mail"
    r"|yandex|zoho|qq|163)\.(com|co\.[a-z]{2}|[a-z]{2})|privaterelay\.appleid\.com"
)
# The domains whose addresses Google itself gives:
# https://developers.google.com/identity/gsi/web/guides/verify-google-id-token
_GOOGLE_S_OWN = re.compile(r".*[^*]@(gmail\.com|googlemail\.com)|.*@([a-z0-9-]+\.)*gserviceaccount\.com")
_FEW = 3  # letters that a pattern must have
_ID = re.compile(r"(.*[/_])?(id|uid|oid|uuid)|(cognito:)?username")
_SCOPES = frozenset({"scope", "scp", "scopes"})


def outsiders(path: Path, rule: Rule, issuer: Issuer | None, said: Sequence[Said], facts: Facts) -> Opinions:
    """What a rule's conditions let in that is not meant."""
    weights = [(each, _weight(each, said, issuer, facts)) for each in said]
    unverified = next((claim for (_, claim, _), weight in weights if weight is Weight.UNVERIFIED), None)
    if unverified is not None:
        yield Opinion("unverified-address", _place(path, rule, unverified), _of_address(unverified))
    found = {weight for _, weight in weights}
    if issuer and facts.pins and not any(_pins(each, said, facts) for each in said):
        yield Opinion("shared-issuer", (*path, "when"), _of_shared(issuer, facts))
    elif not facts.pins and Weight.TELLS not in found and Weight.UNVERIFIED not in found:
        yield from _nothing_left(path, rule, weights, facts)
    if facts.is_open and rule.share == "caller" and Weight.TELLS not in found:
        message = "each account mints a token of its own, and many use up the budget of all; write share: grant"
        yield Opinion("mint-budget", (*path, "share"), message)


def _nothing_left(path: Path, rule: Rule, weights: Sequence[tuple[Said, Weight]], facts: Facts) -> Opinions:
    told = {weight: claim for (where, claim, _), weight in weights if where == "when" or weight is not Weight.NOTHING}
    if (claim := told.get(Weight.WRITTEN)) is not None:
        message = f"the caller itself writes `{claim}`; add a condition on what only you or the issuer can set"
        yield Opinion("caller-chosen", _place(path, rule, claim), message)
    elif (claim := told.get(Weight.NAME)) is not None:
        message = f"`{claim}` is a name that can change hands; match an id that never does, a role or a group"
        yield Opinion("changes-hands", _place(path, rule, claim), message)
    elif facts.is_open:
        message = (
            "whoever signs up fulfils this; add a condition on what only you can set, such as a role or group. "
            "If every signed-in user is meant, keep the scopes narrow and silence this with the reason"
        )
        yield Opinion("outsiders", (*path, "when"), message)
    else:
        message = f"every caller of `{rule.issuer}` fulfils this; add a condition that tells some from others"
        yield Opinion("everyone", (*path, "when"), message)


def _place(path: Path, rule: Rule, claim: str) -> Path:
    return (*path, "when", claim) if claim in rule.when else (*path, "when")


def _weight(each: Said, said: Sequence[Said], issuer: Issuer | None, facts: Facts) -> Weight:
    where, claim, condition = each
    preset = PRESETS.get((issuer and issuer.preset) or "")
    wanted = list(claims.alternatives(condition))
    if not wanted or (where == "require" and preset is not None and claim in preset.require):
        return Weight.NOTHING
    path = claims.path_of(claim)
    if path in facts.names:
        return Weight.NAME
    if path in ADDRESSES and path not in facts.verified and not _is_verified(ADDRESSES[path], said):
        return Weight.UNVERIFIED
    # A program's client and scopes are its own; a person comes through a client that is everybody's.
    if claims.is_among(path, facts.everybody) and not (path in ASKED and is_machine(said, facts)):
        return Weight.NOTHING
    if issuer and claim == issuer.audience_claim:
        return Weight.NOTHING
    if claims.is_among(path, facts.caller):
        return Weight.WRITTEN
    if any(all(_tells(path, value, facts) for value in values) for values in wanted):
        return Weight.TELLS
    return Weight.NOTHING


def _tells(path: str, value: Value, facts: Facts) -> bool:
    """Whether a value, or those that a pattern fits, are not everybody's."""
    if not isinstance(value, str):
        return value is not False
    public = (*facts.public.get(path, ()), *PUBLIC.get(path.rsplit("/", 1)[-1], ()))
    if isinstance(value, Pattern):
        return _pattern_tells(path, value, public, facts)
    if path in _SCOPES:
        return any(not claims.is_public(word, public) for word in value.split())
    return bool(value) and not claims.is_public(value, public)


def _pattern_tells(path: str, pattern: Pattern, public: Sequence[str], facts: Facts) -> bool:
    if ADDRESSES.get(path) == "email_verified":
        return _names_domain(pattern)
    if path == "sub" and not re.fullmatch(facts.subjects, pattern):
        return False
    # Ids are random, names are their owner's choice: a pattern on them fits everybody's, or nobody's.
    if _ID.fullmatch(path) or sum(map(str.isalnum, pattern)) < _FEW:
        return False
    samples = [*public, " ".join([*public, *public])] if path in _SCOPES else public
    return not any(map(Like(pattern).match, (sample.replace("*", "anything") for sample in samples)))


def _names_domain(pattern: str) -> bool:
    """`*@corp.example` and `*@*.corp.example` name one; `*corp.example` fits evilcorp.example, too."""
    found = _ADDRESSES.fullmatch(pattern)
    return found is not None and not _MAIL_FOR_ALL.fullmatch(found[2].lower())


def _is_verified(flag: str, said: Sequence[Said]) -> bool:
    """Whether a condition lets only true pass; Apple writes it as a text."""
    return any(
        claims.path_of(claim) == flag
        and any(claims.passes(condition, {"claim": value}) for value in (True, "true"))
        and not any(claims.passes(condition, held) for held in ({}, {"claim": False}, {"claim": "false"}))
        for _, claim, condition in said
    )


def _pins(each: Said, said: Sequence[Said], facts: Facts) -> bool:
    """Whether a condition says whose caller it is, where everybody shares the issuer."""
    _, claim, condition = each
    path = claims.path_of(claim)
    if path not in facts.pins:
        return False
    if path != "email":
        return bool(claims.exact(condition))
    addresses = claims.texts(condition)
    # Another's address may have been verified once, and its domain sold since.
    is_theirs = "hd" not in facts.pins or all(map(_GOOGLE_S_OWN.fullmatch, addresses))
    is_exact = bool(claims.exact(condition)) or all(map(_names_domain, addresses))
    return bool(addresses) and is_theirs and is_exact and _is_verified("email_verified", said)


def is_machine(said: Sequence[Said], facts: Facts) -> bool:
    """Whether only programs fulfil the conditions."""
    for _, claim, condition in said:
        value = facts.machines.get(claims.path_of(claim))
        if value == "":
            if claims.is_absence(condition):
                return True
        elif value is not None:
            found = claims.texts(condition)
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
    flag = ADDRESSES[claims.path_of(claim)]
    return f"`{claim}` may be anybody's until it is verified; add `{flag}: true`, or match an id"
