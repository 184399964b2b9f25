"""The decision on an Assembly: what exactly is made for a caller, or why nothing is."""

from collections.abc import Mapping

from broker.base.errors import AccessDenied, InvalidRequest, InvalidTarget
from broker.base.values import Value
from broker.caller.caller import Caller
from broker.decision import Grant, Refusal
from broker.policy.assembling import AssembleForm, AssembleRule
from broker.policy.model import DEFAULT_AUD, Policy
from broker.request.assembly import AssemblyRequest, Callback
from broker.request.proof import AnyProof
from broker.signing.decision import Outside, fill_steps

SCOPE = "assemblies:write"
_TARGET = "No rule, or more than one, makes an Assembly of this template for this caller."
# The word of the policy by the kind of a callback.
_NOTIFIES = {"durable": "durable", "task": "states"}


class AssemblyOrder(Value, frozen=True):
    """What is made: all of it is the policy's, but the fields that the rule leaves to the caller. Sizes in bytes."""

    hidden = ("fields",)

    template_id: str
    steps: Mapping[str, Mapping[str, str]]
    fields: Mapping[str, str]
    max_size: int | None
    max_number_of_files: int | None


class Assembling(Value, frozen=True):
    """An Assembly that is made for a caller. Only `decide_assembly` makes one, and only for one is an Assembly made.

    `grant` is for the token of the call that makes it, `workspace` the one that its status must show. `key` and
    `attempt` tell which event it is made for.
    """

    hidden = ("key",)

    grant: Grant
    workspace: str
    template: str
    order: AssemblyOrder
    key: str
    attempt: int
    callback: Callback | None
    shows_id: bool
    source: str


def decide_assembly(policy: Policy, caller: Caller, request: AssemblyRequest[AnyProof]) -> Assembling | Refusal:
    """Decide what is made for this caller and this request. Pure: no clock, no network, no randomness."""
    rules = policy.find_assemble_rules(caller.entry)
    failed = {rule.name: rule.find_failed(caller.claims) for rule in rules}
    matching = [rule for rule in rules if not failed[rule.name]]
    if not matching:
        return Refusal(AccessDenied, "no rule matches", failed)
    named = [(rule, form) for rule in matching if (form := rule.assemble.get(request.template)) is not None]
    # A request names no credential. Where two have the name, the order of the rules must not decide.
    if len(named) != 1:
        reason = "more than one rule has this template" if named else "no matching rule for this template"
        return Refusal(InvalidTarget, reason, failed, _TARGET)
    rule, form = named[0]
    try:
        order = _fill(form, caller, request)
    except Outside as outside:
        return Refusal(outside.error, outside.reason, failed, outside.description)
    return Assembling(
        grant=_grant(rule),
        workspace=rule.workspace,
        template=request.template,
        order=order,
        key=request.key,
        attempt=request.attempt,
        callback=request.callback,
        shows_id=form.shows_id,
        source=request.source,
    )


def _grant(rule: AssembleRule) -> Grant:
    """For the token that makes the Assembly, and that nothing returns."""
    return Grant(
        credential=rule.credential,
        scopes=frozenset({SCOPE}),
        aud=DEFAULT_AUD,
        by_name=True,
        unlisted=False,
        for_each_caller=False,
        rules=(rule.name,),
    )


def _fill(form: AssembleForm, caller: Caller, request: AssemblyRequest[AnyProof]) -> AssemblyOrder:
    """The form with the caller's claims and fields in it. Raises Outside."""
    fields = dict(request.fields)
    if request.source != "invocation":
        # An event says more than most rules want to know.
        fields = {name: value for name, value in fields.items() if name in form.caller_fields}
    if not fields.keys() <= form.caller_fields:
        description = "A field is not one of those for which the rule says `caller: true`."
        raise Outside(InvalidRequest, "a field that no caller writes", description)
    if request.callback is not None and _NOTIFIES[request.callback.kind] != form.notify:
        description = "The rule of this template does not say notify for this kind of callback."
        raise Outside(InvalidRequest, "a callback that the rule does not have", description)
    return AssemblyOrder(
        template_id=form.template_id,
        steps=fill_steps(form.steps, caller),
        fields=form.fields | fields,
        max_size=form.max_size,
        max_number_of_files=form.max_number_of_files,
    )
