"""Opinions on scopes that give more than their callers need."""

import re
from collections.abc import Sequence

from token_broker.policy.document import Path
from token_broker.policy.lint.claims import Demand
from token_broker.policy.lint.codes import Opinion, Opinions
from token_broker.policy.lint.facts import Facts
from token_broker.policy.lint.outsiders import is_machine
from token_broker.policy.model import ScopeRule, SignRule


def broad(path: Path, rule: ScopeRule) -> Opinions:
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


def of_end_users(path: Path, rule: ScopeRule, demands: Sequence[Demand], facts: Facts) -> Opinions:
    """The opinions on scopes of end users. Everything in a workspace has one owner, so an end user who may read or
    write there reaches the things of all other users.
    """
    if not facts.end_users or is_machine(demands, facts):
        return
    scopes = () if rule.scopes == "*" else rule.scopes
    reads = [scope for scope in scopes if scope == "read" or scope.endswith(":read")]
    if reads or rule.scopes == "*":
        reader = reads[0] if reads else "every scope"
        yield Opinion("end-user-read", path, f"{reader} reads what everyone in the workspace has")
    writes = [scope for scope in scopes if scope in ("write", "smart_cdn:sign") or scope.endswith(":write")]
    if writes:
        yield Opinion("end-user-write", path, f"{writes[0]} {_WRITES.get(writes[0], _CHANGES)}")


_CHANGES = "changes what belongs to everyone in the workspace; should every user who fulfils the rule do so?"
_WRITES = {
    "assemblies:write": "runs any instructions with every stored credential, so it is for people whom you would let "
    "into Transloadit's Console; for a page's visitors use `sign: {assembly: …}`",
    "smart_cdn:sign": "signs any URL of the workspace's Smart CDN; use `sign: {smart_cdn: …}`",
}


def any_input(path: Path, rule: SignRule) -> Opinions:
    """The opinion on shapes of inputs that fit the files of everybody."""
    for name, form in rule.sign.smart_cdn.items():
        if form.inputs is not None and not re.match(r"[^*/]+/", form.inputs.like):
            message = f"`{form.inputs.like}` fits any file; begin with a folder, as public/** does"
            yield Opinion("any-input", (*path, "sign", "smart_cdn", name, "inputs", "like"), message)
