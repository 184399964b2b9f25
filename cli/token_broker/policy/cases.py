"""Runs the tests that a policy contains, by the function's own decision."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from broker.caller.caller import IAM, INVOKE, Caller
from broker.decision import Grant, decide
from broker.policy.model import ALL, All, Issuer, Policy
from broker.request.proof import Proof, ProofForm
from broker.request.request import TokenRequest

from token_broker.policy.document import Path
from token_broker.policy.model import Case, Expected


def run_all(cases: Iterable[Case], policy: Policy) -> Iterator[tuple[Path, str]]:
    """A message for each test that fails, and the path of its expectation."""
    for place, case in enumerate(cases):
        expected = case.expect if isinstance(case.expect, Expected) else None
        wanted = write_scopes(expected.scopes) if expected else "refused"
        got = _decide(case, expected, policy)
        if got != wanted and (expected or not got.startswith("refused: ")):
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


def _decide(case: Case, expected: Expected | None, policy: Policy) -> str:
    """The scopes that the test's caller gets, or `refused:` and the reason."""
    if case.issuer in (IAM, INVOKE):
        caller: Caller | str = make_caller_without_jwt(case.issuer, case.claims)
    else:
        caller = make_caller(next(entry for entry in policy.entries if entry.name == case.issuer), case.claims)
    if isinstance(caller, str):
        return f"refused: {caller}"
    refusal = "no rule for this issuer"
    for credential, aud in _list_targets(expected, policy):
        decision = decide(policy, caller, TokenRequest(Proof(ProofForm.HEADER, ""), None, aud, credential))
        if isinstance(decision, Grant):
            return write_scopes(decision.scopes)
        failed = ", ".join(f"{rule}: {' and '.join(names)}" for rule, names in decision.failed.items() if names)
        refusal = decision.reason + (f" ({failed})" if failed else "")
    return f"refused: {refusal}"


def _list_targets(expected: Expected | None, policy: Policy) -> list[tuple[str, str]]:
    """The credentials and auds that a test asks for."""
    if expected is not None:
        return [(expected.credential, expected.aud)]
    # A caller who is refused here could still get a token with another credential or aud. So a test that expects a
    # refusal tries every pair that a rule names.
    rules = [rule for entry in policy.rules for rule in policy.find_rules(entry)]
    return sorted({(rule.credential, aud) for rule in rules for aud in rule.aud})


def write_scopes(scopes: Iterable[str] | All) -> str:
    """The scopes in order, separated by spaces; `*` for all scopes."""
    return "*" if scopes is ALL else " ".join(sorted(set(scopes)))
