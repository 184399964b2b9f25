"""Runs the tests that a policy contains, by the function's own decisions."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from broker.caller.caller import IAM, INVOKE, Caller
from broker.decision import Grant, decide
from broker.policy.assembling import AssembleRule
from broker.policy.model import ALL, All, Issuer, Policy
from broker.policy.signing import SignRule
from broker.request.proof import Proof, ProofForm
from broker.request.request import TokenRequest

from token_broker.policy.assemble.trial import list_assemblies
from token_broker.policy.document import Path
from token_broker.policy.model import Case, Expected, ExpectedAssemblies, ExpectedSignatures
from token_broker.policy.sign.trial import list_signatures

_REFUSED = "refused"


def run_all(cases: Iterable[Case], policy: Policy) -> Iterator[tuple[Path, str]]:
    """A message for each test that fails, and the path of its expectation."""
    for place, case in enumerate(cases):
        wanted, got = _write_wanted(case), _find_got(case, policy)
        if got != wanted and not (wanted == _REFUSED and got.startswith(f"{_REFUSED}: ")):
            yield ("tests", place, "expect"), f"the test `{case.name}` failed: expected {wanted}, got {got}"


def make_caller_without_jwt(issuer: str, claims: Mapping[str, Any]) -> Caller:
    """The caller of a reserved issuer with these claims."""
    return Caller(issuer, issuer, str(claims.get("sub", "")), {"cognito": False, **claims})


def make_caller(entry: Issuer, claims: Mapping[str, Any]) -> Caller | str:
    """The caller whose verified JWT has these claims, or the reason for refusing the JWT."""
    missing = [condition.claim for condition in entry.require if not condition.holds(claims)]
    if missing:
        return f"the issuer requires {', '.join(missing)}"
    subject = claims.get(entry.subject_claim)
    if not isinstance(subject, str) or not subject:
        return f"no {entry.subject_claim}"
    return Caller(entry.name, entry.issuer, subject, claims)


def _write_wanted(case: Case) -> str:
    match case.expect:
        case Expected():
            return write_scopes(case.expect.scopes)
        case ExpectedSignatures():
            kinds = case.expect.sign.model_dump()
            return _write_names(f"{kind} {name}" for kind, names in kinds.items() for name in names)
        case ExpectedAssemblies():
            return _write_names(f"assemble {name}" for name in case.expect.assemble)
        case _:
            return _REFUSED


def _find_got(case: Case, policy: Policy) -> str:
    """What the test's caller gets, of the kind that the test expects, or `refused:` and the reason."""
    if case.issuer in (IAM, INVOKE):
        caller: Caller | str = make_caller_without_jwt(case.issuer, case.claims)
    else:
        caller = make_caller(next(entry for entry in policy.entries if entry.name == case.issuer), case.claims)
    if isinstance(caller, str):
        return f"{_REFUSED}: {caller}"
    if isinstance(case.expect, Expected):
        return _find_scopes(policy, caller, [(case.expect.credential, case.expect.aud)])
    signatures = _write_names(list_signatures(policy, caller))
    if isinstance(case.expect, ExpectedSignatures):
        failed = _write_failed(policy.find_sign_rules(caller.entry), caller)
        return signatures or f"{_REFUSED}: {failed or 'no rule signs'}"
    assemblies = _write_names(f"assemble {name}" for name in list_assemblies(policy, caller))
    if isinstance(case.expect, ExpectedAssemblies):
        failed = _write_failed(policy.find_assemble_rules(caller.entry), caller)
        return assemblies or f"{_REFUSED}: {failed or 'no rule assembles'}"
    # A caller who is refused here could still get a token with another credential or aud. So a test that expects a
    # refusal tries every pair that a rule names, every signature and every Assembly.
    rules = [rule for entry in policy.rules for rule in policy.find_rules(entry)]
    targets = sorted({(rule.credential, aud) for rule in rules for aud in rule.aud})
    return signatures or assemblies or _find_scopes(policy, caller, targets)


def _find_scopes(policy: Policy, caller: Caller, targets: Iterable[tuple[str, str]]) -> str:
    """The scopes that the caller gets for one of these credentials and auds, or `refused:` and the reason."""
    refusal = "no rule for this issuer"
    for credential, aud in targets:
        decision = decide(policy, caller, TokenRequest(Proof(ProofForm.HEADER, ""), None, aud, credential))
        if isinstance(decision, Grant):
            return write_scopes(decision.scopes)
        failed = ", ".join(f"{rule}: {' and '.join(names)}" for rule, names in decision.failed.items() if names)
        refusal = decision.reason + (f" ({failed})" if failed else "")
    return f"{_REFUSED}: {refusal}"


def _write_failed(rules: Iterable[SignRule | AssembleRule], caller: Caller) -> str:
    """For each rule that does not match, the claims whose conditions do not hold."""
    failed = ((rule.name, rule.find_failed(caller.claims)) for rule in rules)
    return ", ".join(f"{name}: {' and '.join(names)}" for name, names in failed if names)


def write_scopes(scopes: Iterable[str] | All) -> str:
    """The scopes in order, separated by spaces; `*` for all scopes."""
    return "*" if scopes is ALL else " ".join(sorted(set(scopes)))


def _write_names(named: Iterable[str]) -> str:
    return ", ".join(sorted(set(named)))
