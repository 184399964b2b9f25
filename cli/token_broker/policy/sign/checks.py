"""Checks of rules that sign which the model cannot make: credentials, names, and the claims in paths."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from token_broker.policy.checks import RESERVED, Found
from token_broker.policy.document import Path
from token_broker.policy.lint.writable import explain_claim
from token_broker.policy.model import SignRule, TrustPolicy
from token_broker.policy.presets import signs_alone
from token_broker.policy.sign.model import Assembly, ClaimOf, SmartCdn, Storage

_KINDS = ("assembly", "smart_cdn", "storage")


@dataclass(frozen=True, slots=True)
class _Form:
    """One thing that a rule signs: its path in the document, its name among those of `kind`, and the rule."""

    path: Path
    kind: str
    name: str
    value: Assembly | SmartCdn | Storage
    rule: SignRule


@dataclass(frozen=True, slots=True)
class _Mixed:
    """A path, or the value of a step, in texts and claims."""

    path: Path
    pieces: Sequence[str | ClaimOf]
    separator: str  # between the pieces

    @property
    def root(self) -> str | None:
        """What stands before the first claim; None if this is no path, or has no claim."""
        texts = list(itertools.takewhile(lambda piece: isinstance(piece, str), self.pieces))
        is_path = self.separator or any("/" in piece for piece in self.pieces if isinstance(piece, str))
        return (
            "".join(f"{text}{self.separator}" for text in texts) if is_path and len(texts) < len(self.pieces) else None
        )


def check_sign(policy: TrustPolicy) -> Found:
    """Each problem of the rules that sign, and the path of the value that has it."""
    yield from _check_issuers(policy)
    forms = list(_list_forms(policy))
    yield from _check_names(forms)
    yield from _check_credentials(policy, forms)
    yield from _check_claims(policy, forms)
    yield from _check_roots(policy, forms)


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


def _list_forms(policy: TrustPolicy) -> Iterator[_Form]:
    for place, rule in policy.sign_rules:
        for kind in _KINDS:
            for name, value in getattr(rule.sign, kind).items():
                yield _Form(("rules", place, "sign", kind, name), kind, name, value, rule)


def _check_names(forms: Sequence[_Form]) -> Found:
    # Everything about one signed object comes from one rule: never the one's template with the other's limits.
    seen: dict[tuple[str, str, str], str] = {}
    for form in forms:
        key = (form.kind, form.name, form.rule.credential)
        if key in seen:
            message = (
                f"rule `{seen[key]}` defines the {form.kind} `{form.name}` of this credential; choose another name"
            )
            yield form.path, message
        seen.setdefault(key, form.rule.name)


def _check_credentials(policy: TrustPolicy, forms: Sequence[_Form]) -> Found:
    # api2's signature covers `params`, and neither method nor path. So signed Assembly parameters can be presented at
    # every endpoint that the Auth Key may use, and it must be a key that may create Assemblies and nothing else.
    of_assemblies = {form.rule.credential for form in forms if form.kind == "assembly"}
    for place, rule in policy.scope_rules:
        if rule.credential in of_assemblies and rule.scopes != ["assemblies:write"]:
            message = (
                f"`{rule.credential}` signs Assemblies, whose signatures are good at every endpoint: "
                "its Auth Key has assemblies:write alone; name another credential here"
            )
            yield ("rules", place, "scopes"), message
    for form in forms:
        if form.kind != "assembly" and form.rule.credential in of_assemblies:
            message = f"`{form.rule.credential}` signs Assemblies, and nothing else; name another credential here"
            yield form.path[:-1], message
        credential = policy.credentials.get(form.rule.credential)
        if form.kind != "assembly" and credential and credential.workspace is None:
            message = f"needs the Workspace's name: `{form.rule.credential}: {{workspace: …}}` in `credentials`"
            yield form.path[:-1], message


def _check_claims(policy: TrustPolicy, forms: Sequence[_Form]) -> Found:
    for form in forms:
        issuer = policy.issuers.get(form.rule.issuer)
        if issuer is None:
            continue
        for mixed in _list_paths(form):
            for place, piece in enumerate(mixed.pieces):
                if isinstance(piece, ClaimOf) and (problem := explain_claim(piece.claim, form.rule, issuer)):
                    yield (*mixed.path, place, "claim"), problem


def _check_roots(policy: TrustPolicy, forms: Sequence[_Form]) -> Found:
    """Refuse paths of two issuers that could become the same: the one's `sub` may be the other's."""
    seen: list[tuple[_Form, str]] = []
    for form in forms:
        for mixed in _list_paths(form):
            if (root := mixed.root) is None or form.rule.issuer not in policy.issuers:
                continue
            other = next((before for before, of_other in seen if _can_meet(policy, form, root, before, of_other)), None)
            if other:
                message = (
                    f"rule `{other.rule.name}`, of another issuer, has the same texts before the claim, and one "
                    "issuer's callers may be named as the other's: put a name of the issuer first"
                )
                yield mixed.path, message
            seen.append((form, root))


def _can_meet(policy: TrustPolicy, one: _Form, root: str, other: _Form, of_other: str) -> bool:
    """Whether a path below the one root can be below the other, for callers of another issuer."""
    urls = {policy.issuers[form.rule.issuer].issuer for form in (one, other)}
    credentials = (policy.credentials.get(form.rule.credential) for form in (one, other))
    workspaces = {credential.workspace for credential in credentials if credential and credential.workspace}
    return len(urls) == 2 and len(workspaces) < 2 and (root.startswith(of_other) or of_other.startswith(root))


def _list_paths(form: _Form) -> Iterator[_Mixed]:
    """The paths of a form, and the values of its steps."""
    match form.value:
        case Assembly():
            for step, parameters in form.value.steps.items():
                for name, value in parameters.items():
                    if isinstance(value, list):
                        yield _Mixed((*form.path, "steps", step, name), value, "")
        case SmartCdn():
            yield _Mixed((*form.path, "under"), form.value.under or [], "/")
        case Storage():
            yield _Mixed((*form.path, "prefix"), form.value.prefix, "/")
