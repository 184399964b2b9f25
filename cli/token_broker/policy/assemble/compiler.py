"""Compiles a rule that assembles to the struct that the function reads."""

from broker.policy import assembling

from token_broker.policy.assemble.model import MadeAssembly
from token_broker.policy.assembly import compile_fields, compile_steps
from token_broker.policy.conditions import compile_conditions
from token_broker.policy.model import AssembleRule, Credential


def compile_assemble_rule(rule: AssembleRule, credential: Credential) -> assembling.AssembleRule:
    """`credential` is the rule's; the checks see to it that it has a Workspace."""
    return assembling.AssembleRule(
        name=rule.name,
        issuer=rule.issuer,
        when=compile_conditions(rule.when),
        credential=rule.credential,
        workspace=credential.workspace or "",
        assemble={name: _compile_form(form) for name, form in rule.assemble.items()},
    )


def _compile_form(form: MadeAssembly) -> assembling.AssembleForm:
    fields, caller_fields = compile_fields(form.fields)
    return assembling.AssembleForm(
        template_id=form.template_id,
        steps=compile_steps(form.steps),
        fields=fields,
        caller_fields=caller_fields,
        max_size=form.max_size,
        max_number_of_files=form.max_number_of_files,
        notify=form.notify,
        shows_id=form.output != "none",
    )
