"""Checks of rules that sign which no other rules need: issuers whose callers get signatures alone, and credentials."""

from token_broker.policy.checks import RESERVED, Found
from token_broker.policy.forms import list_forms
from token_broker.policy.model import SignRule, TrustPolicy
from token_broker.policy.presets import signs_alone


def check_sign(policy: TrustPolicy) -> Found:
    """Each problem of the rules that sign, and the path of the value that has it."""
    yield from _check_issuers(policy)
    yield from _check_credentials(policy)


def _check_issuers(policy: TrustPolicy) -> Found:
    """Refuse rules that give what the callers of their issuer never get."""
    for place, rule in policy.sign_rules:
        if rule.issuer in RESERVED:
            yield ("rules", place, "issuer"), f"callers of `{rule.issuer}` show no JWT, and `/signature` wants one"
    for place, scope_rule in policy.scope_rules:
        issuer = policy.issuers.get(scope_rule.issuer)
        if issuer and signs_alone(issuer.issuer, issuer.preset):
            message = "these JWTs name no person, so they get no bearer token; write `sign` in place of `scopes`"
            yield ("rules", place, "scopes"), message


def _check_credentials(policy: TrustPolicy) -> Found:
    # api2's signature covers `params`, and neither method nor path. So signed Assembly parameters can be presented at
    # every endpoint that the Auth Key may use, and it must be a key that may create Assemblies and nothing else. A rule
    # that assembles needs just such a key, so it may name the same credential.
    forms = list(list_forms(policy))
    of_assemblies = {form.rule.credential for form in forms if form.kind == "assembly"}
    for place, rule in policy.scope_rules:
        if rule.credential in of_assemblies and rule.scopes != ["assemblies:write"]:
            message = (
                f"`{rule.credential}` signs Assemblies, whose signatures are good at every endpoint: "
                "its Auth Key has assemblies:write alone; name another credential here"
            )
            yield ("rules", place, "scopes"), message
    for form in forms:
        signs_else = isinstance(form.rule, SignRule) and form.kind != "assembly"
        if signs_else and form.rule.credential in of_assemblies:
            message = f"`{form.rule.credential}` signs Assemblies, and nothing else; name another credential here"
            yield form.path[:-1], message
