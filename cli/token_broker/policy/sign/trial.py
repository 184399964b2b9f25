"""What a caller may have signed, tried out by the function's own decision."""

from collections.abc import Iterator

from broker.caller.caller import Caller
from broker.decision import Refusal
from broker.policy.model import Policy
from broker.policy.signing import ClaimOf, SignRule, SmartCdnForm
from broker.request.proof import Proof, ProofForm
from broker.request.signature import AssemblyWish, SignatureRequest, SmartCdnWish, StorageWish, Wish
from broker.signing.decision import Signing, decide_signing


def list_signatures(policy: Policy, caller: Caller) -> list[str]:
    """Kind and name of all that this caller may have signed, such as `assembly avatar`, in order."""
    found = set()
    for rule in policy.find_sign_rules(caller.entry):
        for wish in _list_wishes(rule, caller):
            if isinstance(try_out(policy, caller, wish), Signing):
                found.add(f"{wish.kind} {wish.name}")
    return sorted(found)


def try_out(policy: Policy, caller: Caller, wish: Wish) -> Signing | Refusal:
    """The function's decision on what a caller wishes."""
    return decide_signing(policy, caller, SignatureRequest(Proof(ProofForm.HEADER, ""), wish))


def _list_wishes(rule: SignRule, caller: Caller) -> Iterator[Wish]:
    """A request for each name of a rule."""
    for name in rule.assembly:
        yield AssemblyWish(template=name, credential=rule.credential)
    for name, form in rule.smart_cdn.items():
        yield SmartCdnWish(template=name, input=_make_input(form, caller), credential=rule.credential)
    for name in rule.storage:
        yield StorageWish(grant=name, credential=rule.credential)


def _make_input(form: SmartCdnForm, caller: Caller) -> str:
    """An input that a rule admits for this caller."""
    if form.inputs is not None:
        return form.inputs.pattern.replace("**", "*").replace("*", "x")
    return "/".join(
        [*(str(each.find(caller.claims)) if isinstance(each, ClaimOf) else each for each in form.under), "x"]
    )
