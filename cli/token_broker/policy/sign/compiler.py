"""Compiles a rule that signs to the struct that the function reads."""

from typing import Literal

from broker.policy import signing
from broker.policy.conditions import Like

from token_broker.policy.assembly import compile_fields, compile_pieces, compile_steps
from token_broker.policy.conditions import compile_conditions
from token_broker.policy.model import Credential, SignRule
from token_broker.policy.sign.model import Assembly, NoLimit, SmartCdn, Storage


def compile_sign_rule(rule: SignRule, credential: Credential, cdn_url: str) -> signing.SignRule:
    """`credential` is the rule's. `cdn_url`: Smart CDN's, with `{workspace}` in the place of the Workspace's name."""
    workspace = credential.workspace or ""  # an Assembly needs none, and the checks see to it that the others have one
    origin = cdn_url.replace("{workspace}", workspace)
    return signing.SignRule(
        name=rule.name,
        issuer=rule.issuer,
        when=compile_conditions(rule.when),
        credential=rule.credential,
        assembly={
            name: _compile_assembly(form, credential.signature_algorithm) for name, form in rule.sign.assembly.items()
        },
        smart_cdn={name: _compile_smart_cdn(form, workspace, origin) for name, form in rule.sign.smart_cdn.items()},
        storage={name: _compile_storage(form, workspace) for name, form in rule.sign.storage.items()},
    )


def _compile_assembly(form: Assembly, algorithm: Literal["sha384", "sha256"]) -> signing.AssemblyForm:
    fields, caller_fields = compile_fields(form.fields)
    return signing.AssemblyForm(
        template_id=form.template_id,
        algorithm=algorithm,
        expires=form.expires,
        max_size=None if isinstance(form.max_size, NoLimit) else form.max_size,
        max_number_of_files=form.max_number_of_files,
        steps=compile_steps(form.steps),
        fields=fields,
        caller_fields=caller_fields,
    )


def _compile_smart_cdn(form: SmartCdn, workspace: str, origin: str) -> signing.SmartCdnForm:
    return signing.SmartCdnForm(
        origin=origin,
        workspace=workspace,
        template=form.template,
        under=compile_pieces(form.under or []),
        inputs=Like(form.inputs.like) if form.inputs else None,
        fixed={name: value for name, value in form.params.items() if not isinstance(value, list)},
        choices={name: tuple(value) for name, value in form.params.items() if isinstance(value, list)},
        expires=form.expires,
    )


def _compile_storage(form: Storage, workspace: str) -> signing.StorageForm:
    return signing.StorageForm(
        bucket=workspace, prefix=compile_pieces(form.prefix), scopes=tuple(form.scopes), expires=form.expires
    )
