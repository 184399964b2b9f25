"""What a caller may have made, tried out by the function's own decision."""

from typing import Any

from broker.assembly.decision import Assembling, decide_assembly
from broker.caller.caller import Caller
from broker.caller.invoke import InvokeProof
from broker.decision import Refusal
from broker.policy.model import Policy
from broker.request.assembly import AssemblyRequest
from msgspec import to_builtins


def list_assemblies(policy: Policy, caller: Caller) -> list[str]:
    """The names of all Assemblies that this caller may have made, in order."""
    names = sorted({name for rule in policy.find_assemble_rules(caller.entry) for name in rule.assemble})
    requests = (AssemblyRequest(InvokeProof(caller.subject), name, {}, "a key") for name in names)
    return [each.template for each in requests if isinstance(decide_assembly(policy, caller, each), Assembling)]


def try_out(policy: Policy, caller: Caller, request: AssemblyRequest[InvokeProof]) -> dict[str, Any] | Refusal:
    """What would be made: the name, the rule, the credential and the order, with what the rule says of its end."""
    decision = decide_assembly(policy, caller, request)
    if isinstance(decision, Refusal):
        return decision
    (rule,) = (each for each in policy.find_assemble_rules(caller.entry) if each.name in decision.grant.rules)
    answer = ["assembly_id", "assembly_url", "status"] if decision.shows_id else ["status"]
    order = to_builtins(decision.order) | {"notify": rule.assemble[decision.template].notify, "answer": answer}
    return {"name": decision.template, "credential": rule.credential, "rule": rule.name, "order": order}
