"""`token-broker policy diff`: which rules and which test callers gain or lose what between two policies."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from broker.caller.caller import IAM, INVOKE
from broker.policy.assembling import AssembleRule
from broker.policy.conditions import Condition
from broker.policy.model import ALL, Policy, Rule
from broker.policy.signing import SignRule

from token_broker.policy import document, target
from token_broker.policy.annotations import annotate, escape, report_quality
from token_broker.policy.cases import make_caller, make_caller_without_jwt
from token_broker.policy.document import Document, PolicyErrors, Problem
from token_broker.policy.model import Case
from token_broker.policy.target import Stack, Target

# What a rule gives: where it is good and its name, and for a signature or an Assembly the form that it must have.
Rights = Mapping[tuple[str, str], object]
AnyRule = Rule | SignRule | AssembleRule


@dataclass(frozen=True, slots=True)
class Change:
    """One line: `message` says what is so in the new policy. `path` is its place there; `of_key`, of a key itself.

    `widens`: somebody may get more than before, so that a reviewer looks at it first.
    """

    path: document.Path
    message: str
    widens: bool
    of_key: bool = False


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two policies, and the callers of its tests by name."""

    policy: Policy
    source: Document
    cases: Mapping[str, Case]

    @classmethod
    def of(cls, found: Target) -> "Side":
        read = document.read(found.text, found.file)
        cases = [Case.model_validate(each) for each in read.value.get("tests") or []]
        return cls(found.compiled.policy, read, {case.name: case for case in cases})

    def rules(self) -> dict[str, AnyRule]:
        entries = {*self.policy.rules, *self.policy.signing, *self.policy.assembling}
        found = [rule for entry in entries for rule in self.rules_of(entry)]
        return {rule.name: rule for rule in found}

    def rules_of(self, entry: str) -> list[AnyRule]:
        policy = self.policy
        return [*policy.find_rules(entry), *policy.find_sign_rules(entry), *policy.find_assemble_rules(entry)]

    def place(self, part: str, name: str) -> document.Path:
        """The path of the item of a list by its name, or that of the list."""
        items = self.source.value.get(part) or []
        return next(((part, place) for place, item in enumerate(items) if item["name"] == name), (part,))


def register(actions: Any) -> None:
    parser = actions.add_parser(
        "diff",
        help="which rules and test callers gain or lose what between two policies",
        epilog="Exit status: 0 if they were compared, whatever has changed; 1 if one of them is wrong; 2 if one cannot "
        "be read.",
    )
    parser.add_argument("old", type=Path, metavar="OLD", help="the trust policy as it was")
    parser.add_argument("file", type=Path, metavar="NEW", help="the trust policy as it will be")
    parser.add_argument("--format", choices=["text", "github", "gitlab"], default="text", help="for CI: annotations")
    target.add_options(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    """0: compared, whether anything changed or not; 1: one of them is wrong. Raises BadFile, Unreadable."""
    stack = Stack.of(arguments.stack)
    path, environment = target.choose_policy(arguments)
    try:
        old = target.compile_file(arguments.old, stack, None, local=arguments.local)
        new = target.compile_file(path, stack, environment, local=arguments.local)
    except PolicyErrors as errors:
        sys.stderr.write(f"{errors}\n")
        return 1
    after = Side.of(new)
    changes = [
        (change.widens, Problem(*after.source.find_place(change.path, of_key=change.of_key), change.message))
        for change in find_changes(Side.of(old), after)
    ]
    sys.stdout.write(_write(changes, str(path), arguments.format))
    return 0


def _write(changes: list[tuple[bool, Problem]], file: str, form: str) -> str:
    """The changes in one of the forms of `--format`, each with whether it may widen a right."""
    levelled = [("warning" if widens else "notice", problem) for widens, problem in changes]
    if form == "gitlab":
        return report_quality(file, levelled)
    if not changes:
        return f"{file}: nobody gains or loses anything\n"
    if form == "github":
        return "".join(annotate(level, file, problem) for level, problem in levelled)
    return "".join(f"{'+' if widens else '-'} {escape(str(problem))}\n" for widens, problem in changes)


def find_changes(old: Side, new: Side) -> Iterator[Change]:
    """What changes: first for the callers of the tests of both, then rule by rule, then issuer by issuer."""
    for name, case in {**old.cases, **new.cases}.items():
        was, now = _list_rights_of(case, old), _list_rights_of(case, new)
        yield from _compare_rights(f"test caller `{name}`", new.place("tests", name), was, now)
    before, after = old.rules(), new.rules()
    for name in {**before, **after}:
        yield from _compare_rules(name, new.place("rules", name), before.get(name), after.get(name))
    yield from _compare_issuers(old.policy, new.policy)


def _list_rights_of(case: Case, side: Side) -> Rights:
    """All that the caller of a test may ask for: what those rules give whose conditions its claims fulfil."""
    if case.issuer in (IAM, INVOKE):
        caller = make_caller_without_jwt(case.issuer, case.claims)
    else:
        entry = next((entry for entry in side.policy.entries if entry.name == case.issuer), None)
        made = make_caller(entry, case.claims) if entry else "no such issuer"
        if isinstance(made, str):
            return {}
        caller = made
    matching = [rule for rule in side.rules_of(case.issuer) if not rule.find_failed(caller.claims)]
    return {right: form for rule in matching for right, form in _list_rights(rule).items()}


def _list_rights(rule: AnyRule) -> Rights:
    if isinstance(rule, Rule):
        scopes = ["every scope"] if rule.scopes is ALL else rule.scopes
        return {(f"aud {aud}, credential {rule.credential}", scope): None for aud in rule.aud for scope in scopes}
    where = f"credential {rule.credential}"
    if isinstance(rule, AssembleRule):
        # An Assembly in another Workspace is another one, too.
        return {(where, f"assemble `{name}`"): (rule.workspace, form) for name, form in rule.assemble.items()}
    kinds = ("assembly", "smart_cdn", "storage")
    forms: dict[str, Mapping[str, object]] = {kind: getattr(rule, kind) for kind in kinds}
    return {(where, f"{kind} `{name}`"): form for kind, named in forms.items() for name, form in named.items()}


def _compare_rights(about: str, path: document.Path, old: Rights, new: Rights) -> Iterator[Change]:
    groups = {
        ("gains", True): [right for right in new if right not in old],
        ("loses", False): [right for right in old if right not in new],
        ("has another form of", True): [right for right in new if right in old and new[right] != old[right]],
    }
    for (verb, widens), rights in groups.items():
        for where in dict.fromkeys(where for where, _ in rights):
            named = ", ".join(sorted(name for place, name in rights if place == where))
            yield Change(path, f"{about} {verb} {named} ({where})", widens)


def _compare_rules(name: str, path: document.Path, old: AnyRule | None, new: AnyRule | None) -> Iterator[Change]:
    about = f"rule `{name}`"
    if new is None or old is None:
        yield Change(path, f"{about} is {'gone' if new is None else 'new'}", widens=new is not None)
    yield from _compare_rights(about, path, _list_rights(old) if old else {}, _list_rights(new) if new else {})
    if old is None or new is None:
        return
    if old.issuer != new.issuer:
        yield Change(
            path, f"{about} is for callers of `{new.issuer}`, and was for those of `{old.issuer}`", widens=True
        )
    was, now = _write_conditions(old.when), _write_conditions(new.when)
    if was != now:
        message = f"{about} applies where {' and '.join(now)}; it did where {' and '.join(was)}"
        # With all of the old conditions and more it fits fewer callers.
        yield Change(path, message, widens=not set(was) <= set(now))
    if isinstance(old, Rule) and isinstance(new, Rule) and old.share != new.share:
        yield Change(path, f"{about} has `share: {new.share}`, and had `share: {old.share}`", widens=False)


def _write_conditions(conditions: tuple[Condition, ...]) -> list[str]:
    return sorted(f"{condition.claim} is {condition}" for condition in conditions)


def _compare_issuers(old: Policy, new: Policy) -> Iterator[Change]:
    before, after = ({entry.name: entry for entry in policy.entries} for policy in (old, new))
    for name in {**before, **after}:
        path, was, now = ("issuers", name), before.get(name), after.get(name)
        if was is None or now is None:
            state = "gone" if now is None else "new"
            yield Change(path, f"issuer `{name}` is {state}", widens=now is not None, of_key=True)
        elif was != now:
            members = [member for member in was.__struct_fields__ if getattr(was, member) != getattr(now, member)]
            yield Change(path, f"issuer `{name}` has other {', '.join(members)}", widens=True, of_key=True)
