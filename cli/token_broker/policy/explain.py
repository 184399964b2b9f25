"""`token-broker policy explain`: the scopes that a request would get, and the reason, rule by rule.

The broker tells a caller nothing about the policy (CVE-2026-105770). Here its author sees everything, offline.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from broker.base import encoding
from broker.base.audit import Notes
from broker.base.errors import BrokerError
from broker.base.net import BoundedHttp
from broker.base.progress import Deadline, Progress
from broker.caller import jwt
from broker.caller.caller import Caller
from broker.caller.jwt import UnverifiedJwt
from broker.caller.keys import KeySets
from broker.caller.verifier import Verifier, explain_refusal
from broker.decision import Grant, decide
from broker.policy.conditions import ABSENT, Claims, Condition, find
from broker.policy.model import ALL, Policy, Rule
from broker.request.proof import Proof, ProofForm
from broker.request.request import make_request

from token_broker.files import BadFile, read
from token_broker.names import unknown
from token_broker.policy import target
from token_broker.policy.cases import make_caller, make_caller_without_jwt, write_scopes
from token_broker.policy.checks import RESERVED
from token_broker.policy.document import PolicyErrors
from token_broker.policy.target import DEFAULT, Stack, Target
from token_broker.scopes import unknown_scopes

_VERIFY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Step:
    """One condition: `wants` is the condition as the compiled policy prints it, `got` the claim's value."""

    claim: str
    holds: bool
    wants: str
    got: str


@dataclass(frozen=True, slots=True)
class RuleReport:
    """One rule: `gives` are its scopes, auds and credential, whether it matches or not."""

    rule: str
    matches: bool
    gives: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The explanation. `outcome`: granted, or the error code that the caller would get."""

    policy: str  # the file, and which stack runs it
    aud: str
    credential: str
    notes: tuple[str, ...]
    outcome: str = ""
    reason: str | None = None
    issuer: str | None = None
    subject: str | None = None
    scopes: str | None = None
    verified: bool | None = None  # None: claims have no signature
    rules: tuple[RuleReport, ...] = ()
    once: bool = False  # the JWT is spent by a grant


class CannotExplain(Exception):
    """The input cannot be explained. The message says what to give instead."""


def register(actions: Any) -> None:
    parser = actions.add_parser("explain", help="what a request would get, and why")
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="the trust policy; default: the running stack's, else policy.yaml",
    )
    caller = parser.add_mutually_exclusive_group(required=True)
    caller.add_argument("--jwt", type=Path, metavar="FILE", help="a caller JWT; - reads it from standard input")
    caller.add_argument("--claims", type=Path, metavar="FILE", help="claims as JSON; - reads standard input")
    parser.add_argument("--issuer", metavar="NAME", help="whose claims they are, by its name in the policy")
    parser.add_argument(
        "--client-assertion", metavar="ORIGIN", help="the JWT is a client assertion for the broker at this origin"
    )
    parser.add_argument("--scope", help="what it asks for, separated by spaces; default: all that the policy gives")
    parser.add_argument("--aud", default="api2", choices=["api2", "mcp"], help="for which part of Transloadit")
    parser.add_argument("--credential", default="default", metavar="NAME", help="whose Auth Key; default: default")
    parser.add_argument("--verify", action="store_true", help="fetch the issuer's keys and verify the signature")
    parser.add_argument("--json", action="store_true", help="for machines")
    target.add_options(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    """0: granted; 1: refused, or the policy is wrong; 2: cannot be explained. Raises BadFile, Unreadable."""
    stack = Stack.of(arguments.stack)
    try:
        file, environment = target.choose_policy(arguments, stack.policy() or DEFAULT)
        found = target.compile_file(file, stack, environment, local=arguments.local)
    except PolicyErrors as errors:
        sys.stderr.write(f"{errors}\n")
        return 1
    try:
        report = _explain(found, arguments)
    except (BadFile, CannotExplain) as error:
        sys.stderr.write(f"token-broker: {error} (by {found})\n")
        return 2
    sys.stdout.write(json.dumps(asdict(report), indent=2) + "\n" if arguments.json else _write_table(report))
    return 0 if report.outcome == "granted" else 1


def _explain(found: Target, arguments: argparse.Namespace) -> Report:
    policy = found.compiled.policy
    asked = {name: text for name in ("scope", "aud", "credential") if (text := getattr(arguments, name))}
    report = Report(str(found), arguments.aud, arguments.credential, tuple(_find_slips(asked, policy)))
    try:
        request = make_request(Proof(ProofForm.HEADER, ""), asked)
        caller, verified = _find_caller(policy, arguments)
    except BrokerError as error:
        return replace(report, outcome=error.code, reason=error.reason)
    report = replace(
        report,
        issuer=caller.entry,
        subject=caller.subject,
        verified=verified,
        rules=tuple(_explain_rule(rule, caller) for rule in policy.find_rules(caller.entry)),
        once=any(entry.once for entry in policy.entries if entry.name == caller.entry),
    )
    decision = decide(policy, caller, request)
    if isinstance(decision, Grant):
        return replace(report, outcome="granted", scopes=write_scopes(decision.scopes))
    return replace(report, outcome=decision.error.code, reason=decision.reason)


def _find_slips(asked: Mapping[str, str], policy: Policy) -> Iterator[str]:
    """A message for each scope that Transloadit does not have, and for a credential that the policy does not have."""
    yield from unknown_scopes(asked.get("scope", ""))
    if asked["credential"] not in policy.credentials:
        yield unknown("credential", asked["credential"], policy.credentials)


def _find_caller(policy: Policy, arguments: argparse.Namespace) -> tuple[Caller, bool | None]:
    """The caller, and whether the signature was verified (None for claims). Raises BrokerError, CannotExplain."""
    if arguments.verify and arguments.jwt is None:
        raise CannotExplain("--verify needs --jwt: claims have no signature")
    if arguments.jwt is None:
        text = read(arguments.claims, "--claims names the claims of a JWT, as JSON")
        try:
            claims = encoding.read_object(text.encode())
        except ValueError as error:
            raise CannotExplain(f"the claims are no JSON object: {error}") from None
        return _make_caller_of_claims(policy, claims, arguments.issuer), None
    compact = read(arguments.jwt, "--jwt names a file with a caller JWT").strip()
    proof = Proof(ProofForm.HEADER, compact)
    if arguments.client_assertion is not None:
        proof = Proof(ProofForm.CLIENT_ASSERTION, compact, audience=arguments.client_assertion.rstrip("/"))
    if arguments.verify:
        http = BoundedHttp(time.time, allow_loopback=policy.is_local)
        verifier = Verifier(policy.issuers, KeySets(http, time.time), time.time)
        return verifier.identify(proof, Progress(Deadline(time.time, _VERIFY_SECONDS), Notes())), True
    try:
        unverified = jwt.parse(compact)
    except ValueError as error:
        raise CannotExplain(f"not a JWT that the broker reads: {error}") from None
    return _make_caller_unverified(policy, unverified, proof), False


def _make_caller_unverified(policy: Policy, unverified: UnverifiedJwt, proof: Proof) -> Caller:
    """The caller, supposing that the signature is good. Everything else is checked as the function does it."""
    issuer = unverified.claims.get("iss")
    entries = policy.issuers.get(issuer, ()) if isinstance(issuer, str) else ()
    if not entries:
        known = ", ".join(policy.issuers) or "none"
        raise CannotExplain(f"the JWT's iss is {issuer!r}, which no issuer of the policy is, byte for byte: {known}")
    now, claims = time.time(), unverified.claims
    answers = [explain_refusal(entry, unverified, proof, now) or make_caller(entry, claims) for entry in entries]
    accepted = [answer for answer in answers if isinstance(answer, Caller)]
    if len(accepted) != 1:
        reasons = [answer if isinstance(answer, str) else "would accept it, too" for answer in answers]
        by_entry = "; ".join(f"{entry.name}: {reason}" for entry, reason in zip(entries, reasons, strict=True))
        raise CannotExplain(f"the JWT would not be accepted: {by_entry}")
    return accepted[0]


def _make_caller_of_claims(policy: Policy, claims: dict[str, Any], name: str | None) -> Caller:
    if name in RESERVED:
        return make_caller_without_jwt(name, claims)
    entries = [
        entry for entry in policy.entries if name in (None, entry.name) and (name or entry.issuer == claims.get("iss"))
    ]
    known = [*(entry.name for entry in policy.entries), *RESERVED]
    if name is not None and name not in known:
        raise CannotExplain(unknown("issuer", name, known))
    if len(entries) != 1:
        names = " or ".join(f"--issuer {each}" for each in known)
        raise CannotExplain(f"say whose claims these are: {names}")
    caller = make_caller(entries[0], claims)
    if isinstance(caller, str):
        raise CannotExplain(f"these claims would not be accepted: {caller}")
    return caller


def _explain_rule(rule: Rule, caller: Caller) -> RuleReport:
    steps = tuple(_explain_condition(condition, caller.claims) for condition in rule.when)
    scopes = "*" if rule.scopes is ALL else " ".join(rule.scopes)
    gives = f"{scopes} (aud {' '.join(rule.aud)}, credential {rule.credential})"
    return RuleReport(rule.name, all(step.holds for step in steps), gives, steps)


def _explain_condition(condition: Condition, claims: Claims) -> Step:
    value = find(claims, condition.path)
    got = "absent" if value is ABSENT else json.dumps(value, ensure_ascii=False)
    return Step(condition.claim, condition.holds(claims), str(condition), got)


def _write_table(report: Report) -> str:
    lines = [_write_headline(report)]
    if report.issuer is not None and report.rules == () and report.subject is not None:
        lines.append(f"  no rule trusts the issuer `{report.issuer}`")
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


def _write_headline(report: Report) -> str:
    # A JWT's subject may hold line feeds or terminal codes, and write a line that looks like ours. So as JSON then.
    subject = report.subject or ""
    to = f" to {subject if subject.isprintable() and subject.isascii() else json.dumps(subject)}" if subject else ""
    if report.outcome == "granted":
        return f"GRANTED {report.scopes} (aud {report.aud}, credential {report.credential}){to}"
    return f"REFUSED{to}: {report.outcome}, {report.reason}"
