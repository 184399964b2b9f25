"""Checks of rules that sign which the model cannot make: credentials, names, and the claims in paths."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from token_broker.policy.checks import RESERVED, Found
from token_broker.policy.document import Path
from token_broker.policy.lint.writable import explain_claim
from token_broker.policy.model import SignRule, TrustPolicy
from token_broker.policy.presets import signs_alone
from token_broker.policy.sign.model import ClaimOf

_KINDS = ("assembly", "smart_cdn", "storage")


@dataclass(frozen=True, slots=True)
class _Form:
    """One thing that a rule signs: its path in the document, its name among those of `kind`, and the rule."""

    path: Path
    kind: str
    name: str
    value: Any
    rule: SignRule


@dataclass(frozen=True, slots=True)
class _Mixed:
    """A path of texts and claims. `root`: what stands before its first claim; segments, or the text of a step."""

    path: Path
    pieces: Sequence[str | ClaimOf]
    root: tuple[str, ...]


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
    seen: list[tuple[_Form, _Mixed, str]] = []
    for form in forms:
        issuer = policy.issuers.get(form.rule.issuer)
        for mixed in _list_paths(form) if issuer else ():
            assert issuer is not None
            if all(isinstance(piece, str) for piece in mixed.pieces):
                continue
            for other, before, url in seen:
                if url != issuer.issuer and other.kind == form.kind and _overlap(mixed.root, before.root):
                    message = (
                        f"rule `{other.rule.name}`, of another issuer, has the same texts before the claim, and one "
                        "issuer's callers may be named as the other's: put a name of the issuer first"
                    )
                    yield mixed.path, message
                    break
            seen.append((form, mixed, issuer.issuer))


def _overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether a path below the one root can be below the other."""
    return all(first == second for first, second in zip(one, other, strict=False))


def _list_paths(form: _Form) -> Iterator[_Mixed]:
    """The paths of a form, and the values of its steps."""
    if form.kind == "assembly":
        for step, parameters in form.value.steps.items():
            for name, value in parameters.items():
                if isinstance(value, list):
                    yield _Mixed((*form.path, "steps", step, name), value, tuple("".join(_take_texts(value))))
        return
    name = "under" if form.kind == "smart_cdn" else "prefix"
    if pieces := getattr(form.value, name):
        yield _Mixed((*form.path, name), pieces, tuple(_take_texts(pieces)))


def _take_texts(pieces: Sequence[str | ClaimOf]) -> Iterator[str]:
    """The texts before the first claim."""
    for piece in pieces:
        if not isinstance(piece, str):
            return
        yield piece
