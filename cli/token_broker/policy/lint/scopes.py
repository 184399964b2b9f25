"""Scopes that give more than their callers need."""

from collections.abc import Sequence

from token_broker.policy.document import Path
from token_broker.policy.lint.claims import Said
from token_broker.policy.lint.codes import Opinion, Opinions
from token_broker.policy.lint.facts import Facts
from token_broker.policy.lint.outsiders import is_machine
from token_broker.policy.model import Rule


def broad(path: Path, rule: Rule) -> Opinions:
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


def of_end_users(path: Path, rule: Rule, said: Sequence[Said], facts: Facts) -> Opinions:
    """A workspace has one owner: who reads or writes in it does so with what belongs to all its users."""
    if not facts.end_users or is_machine(said, facts):
        return
    scopes = () if rule.scopes == "*" else rule.scopes
    reads = [scope for scope in scopes if scope == "read" or scope.endswith(":read")]
    if reads or rule.scopes == "*":
        told = reads[0] if reads else "every scope"
        yield Opinion("end-user-read", path, f"{told} reads what everyone in the workspace has")
    writes = [scope for scope in scopes if scope in ("write", "smart_cdn:sign") or scope.endswith(":write")]
    if writes:
        told = _WRITES.get(writes[0], "changes what belongs to everyone in the workspace")
        yield Opinion("end-user-write", path, f"{writes[0]} {told}; is this meant for each user who fulfils the rule?")


_WRITES = {
    "assemblies:write": "runs any instructions, with every stored credential",
    "smart_cdn:sign": "signs any URL of the workspace's Smart CDN",
}
