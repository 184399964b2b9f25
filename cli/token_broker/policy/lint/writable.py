"""Whether a claim says whose a path is: a claim that its bearer writes would open everyone's paths to it."""

from token_broker.policy.lint import claims
from token_broker.policy.lint.facts import ADDRESSES, facts_of_issuer
from token_broker.policy.lint.outsiders import is_verified
from token_broker.policy.model import Issuer, Rule
from token_broker.policy.presets import signs_alone

# What a client asks for at the issuer, or where it stands: with these it chooses the claim's value as well.
_ASKED = frozenset({"nonce", "acr", "scope", "scp", "scopes", "login_hint", "country", "ip", "ipaddr", "session"})


def explain_claim(claim: str, rule: Rule, issuer: Issuer) -> str | None:
    """Why the bearer of a JWT could choose this claim's value, and what to do; None if it cannot."""
    if signs_alone(issuer.issuer, issuer.preset):
        return "these JWTs name an app and no person, so all share the path; write its segments as texts"
    if claim == "sub":
        return None
    facts, path = facts_of_issuer(issuer), claims.simplify_path(claim)
    if claims.is_among(path, facts.caller | _ASKED):
        return f"the caller itself writes `{claim}`, and would choose whose path it gets; use {{claim: sub}}"
    if path in facts.names:
        return f"`{claim}` is a name that can change hands, and the path with it; use {{claim: sub}}"
    demands = claims.read_demands(rule, issuer)
    if path in ADDRESSES and path not in facts.verified and not is_verified(ADDRESSES[path], demands):
        return f"`{claim}` may be anybody's until it is verified; add `{ADDRESSES[path]}: true`, or use {{claim: sub}}"
    # People who may push choose the names of branches, workflows and environments.
    if facts.gates is not None and not path.endswith("_id"):
        return f"people who may push can choose `{claim}`; use an id, such as {{claim: repository_id}}"
    return None
