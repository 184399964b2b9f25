"""`token-broker policy explain`: what a request would get, scopes, a signature or an Assembly, and the reason, rule by
rule.

The broker tells a caller nothing about the policy (CVE-2026-105770). Here its author sees everything, offline.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from broker.base import encoding
from broker.base.audit import Notes
from broker.base.errors import BrokerError, InvalidRequest
from broker.base.net import BoundedHttp
from broker.base.progress import Deadline, Progress
from broker.caller import jwt
from broker.caller.caller import INVOKE, Caller
from broker.caller.invoke import InvokeProof
from broker.caller.jwt import UnverifiedJwt
from broker.caller.keys import KeySets
from broker.caller.verifier import Verifier, explain_refusal
from broker.decision import Grant, Refusal, decide
from broker.policy.model import DEFAULT_AUD, DEFAULT_CREDENTIAL, Policy
from broker.request.assembly import read_assembly
from broker.request.proof import Proof, ProofForm
from broker.request.request import make_request
from broker.request.signature import read_wish
from broker.signing.decision import Signing
from msgspec import to_builtins

from token_broker.files import BadFile, read
from token_broker.names import unknown
from token_broker.policy import target
from token_broker.policy.assemble.trial import try_out as try_out_assembly
from token_broker.policy.cases import make_caller, make_caller_without_jwt, write_scopes
from token_broker.policy.checks import RESERVED
from token_broker.policy.document import PolicyErrors
from token_broker.policy.report import Kind, Report, explain_rules, write_table
from token_broker.policy.sign.trial import try_out
from token_broker.policy.target import DEFAULT, Stack, Target
from token_broker.scopes import unknown_scopes

_VERIFY_SECONDS = 10.0


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
    parser.add_argument("--aud", choices=["api2", "mcp"], help="for which part of Transloadit; default: api2")
    parser.add_argument("--credential", metavar="NAME", help="whose Auth Key; default: default")
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument(
        "--sign",
        metavar="JSON",
        help='it asks for a signature, by this body: {"kind": "assembly", "template": "avatar"}',
    )
    asked.add_argument(
        "--assemble",
        metavar="JSON",
        help='it asks for an Assembly, by this body: {"template": "encode", "key": "…"}; the claims are of `invoke`',
    )
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
    sys.stdout.write(json.dumps(asdict(report), indent=2) + "\n" if arguments.json else write_table(report))
    return 0 if report.outcome == "granted" else 1


def _explain(found: Target, arguments: argparse.Namespace) -> Report:
    if arguments.sign is not None:
        return _explain_signature(found, arguments)
    if arguments.assemble is not None:
        return _explain_assembly(found, arguments)
    policy = found.compiled.policy
    asked = {name: text for name in ("scope", "aud", "credential") if (text := getattr(arguments, name))}
    aud, credential = asked.get("aud", DEFAULT_AUD), asked.get("credential", DEFAULT_CREDENTIAL)
    report = Report(str(found), aud, credential, tuple(_find_slips(asked.get("scope", ""), credential, policy)))
    try:
        request = make_request(Proof(ProofForm.HEADER, ""), asked)
        caller, verified = _find_caller(policy, arguments)
    except BrokerError as error:
        return replace(report, outcome=error.code, reason=error.reason)
    report = _describe(report, policy, caller, verified, "scopes")
    decision = decide(policy, caller, request)
    if isinstance(decision, Grant):
        return replace(report, outcome="granted", scopes=write_scopes(decision.scopes))
    return replace(report, outcome=decision.error.code, reason=decision.reason)


def _explain_signature(found: Target, arguments: argparse.Namespace) -> Report:
    policy, members = found.compiled.policy, _read_body(arguments, "sign")
    report = Report(str(found), None, None, ())
    try:
        wish = read_wish(members)
        caller, verified = _find_caller(policy, arguments)
    except BrokerError as error:
        return replace(report, outcome=error.code, reason=f"{error.reason}: {error.description}")
    report = replace(report, credential=wish.credential)
    report = _describe(report, policy, caller, verified, "sign")
    decision = try_out(policy, caller, wish)
    if isinstance(decision, Signing):
        return replace(report, outcome="granted", signed=to_builtins(decision))
    return _refuse(report, decision)


def _explain_assembly(found: Target, arguments: argparse.Namespace) -> Report:
    policy, members = found.compiled.policy, _read_body(arguments, "assemble")
    report = Report(str(found), None, None, ())
    try:
        request = read_assembly(members, InvokeProof(""))
        caller, verified = _find_caller(policy, arguments)
    except BrokerError as error:
        return replace(report, outcome=error.code, reason=f"{error.reason}: {error.description}")
    report = _describe(report, policy, caller, verified, "assemble")
    decision = try_out_assembly(policy, caller, request)
    if isinstance(decision, Refusal):
        return _refuse(report, decision)
    return replace(report, outcome="granted", credential=decision["credential"], assembly=decision)


def _refuse(report: Report, refusal: Refusal) -> Report:
    """The report of a refusal, with the answer's own words where the request is wrong: they say what a rule allows."""
    words = f": {refusal.description}" if refusal.error is InvalidRequest and refusal.description else ""
    return replace(report, outcome=refusal.error.code, reason=refusal.reason + words)


def _read_body(arguments: argparse.Namespace, option: Kind) -> dict[str, Any]:
    """The body in --sign or --assemble. Raises CannotExplain."""
    if arguments.scope or arguments.aud or arguments.credential:
        names = "names a credential in its JSON" if option == "sign" else "the policy names its credential"
        raise CannotExplain(f"--{option} has no scope and no aud, and {names}")
    try:
        return encoding.read_object(getattr(arguments, option).encode())
    except ValueError as error:
        raise CannotExplain(f"--{option} is no JSON object: {error}") from None


def _describe(report: Report, policy: Policy, caller: Caller, verified: bool | None, kind: Kind) -> Report:
    """The report with what is known of the caller, and the rules of its issuer that give this kind of thing."""
    entry, notes = caller.entry, report.notes
    if kind == "scopes" and policy.find_sign_rules(entry):
        notes = (*notes, f"a rule of `{entry}` that signs as well; --sign explains what it gives")
    if kind == "scopes" and policy.find_assemble_rules(entry):
        notes = (*notes, f"a rule of `{entry}` that assembles as well; --assemble explains what it makes")
    return replace(
        report,
        notes=notes,
        issuer=caller.entry,
        subject=caller.subject,
        verified=verified,
        rules=explain_rules(policy, caller, kind),
        once=any(entry.once for entry in policy.entries if entry.name == caller.entry),
    )


def _find_slips(scope: str, credential: str, policy: Policy) -> Iterator[str]:
    """A message for each scope that Transloadit does not have, and for a credential that the policy does not have."""
    yield from unknown_scopes(scope)
    if credential not in policy.credentials:
        yield unknown("credential", credential, policy.credentials)


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
        # Nobody else has Assemblies made.
        name = arguments.issuer or (INVOKE if arguments.assemble is not None else None)
        return _make_caller_of_claims(policy, claims, name), None
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
