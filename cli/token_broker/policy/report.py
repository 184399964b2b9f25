"""What `explain` reports, and the table that shows it."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from broker.caller.caller import Caller
from broker.policy.assembling import AssembleRule
from broker.policy.conditions import ABSENT, Condition, find
from broker.policy.model import ALL, Policy, Rule
from broker.policy.signing import SignRule

Kind = Literal["scopes", "sign", "assemble"]  # what a request asks for, by the key of its rules


AnyRule = Rule | SignRule | AssembleRule


@dataclass(frozen=True, slots=True)
class Step:
    """One condition: `wants` is the condition as the compiled policy prints it, `got` the claim's value."""

    claim: str
    holds: bool
    wants: str
    got: str


@dataclass(frozen=True, slots=True)
class RuleReport:
    """One rule: `gives` is what it gives and by which credential, whether it matches or not."""

    rule: str
    matches: bool
    gives: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The explanation. `outcome`: granted, or the error code that the caller would get.

    `signed` is what would be signed, and `assembly` what would be made. Such requests have no `aud` and no `scopes`,
    and a `credential` where they name one.
    """

    policy: str  # the file, and which stack runs it
    aud: str | None
    credential: str | None
    notes: tuple[str, ...]
    outcome: str = ""
    reason: str | None = None
    issuer: str | None = None
    subject: str | None = None
    scopes: str | None = None
    signed: dict[str, Any] | None = None
    assembly: dict[str, Any] | None = None
    verified: bool | None = None  # None: claims have no signature
    rules: tuple[RuleReport, ...] = ()
    once: bool = False  # the JWT is spent by a grant


def explain_rules(policy: Policy, caller: Caller, kind: Kind) -> tuple[RuleReport, ...]:
    """The rules of the caller's issuer that give this kind of thing."""
    rules: dict[Kind, Callable[[str], Sequence[AnyRule]]] = {
        "scopes": policy.find_rules,
        "sign": policy.find_sign_rules,
        "assemble": policy.find_assemble_rules,
    }
    return tuple(_explain_rule(rule, caller) for rule in rules[kind](caller.entry))


def write_table(report: Report) -> str:
    lines = [_write_headline(report), *_write_order(report)]
    if report.issuer is not None and report.rules == () and report.subject is not None:
        lines.append(f"  no rule of this kind trusts the issuer `{report.issuer}`")
    for rule in report.rules:
        lines.append(f"  {'yes' if rule.matches else 'no ':<4}{rule.rule}: {rule.gives}")
        width = max(len(step.claim) for step in rule.steps)
        for step in rule.steps:
            state = "holds " if step.holds else "FAILED"
            lines.append(f"        {state}  {step.claim:<{width}}  wants {step.wants}; got {step.got}")
    lines += [f"  There is {note}." for note in report.notes]
    if report.once:
        lines.append("  A JWT of this issuer is good once: a grant spends its jti (`once`).")
    if report.verified is False:
        lines.append("  The signature was not verified; --verify fetches the issuer's keys and does.")
    return "\n".join([*lines, f"  By {report.policy}."]) + "\n"


def _explain_rule(rule: AnyRule, caller: Caller) -> RuleReport:
    steps = tuple(_explain_condition(condition, caller) for condition in rule.when)
    gives = _write_scopes(rule) if isinstance(rule, Rule) else _write_names(rule)
    return RuleReport(rule.name, all(step.holds for step in steps), gives, steps)


def _write_scopes(rule: Rule) -> str:
    scopes = "*" if rule.scopes is ALL else " ".join(rule.scopes)
    return f"{scopes} (aud {' '.join(rule.aud)}, credential {rule.credential})"


def _write_names(rule: SignRule | AssembleRule) -> str:
    kinds: dict[str, Iterable[str]]
    if isinstance(rule, AssembleRule):
        kinds = {"assemble": rule.assemble}
    else:
        kinds = {"assembly": rule.assembly, "smart_cdn": rule.smart_cdn, "storage": rule.storage}
    names = ", ".join(f"{kind} {name}" for kind, forms in kinds.items() for name in forms)
    return f"{names} (credential {rule.credential})"


def _explain_condition(condition: Condition, caller: Caller) -> Step:
    value = find(caller.claims, condition.path)
    got = "absent" if value is ABSENT else json.dumps(value, ensure_ascii=False)
    return Step(condition.claim, condition.holds(caller.claims), str(condition), got)


def _write_headline(report: Report) -> str:
    # A JWT's subject may hold line feeds or terminal codes, and write a line that looks like ours. So as JSON then.
    subject = report.subject or ""
    named = subject if subject.isprintable() and subject.isascii() else json.dumps(subject)
    to = f" to {named}" if subject else ""
    if report.outcome != "granted":
        return f"REFUSED{to}: {report.outcome}, {report.reason}"
    if (made := report.assembly) is not None:
        return f"ASSEMBLED {made['name']} (credential {made['credential']}, rule {made['rule']}) for {named}"
    if (signed := report.signed) is not None:
        by = f"credential {signed['credential']}, rule {signed['rule']}"
        return f"SIGNED {signed['kind']} {signed['name']} ({by}){to}"
    return f"GRANTED {report.scopes} (aud {report.aud}, credential {report.credential}){to}"


def _write_order(report: Report) -> Iterator[str]:
    """A line for each part of what would be signed or made."""
    order = (report.signed or report.assembly or {"order": {}})["order"]
    width = max(map(len, order), default=0)
    for name, value in order.items():
        yield f"        {name:<{width}}  {json.dumps(value)}"
