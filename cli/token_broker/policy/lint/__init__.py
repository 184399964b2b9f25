"""The linter's opinions: policies that are valid, but that their authors most likely do not mean.

Each opinion has a code. `silence: {code: reason}` at the place silences it; a grave opinion is an error until then.

    codes      the codes and their descriptions
    facts      facts about the callers of well-known issuers
    claims     reads a condition of a claim
    outsiders  whether a rule keeps outsiders out
    gates      whether a rule of GitHub or GitLab names a branch or environment
    scopes     whether a rule gives more than its callers need
    issuers    presets, their keys, audiences
    repeated   rules that repeat others
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from token_broker.policy.document import Path
from token_broker.policy.lint import claims, gates, scopes
from token_broker.policy.lint.codes import CODES, Opinion, Opinions
from token_broker.policy.lint.facts import facts_of
from token_broker.policy.lint.issuers import of_issuer
from token_broker.policy.lint.outsiders import outsiders
from token_broker.policy.lint.repeated import repeated
from token_broker.policy.model import Matcher, Rule, ScopeRule, SignRule, TrustPolicy

__all__ = ["CODES", "Opinion", "opinions", "silences"]


def opinions(policy: TrustPolicy) -> list[Opinion]:
    """All opinions on a policy that it does not silence."""
    demands = [*_issuers(policy), *_rules(policy), *_credentials(policy), *repeated(policy)]
    silenced = {(path[:2], code) for path, code in silences(policy)}
    needed = {(each.path[:2], each.code) for each in demands}
    return [
        *(each for each in demands if (each.path[:2], each.code) not in silenced),
        *(
            Opinion("unused-silence", path, f"nothing says `{code}` here; take it out")
            for path, code in silences(policy)
            if (path[:2], code) not in needed
        ),
    ]


def silences(policy: TrustPolicy) -> list[tuple[Path, str]]:
    """The path and the code of each silence."""
    groups: list[tuple[Path, Iterable[str]]] = [
        *((("issuers", name), issuer.silence) for name, issuer in policy.issuers.items()),
        *((("credentials", name), credential.silence) for name, credential in policy.credentials.items()),
        *((("rules", place), rule.silence) for place, rule in enumerate(policy.rules)),
    ]
    return [((*path, "silence", code), code) for path, codes in groups for code in codes]


def _issuers(policy: TrustPolicy) -> Opinions:
    trusted = {rule.issuer for rule in policy.rules}
    for name, issuer in policy.issuers.items():
        path: Path = ("issuers", name)
        yield from _patterns((*path, "require"), issuer.require or {})
        yield from of_issuer(path, name, issuer, is_trusted=name in trusted)


def _credentials(policy: TrustPolicy) -> Opinions:
    given = {rule.credential for rule in policy.rules}
    for name in policy.credentials:
        if name not in given:
            yield Opinion("unused-credential", ("credentials", name), f"no rule gives `{name}`; take it out")


def _rules(policy: TrustPolicy) -> Opinions:
    for place, rule in enumerate(policy.rules):
        path: Path = ("rules", place)
        issuer = policy.issuers.get(rule.issuer)
        if isinstance(rule, ScopeRule):
            yield from scopes.broad((*path, "scopes"), rule)
        yield from _patterns((*path, "when"), rule.when)
        if isinstance(rule, SignRule):
            yield from scopes.any_input(path, rule)
        facts, demands = facts_of(rule, issuer), claims.read_demands(rule, issuer)
        if facts.gates != "github":  # GitHub's gates check the repository's id as well
            yield from outsiders(path, rule, issuer, demands, facts)
        if facts.gates is not None:
            yield from gates.GATES[facts.gates](path, demands)
        if isinstance(rule, ScopeRule):
            yield from scopes.of_end_users((*path, "scopes"), rule, demands, facts)
        if issuer is not None:
            yield from _contradictions((*path, "when"), rule, issuer.require or {})


def _patterns(path: Path, conditions: Mapping[str, Any]) -> Opinions:
    for claim, condition in conditions.items():
        pattern = condition.like if isinstance(condition, Matcher) else None
        if (
            pattern
            and re.search(r"[^*/:]\*{1,2}$", pattern)
            and not gates.is_series(claims.simplify_path(claim), pattern)
        ):
            message = f"`{pattern}` also matches every longer name; end it, or put a / or : before the *"
            yield Opinion("open-wildcard", (*path, claim), message)


def _contradictions(path: Path, rule: Rule, require: Mapping[str, Any]) -> Opinions:
    for claim, required in require.items():
        wanted = rule.when.get(claim)
        if wanted is None:
            continue
        if claims.is_absence(wanted):
            contradicts = not claims.passes(required, {})
        else:
            values = claims.list_exact(wanted)
            contradicts = bool(values) and not any(claims.passes(required, {"claim": value}) for value in values)
        if contradicts:
            message = f"the issuer requires another `{claim}`, so this rule never matches"
            yield Opinion("never-matches", (*path, claim), message)
