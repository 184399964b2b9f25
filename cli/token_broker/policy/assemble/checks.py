"""Checks of rules that assemble which no other rules need: the issuer, and names that a request cannot tell apart,
and what the deployment says of the caller."""

import itertools

from broker.caller.caller import INVOKE

from token_broker.deployment import Environment
from token_broker.policy.checks import Found
from token_broker.policy.lint.claims import list_exact, passes
from token_broker.policy.model import AssembleRule, TrustPolicy


def check_assemble(policy: TrustPolicy) -> Found:
    """Each problem of the rules that assemble, and the path of the value that has it."""
    for place, rule in policy.assemble_rules:
        if rule.issuer != INVOKE:
            message = "Assemblies are made for those alone who invoke the Assembly function: write `issuer: invoke`"
            yield ("rules", place, "issuer"), message
    for (_, one), (place, other) in itertools.combinations(policy.assemble_rules, 2):
        if one.credential != other.credential and _have_a_caller_in_common(one, other):
            for name in one.assemble.keys() & other.assemble.keys():
                message = (
                    f"rule `{one.name}` makes `{name}` for the same caller with another credential, and a request "
                    "names none: choose another name"
                )
                yield ("rules", place, "assemble", name), message


def check_pipelines(policy: TrustPolicy, environment: Environment) -> Found:
    """What the environment wants of new objects, where no rule of its caller makes it: every event would fail."""
    caller, template = (environment.parameters.get(name) for name in ("AssemblyCaller", "AssemblyTemplate"))
    if not caller:
        return
    rules = [rule for _, rule in policy.assemble_rules if passes(rule.when.get("sub"), {"claim": caller})]
    if template and not any(template in rule.assemble for rule in rules):
        message = (
            f"no rule makes `{template}` for the caller `{caller}`, and the environment `{environment.name}` wants it "
            "for new objects: write one, or change AssemblyCaller or AssemblyTemplate in samconfig.toml"
        )
        yield ("rules",), message


def _have_a_caller_in_common(one: AssembleRule, other: AssembleRule) -> bool:
    """Whether both rules name the same caller. Callers that only patterns fit are not looked for."""
    wanted = [rule.when.get("sub") for rule in (one, other)]
    return any(
        all(passes(each, {"claim": name}) for each in wanted) for name in itertools.chain(*map(list_exact, wanted))
    )
