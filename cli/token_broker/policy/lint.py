"""The linter's opinions: what a policy may say, and its author most likely does not mean.

Each has a code, which `silence: {code: reason}` beside the thing silences. The grave ones are errors until then.
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from broker.conditions import Condition

from token_broker.policy import conditions
from token_broker.policy.document import Path
from token_broker.policy.model import Issuer, Matcher, Rule, Tests, TrustPolicy
from token_broker.policy.presets import PRESETS, Preset

# Code: whether it is grave, and what it is about, for the page.
CODES: dict[str, tuple[bool, str]] = {
    "shared-issuer": (True, "an issuer that signs for everybody is not pinned to a tenant by an exact value"),
    "github-names": (True, "a GitHub rule matches names, which others can take over, and no immutable id"),
    "github-ungated": (True, "a GitHub rule says neither which ref nor which environment, so any branch may"),
    "caller-chosen": (True, "a rule asks only for what the caller itself chooses"),
    "never-matches": (True, "a rule contradicts what its issuer requires"),
    "all-scopes": (False, "a rule gives all that the Auth Key has"),
    "broad-scope": (False, "a rule gives `read`, `write` or the right to make Auth Keys"),
    "shows-secrets": (False, "`template_credentials:read` shows other services' secrets"),
    "end-user-read": (False, "end users get a `*:read` scope, which reads everyone's things in the workspace"),
    "end-user-once": (False, "end users show one JWT many times, and `once` takes it only the first time"),
    "open-wildcard": (False, "a pattern ends within a name, so it matches longer names too"),
    "replayable": (False, "the JWT names no audience of yours, so every API it is shown to can use it here"),
    "duplicate-rule": (False, "a rule says what another says"),
    "shadowed-rule": (False, "a rule adds nothing to another that is more general"),
    "unused-credential": (False, "no rule gives this credential"),
    "unused-issuer": (False, "no rule trusts this issuer"),
    "unused-silence": (False, "a silence for something that is not said"),
}
# Presets that an issuer's own shape tells; those of auth0, clerk and gitlab fit any URL.
_TELLING = [preset for name, preset in PRESETS.items() if name not in ("auth0", "clerk", "gitlab")]


@dataclass(frozen=True, slots=True)
class Opinion:
    code: str
    path: Path
    message: str

    @property
    def is_grave(self) -> bool:
        return CODES[self.code][0]


Opinions = Iterator[Opinion]


def opinions(policy: TrustPolicy) -> list[Opinion]:
    """What is worth saying and not silenced."""
    said = [*_issuers(policy), *_rules(policy), *_credentials(policy), *_repeated(policy)]
    silences = dict(_silences(policy))
    kept = [each for each in said if each.code not in silences.get(each.path[:2], {})]
    used = {(each.path[:2], each.code) for each in said}
    for path, codes in silences.items():
        for code in codes:
            if (path, code) not in used:
                kept.append(
                    Opinion("unused-silence", (*path, "silence", code), f"nothing says `{code}` here; take it out")
                )
    return kept


def _silences(policy: TrustPolicy) -> Iterator[tuple[Path, Mapping[str, str]]]:
    for name, issuer in policy.issuers.items():
        yield ("issuers", name), issuer.silence
    for name, credential in policy.credentials.items():
        yield ("credentials", name), credential.silence
    for place, rule in enumerate(policy.rules):
        yield ("rules", place), rule.silence


def _issuers(policy: TrustPolicy) -> Opinions:
    trusted = {rule.issuer for rule in policy.rules}
    for name, issuer in policy.issuers.items():
        path: Path = ("issuers", name)
        yield from _patterns((*path, "require"), issuer.require or {})
        if name not in trusted:
            yield Opinion("unused-issuer", path, f"no rule trusts `{name}`; write one, or take it out")
        preset = _preset(issuer)
        if issuer.once and preset is not None and preset.end_users:
            message = (
                "a page shows its user's JWT until it expires; with `once` each token needs a new sign-in or refresh"
            )
            yield Opinion("end-user-once", (*path, "once"), message)
        if issuer.audience_claim != "aud":
            yield Opinion(
                "replayable",
                (*path, "audiences"),
                f"a JWT told by `{issuer.audience_claim}` can be used here by every API that its holder shows it to",
            )


def _credentials(policy: TrustPolicy) -> Opinions:
    given = {rule.credential for rule in policy.rules}
    for name in policy.credentials:
        if name not in given:
            yield Opinion("unused-credential", ("credentials", name), f"no rule gives `{name}`; take it out")


def _rules(policy: TrustPolicy) -> Opinions:
    for place, rule in enumerate(policy.rules):
        path: Path = ("rules", place)
        yield from _scopes((*path, "scopes"), rule)
        yield from _patterns((*path, "when"), rule.when)
        issuer = policy.issuers.get(rule.issuer)
        if issuer is None:
            continue
        yield from _caller_chosen((*path, "when"), rule, issuer)
        yield from _tenancy(path, rule, issuer)
        yield from _contradictions((*path, "when"), rule, issuer)
        preset = _preset(issuer)
        reads = [scope for scope in rule.scopes if scope == "read" or scope.endswith(":read")]
        if preset is not None and preset.end_users and (reads or rule.scopes == "*"):
            told = "every scope" if rule.scopes == "*" else reads[0]
            yield Opinion("end-user-read", (*path, "scopes"), f"{told} reads what everyone in the workspace has")


def _preset(issuer: Issuer) -> Preset | None:
    """The preset of an issuer, also where the policy does not name it."""
    if issuer.preset is not None:
        return PRESETS.get(issuer.preset)
    if issuer.issuer == PRESETS["gitlab"].example:
        return PRESETS["gitlab"]
    return next((preset for preset in _TELLING if re.fullmatch(preset.shape, issuer.issuer, re.ASCII)), None)


def _scopes(path: Path, rule: Rule) -> Opinions:
    if rule.scopes == "*":
        yield Opinion(
            "all-scopes", path, "gives all that the Auth Key has, also what it is given later; name the scopes"
        )
        return
    for scope in rule.scopes:
        if scope in ("read", "write") or scope.startswith("auth_keys:"):
            yield Opinion("broad-scope", path, f"{scope} gives more than most callers need; name narrower scopes")
        if scope == "template_credentials:read":
            yield Opinion("shows-secrets", path, f"{scope} shows the secrets of other services")


def _caller_chosen(path: Path, rule: Rule, issuer: Issuer) -> Opinions:
    """Tags of an STS request are chosen by who asks for the JWT; those of its principal are not."""
    tags = "/https:~1~1sts.amazonaws.com~1/request_tags"
    if _preset(issuer) is PRESETS["aws-sts"] and rule.when and all(claim.startswith(tags) for claim in rule.when):
        yield Opinion("caller-chosen", path, "the caller itself chooses request_tags; add a condition on sub")


def _tenancy(path: Path, rule: Rule, issuer: Issuer) -> Opinions:
    """Whether a rule of a shared issuer can only match callers of one tenant."""
    preset = _preset(issuer)
    if preset is None or not preset.tenants or issuer.issuer not in _SHARED:
        return
    both = (issuer.require or {}, rule.when)
    if issuer.issuer == PRESETS["github-actions"].issuer:
        yield from _github(path, both)
    elif not any(_is_pinned(claim, conditions) for claim in preset.tenants for conditions in both):
        yield Opinion(
            "shared-issuer",
            (*path, "when"),
            f"{issuer.issuer} signs for everybody; pin {' or '.join(preset.tenants)} to an exact value",
        )


def _is_pinned(claim: str, conditions: Mapping[str, Any]) -> bool:
    # An address is whoever's it is only once it was verified.
    is_verified = claim != "email" or conditions.get("email_verified") is True
    return _is_exact(conditions.get(claim)) and is_verified


_SHARED = {"https://accounts.google.com", "https://gitlab.com", "https://token.actions.githubusercontent.com"}


def _github(path: Path, both: tuple[Mapping[str, Any], Mapping[str, Any]]) -> Opinions:
    subjects = [text for conditions in both for text in _texts(conditions.get("sub"))]
    ids = ("repository_id", "repository_owner_id")
    has_id = any(_is_exact(conditions.get(claim)) for claim in ids for conditions in both)
    if not has_id and not _all_like(r"repo:[^/*]+@[0-9]+/", subjects):
        message = "add repository_id or repository_owner_id: a name can be given up and taken by others"
        yield Opinion("github-names", (*path, "when"), message)
    gates = ("ref", "environment", "job_workflow_ref", "workflow_ref")
    has_gate = any(_is_gate(conditions.get(claim)) for claim in gates for conditions in both)
    if not has_gate and not _all_like(r":(ref|environment):[^*]", subjects):
        message = "add ref or environment: as it is, every branch and every workflow of the repository may"
        yield Opinion("github-ungated", (*path, "when"), message)


def _all_like(pattern: str, texts: list[str]) -> bool:
    return bool(texts) and all(re.search(pattern, text) for text in texts)


def _is_gate(condition: Any) -> bool:
    """Whether a condition lets some values pass and not almost all."""
    if isinstance(condition, Tests):
        return condition.like is not None and not condition.like.startswith("*")
    return condition is not None


def _is_exact(condition: Any) -> bool:
    return condition is not None and not isinstance(condition, Tests)


def _texts(condition: Any) -> list[str]:
    """The texts that a condition compares with."""
    if isinstance(condition, list):
        return [str(value) for value in condition]
    if isinstance(condition, Tests):
        return [condition.like] if condition.like else []
    return [] if condition is None else [str(condition)]


def _patterns(path: Path, conditions: Mapping[str, Any]) -> Opinions:
    for claim, condition in conditions.items():
        pattern = condition.like if isinstance(condition, Matcher) else None
        if pattern and re.search(r"[^*/:]\*{1,2}$", pattern):
            message = f"`{pattern}` also matches every longer name; end it, or put a / or : before the *"
            yield Opinion("open-wildcard", (*path, claim), message)


def _contradictions(path: Path, rule: Rule, issuer: Issuer) -> Opinions:
    for claim, required in (issuer.require or {}).items():
        wanted = rule.when.get(claim)
        absent = isinstance(wanted, Matcher) and wanted.exists is False
        values = wanted if isinstance(wanted, list) else [wanted]
        if absent or (_is_exact(wanted) and not any(_passes(required, value) for value in values)):
            message = f"the issuer requires another `{claim}`, so this rule never matches"
            yield Opinion("never-matches", (*path, claim), message)


def _passes(required: Any, value: Any) -> bool:
    """Whether a claim of this value fulfils a condition, by the function's own matchers."""
    (condition,) = map(Condition.load, conditions.compiled({"claim": required}))
    return condition.holds({"claim": value})


@dataclass(frozen=True, slots=True)
class _Reach:
    """Whom a rule reaches with what, in a form that compares fast: a policy may have many rules."""

    rule: Rule
    place: int
    conditions: frozenset[tuple[str, str]]
    scopes: frozenset[str] | None  # None: all
    aud: frozenset[str]

    @classmethod
    def of(cls, rule: Rule, place: int) -> "_Reach":
        conditions = frozenset((claim, repr(condition)) for claim, condition in rule.when.items())
        scopes = None if rule.scopes == "*" else frozenset(rule.scopes)
        return cls(rule, place, conditions, scopes, frozenset(rule.aud))

    def covers(self, other: "_Reach") -> bool:
        """Whether whoever gets something by the other gets it by this one, too."""
        return (
            self.conditions <= other.conditions
            and (self.scopes is None or (other.scopes is not None and other.scopes <= self.scopes))
            and other.aud <= self.aud
        )


def _repeated(policy: TrustPolicy) -> Opinions:
    # Only rules of one issuer and credential can say the same.
    groups: dict[tuple[str, str], list[_Reach]] = {}
    for place, rule in enumerate(policy.rules):
        groups.setdefault((rule.issuer, rule.credential), []).append(_Reach.of(rule, place))
    for reaches in groups.values():
        for one, other in itertools.permutations(reaches, 2):
            if other.covers(one):
                yield from _repeat(one, other)


def _repeat(one: _Reach, other: _Reach) -> Opinions:
    path: Path = ("rules", one.place)
    if one.covers(other):
        if one.place > other.place and one.rule.share == other.rule.share:
            yield Opinion("duplicate-rule", path, f"says what `{other.rule.name}` says; keep one")
    elif one.rule.share == "grant":
        yield Opinion("shadowed-rule", path, f"adds nothing to `{other.rule.name}`; take one out")
