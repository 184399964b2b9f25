"""Runs the tests that a policy contains, with the function's own decision."""

from collections.abc import Mapping
from typing import Any

from broker.caller.caller import IAM, INVOKE, Caller
from broker.decision import Grant, decide
from broker.policy.model import ALL, Issuer, Policy
from broker.request.proof import Proof, ProofForm
from broker.request.request import TokenRequest

from token_broker.policy.model import Case, Expected


def run(case: Case, policy: Policy) -> str | None:
    """The difference between the decision and the test's expectation, or None if the test passes."""
    expected = case.expect if isinstance(case.expect, Expected) else None
    caller = _caller(case, policy)
    got = caller if isinstance(caller, str) else _decide(caller, expected, policy)
    if expected is None:
        return None if isinstance(got, str) else f"expected refused, got {_scopes(got)}"
    if isinstance(got, str):
        return f"expected {_listed(expected.scopes)}, got refused: {got}"
    if _scopes(got) != _listed(expected.scopes):
        return f"expected {_listed(expected.scopes)}, got {_scopes(got)}"
    return None


def _caller(case: Case, policy: Policy) -> Caller | str:
    if case.issuer in (IAM, INVOKE):
        return make_caller_without_jwt(case.issuer, case.claims)
    entry = next(entry for entry in policy.entries if entry.name == case.issuer)
    return make_caller(entry, case.claims)


def make_caller_without_jwt(issuer: str, claims: Mapping[str, Any]) -> Caller:
    """A caller of a reserved issuer."""
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


def _decide(caller: Caller, expected: Expected | None, policy: Policy) -> Grant | str:
    """The grant of this caller, or the reason for the refusal.

    A test that expects a refusal tries all credentials and audiences, and each must be refused.
    """
    refusal = "no rule for this issuer"
    for credential, aud in _targets(expected, policy):
        request = TokenRequest(Proof(ProofForm.HEADER, ""), None, aud, credential)
        decision = decide(policy, caller, request)
        if isinstance(decision, Grant):
            return decision
        failed = ", ".join(f"{rule}: {' and '.join(names)}" for rule, names in decision.failed.items() if names)
        refusal = decision.reason + (f" ({failed})" if failed else "")
    return refusal


def _targets(expected: Expected | None, policy: Policy) -> list[tuple[str, str]]:
    if expected is not None:
        return [(expected.credential, expected.aud)]
    rules = [rule for entry in policy.rules for rule in policy.find_rules(entry)]
    return sorted({(rule.credential, aud) for rule in rules for aud in rule.aud})


def _scopes(grant: Grant) -> str:
    return "*" if grant.scopes is ALL else " ".join(sorted(grant.scopes))


def _listed(scopes: list[str] | str) -> str:
    return scopes if isinstance(scopes, str) else " ".join(sorted(set(scopes)))
