"""The forms of signatures and Assemblies in a policy, and the checks that all kinds of them share."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from token_broker.policy.assemble.model import MadeAssembly
from token_broker.policy.assembly import ClaimOf, TemplateUse
from token_broker.policy.checks import RESERVED, Found
from token_broker.policy.document import Path
from token_broker.policy.lint.writable import explain_claim
from token_broker.policy.model import AssembleRule, SignRule, TrustPolicy
from token_broker.policy.sign.model import Assembly, SmartCdn, Storage


@dataclass(frozen=True, slots=True)
class Form:
    """One thing that callers may have signed or made: its path in the document, its name among those of `kind`, and
    the rule. `kind` is the key that holds it: assembly, smart_cdn, storage or assemble."""

    path: Path
    kind: str
    name: str
    value: Assembly | SmartCdn | Storage | MadeAssembly
    rule: SignRule | AssembleRule


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


def list_forms(policy: TrustPolicy) -> Iterator[Form]:
    for place, rule in policy.sign_rules:
        for kind in ("assembly", "smart_cdn", "storage"):
            for name, value in getattr(rule.sign, kind).items():
                yield Form(("rules", place, "sign", kind, name), kind, name, value, rule)
    for place, assemble_rule in policy.assemble_rules:
        for name, made in assemble_rule.assemble.items():
            yield Form(("rules", place, "assemble", name), "assemble", name, made, assemble_rule)


def check_forms(policy: TrustPolicy) -> Found:
    """Each problem of a form that its kind does not matter for, and the path of the value that has it."""
    forms = list(list_forms(policy))
    yield from _check_names(forms)
    yield from _check_workspaces(policy, forms)
    yield from _check_claims(policy, forms)
    yield from _check_roots(policy, forms)


def _check_names(forms: Sequence[Form]) -> Found:
    # Everything about one signed object comes from one rule: never the one's template with the other's limits.
    seen: dict[tuple[str, str, str], str] = {}
    for form in forms:
        key = (form.kind, form.name, form.rule.credential)
        if key in seen:
            message = f"rule `{seen[key]}` has `{form.name}` in `{form.kind}` for this credential; choose another name"
            yield form.path, message
        seen.setdefault(key, form.rule.name)


def _check_workspaces(policy: TrustPolicy, forms: Sequence[Form]) -> Found:
    for form in forms:
        credential = policy.credentials.get(form.rule.credential)
        if form.kind != "assembly" and credential and credential.workspace is None:
            message = f"needs the Workspace's name: `{form.rule.credential}: {{workspace: …}}` in `credentials`"
            yield form.path[:-1], message


def _check_claims(policy: TrustPolicy, forms: Sequence[Form]) -> Found:
    for form in forms:
        for mixed in _list_paths(form):
            for place, piece in enumerate(mixed.pieces):
                if isinstance(piece, ClaimOf) and (problem := _explain_claim(policy, form, piece.claim)):
                    yield (*mixed.path, place, "claim"), problem


def _explain_claim(policy: TrustPolicy, form: Form, claim: str) -> str | None:
    name = form.rule.issuer
    if name in RESERVED and claim not in RESERVED[name]:
        return f"callers of `{name}` have no claim `{claim}`; one of {', '.join(sorted(RESERVED[name]))}"
    issuer = policy.issuers.get(name)
    return explain_claim(claim, form.rule, issuer) if issuer else None


def _check_roots(policy: TrustPolicy, forms: Sequence[Form]) -> Found:
    """Refuse paths of two issuers that could become the same: the one's `sub` may be the other's."""
    seen: list[tuple[Form, str]] = []
    for form in forms:
        for mixed in _list_paths(form):
            if (root := mixed.root) is None:
                continue
            other = next((before for before, of_other in seen if _can_meet(policy, form, root, before, of_other)), None)
            if other:
                message = (
                    f"rule `{other.rule.name}`, of another issuer, has the same texts before the claim, and one "
                    "issuer's callers may be named as the other's: put a name of the issuer first"
                )
                yield mixed.path, message
            seen.append((form, root))


def _can_meet(policy: TrustPolicy, one: Form, root: str, other: Form, of_other: str) -> bool:
    """Whether a path below the one root can be below the other, for callers of another issuer."""
    entries = {form.rule.issuer: policy.issuers.get(form.rule.issuer) for form in (one, other)}
    urls = {entry.issuer if entry else name for name, entry in entries.items()}
    credentials = (policy.credentials.get(form.rule.credential) for form in (one, other))
    workspaces = {credential.workspace for credential in credentials if credential and credential.workspace}
    return len(urls) == 2 and len(workspaces) < 2 and (root.startswith(of_other) or of_other.startswith(root))


def _list_paths(form: Form) -> Iterator[_Mixed]:
    """The paths of a form, and the values of its steps."""
    match form.value:
        case TemplateUse():
            for step, parameters in form.value.steps.items():
                for name, value in parameters.items():
                    if isinstance(value, list):
                        yield _Mixed((*form.path, "steps", step, name), value, "")
        case SmartCdn():
            yield _Mixed((*form.path, "under"), form.value.under or [], "/")
        case Storage():
            yield _Mixed((*form.path, "prefix"), form.value.prefix, "/")
