"""The decision on a signature: what exactly is signed for a caller, or why nothing is.

All that is signed comes from one rule, and is built from nothing: no document of the caller's is filtered.
"""

from collections.abc import Mapping

from broker.base.errors import AccessDenied, BrokerError, InvalidRequest, InvalidTarget
from broker.base.values import Value
from broker.caller.caller import Caller
from broker.decision import Refusal
from broker.policy.conditions import Scalar
from broker.policy.model import Policy
from broker.policy.signing import AssemblyForm, ClaimOf, Pieces, SignRule, SmartCdnForm, StorageForm
from broker.policy.texts import is_identifier, normalize
from broker.request.proof import AnyProof
from broker.request.signature import AssemblyWish, SignatureRequest, SmartCdnWish, StorageWish

_TARGET = "This caller may not have a signature of this kind, name and credential."
Form = AssemblyForm | SmartCdnForm | StorageForm


class AssemblyParams(Value, frozen=True):
    """An Assembly to be signed. `expires` in seconds from now, `max_size` in bytes."""

    template_id: str
    algorithm: str
    expires: int
    max_size: int | None
    max_number_of_files: int | None
    steps: Mapping[str, Mapping[str, str]]
    fields: Mapping[str, str]


class SmartCdnUrls(Value, frozen=True):
    """Smart CDN URLs to be signed, one for each input. `expires` in seconds from now.

    `as_list`: the request had `inputs`, so the answer has `urls`.
    """

    origin: str
    workspace: str
    template: str
    inputs: tuple[str, ...]
    params: Mapping[str, Scalar]
    expires: int
    as_list: bool


class StorageGrant(Value, frozen=True):
    """A Storage grant to be signed. `expires` in seconds from now."""

    bucket: str
    prefix: str
    scopes: tuple[str, ...]
    expires: int


class Signing(Value, frozen=True):
    """What is signed for a caller, by which credential. Only `decide_signing` makes one, and only for one is signed."""

    rule: str
    kind: str
    name: str
    credential: str
    order: AssemblyParams | SmartCdnUrls | StorageGrant


class Outside(Exception):
    """A request that is outside its rule."""

    def __init__(self, error: type[BrokerError], reason: str, description: str | None = None) -> None:
        super().__init__(reason)
        self.error, self.reason, self.description = error, reason, description


def decide_signing(policy: Policy, caller: Caller, request: SignatureRequest[AnyProof]) -> Signing | Refusal:
    """Decide what is signed for this caller and this request. Pure: no clock, no network, no randomness."""
    wish = request.wish
    rules = policy.find_sign_rules(caller.entry)
    failed = {rule.name: rule.find_failed(caller.claims) for rule in rules}
    matching = [rule for rule in rules if not failed[rule.name]]
    if not matching:
        return Refusal(AccessDenied, "no rule matches", failed)
    # A name is there once for each credential. Where a request leaves the credential out, and two have the name, the
    # order of the rules must not decide.
    named = [
        (rule, form)
        for rule in matching
        if wish.credential in (None, rule.credential) and (form := _find_form(rule, wish)) is not None
    ]
    if len(named) != 1:
        reason = "more than one credential has this name" if named else "no matching rule for this kind and name"
        return Refusal(InvalidTarget, reason, failed, _TARGET)
    rule, form = named[0]
    try:
        order = _fill(form, wish, caller)
    except Outside as outside:
        return Refusal(outside.error, outside.reason, failed, outside.description)
    return Signing(rule.name, wish.kind, wish.name, rule.credential, order)


def _find_form(rule: SignRule, wish: AssemblyWish | SmartCdnWish | StorageWish) -> Form | None:
    match wish:
        case AssemblyWish():
            return rule.assembly.get(wish.name)
        case SmartCdnWish():
            return rule.smart_cdn.get(wish.name)
        case StorageWish():
            return rule.storage.get(wish.name)


def _fill(
    form: Form, wish: AssemblyWish | SmartCdnWish | StorageWish, caller: Caller
) -> AssemblyParams | SmartCdnUrls | StorageGrant:
    """The form with the caller's claims and wishes in it. Raises Outside."""
    match form, wish:
        case AssemblyForm(), AssemblyWish():
            return _fill_assembly(form, wish, caller)
        case SmartCdnForm(), SmartCdnWish():
            return _fill_smart_cdn(form, wish, caller)
        case StorageForm(), StorageWish():
            prefix = "/".join(_fill_pieces(form.prefix, caller)) + "/"
            return StorageGrant(form.bucket, prefix, form.scopes, _limit(wish.expires_in, form.expires))
    raise AssertionError("a form of another kind")


def _fill_assembly(form: AssemblyForm, wish: AssemblyWish, caller: Caller) -> AssemblyParams:
    for name in wish.fields:
        if name not in form.caller_fields:
            raise Outside(InvalidRequest, "a field that no caller writes", "A field is not one that a caller may send.")
    return AssemblyParams(
        template_id=form.template_id,
        algorithm=form.algorithm,
        expires=form.expires,
        max_size=form.max_size,
        max_number_of_files=form.max_number_of_files,
        steps=fill_steps(form.steps, caller),
        fields=form.fields | wish.fields,
    )


def fill_steps(steps: Mapping[str, Mapping[str, Pieces]], caller: Caller) -> dict[str, dict[str, str]]:
    """The policy's steps with the caller's claims in them. Raises Outside."""
    return {
        step: {name: "".join(_fill_pieces(pieces, caller)) for name, pieces in parameters.items()}
        for step, parameters in steps.items()
    }


def _fill_smart_cdn(form: SmartCdnForm, wish: SmartCdnWish, caller: Caller) -> SmartCdnUrls:
    under = _fill_pieces(form.under, caller)
    for text in wish.all_inputs:
        # A store that normalizes names would find another file than the one that was compared.
        for each in {text, normalize(text)}:
            segments = each.split("/")
            if segments[: len(under)] != under or len(segments) == len(under):
                raise Outside(InvalidRequest, "under", "An input is not in the folder that this caller may see.")
            if form.inputs is not None and form.inputs.match(each) is not True:
                raise Outside(InvalidRequest, "inputs", "An input is not one that this caller may see.")
    for name, value in wish.params.items():
        choices = (form.fixed[name],) if name in form.fixed else form.choices.get(name, ())
        # By the exact type: Python says `True == 1`.
        if not any(type(value) is type(choice) and value == choice for choice in choices):
            # The name is the caller's own, so neither record nor answer repeats one that the policy does not have.
            known = name if name in form.fixed or name in form.choices else "?"
            raise Outside(InvalidRequest, f"param {known}", "A parameter, or its value, is not one of the rule's.")
    return SmartCdnUrls(
        origin=form.origin,
        workspace=form.workspace,
        template=form.template,
        inputs=wish.all_inputs,
        params=form.fixed | wish.params,
        expires=_limit(wish.expires_in, form.expires),
        as_list=wish.inputs is not None,
    )


def _fill_pieces(pieces: tuple[str | ClaimOf, ...], caller: Caller) -> list[str]:
    """The pieces with the caller's claims in place of their names. Raises Outside."""
    filled = []
    for piece in pieces:
        text = piece.find(caller.claims) if isinstance(piece, ClaimOf) else piece
        # An issuer lets people choose names with slashes or dots in some claims: such a name would lead to the files of
        # others.
        if isinstance(piece, ClaimOf) and not is_identifier(text):
            raise Outside(AccessDenied, f"the claim {piece.claim} cannot stand in a path")
        filled.append(text)
    return filled


def _limit(asked: int | None, longest: int) -> int:
    """The seconds asked for. Raises Outside where they are more than the rule gives."""
    # A shorter time than was asked for fails later, where nobody sees why.
    if asked is not None and asked > longest:
        raise Outside(InvalidRequest, "expires_in", "expires_in is longer than this caller may have.")
    return longest if asked is None else asked
