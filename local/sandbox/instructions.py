"""Reads Assembly Instructions: `params`, merged with the Template that they name, and checked.

https://transloadit.com/docs/topics/assembly-instructions/
"""

import re
from collections.abc import Mapping
from typing import Any

from local.sandbox.assembly import Instructions
from local.sandbox.errors import ApiError
from local.sandbox.resources import BUILTIN, Template
from local.sandbox.robots import ROBOTS
from local.sandbox.store import Store

_IMPORT = "/transloadit/import"
_RESERVED = {"params", "signature", "num_expected_upload_files", "tus_num_expected_upload_files"}


def read_instructions(
    params: Mapping[str, Any],
    fields: Mapping[str, str],
    store: Store,
    workspace: str,
    before: Instructions | None = None,
) -> Instructions:
    """Read `params` and form fields. `before`: the instructions of the Assembly to replay. Raises ApiError."""
    template = _template(params, store, workspace, before)
    content = template.content if template else {}
    is_fresh = before is None or "template_id" in params or bool(params.get("reparse_template"))
    base = before.steps if before and not is_fresh else content.get("steps")
    auth = params.get("auth") or {}
    more = params.get("fields")
    return Instructions(
        params=fields.get("params", "{}"),
        steps=_steps(params.get("steps"), base, content),
        fields=(before.fields if before else {})
        | (content.get("fields") or {})
        | (more if isinstance(more, dict) else {})
        # A form field is not signed, and overrides a signed one all the same: fields are defaults, not limits.
        | {name: value for name, value in fields.items() if name not in _RESERVED},
        template=template,
        notify_url=read_notify_url(
            params.get("notify_url", content.get("notify_url") or (before.notify_url if before else None))
        ),
        redirect_url=params.get("redirect_url"),
        max_size=_number(auth, "max_size", "INVALID_AUTH_MAX_SIZE_PARAMETER"),
        max_number_of_files=_number(auth, "max_number_of_files", "INVALID_AUTH_MAX_NUMBER_OF_FILES_PARAMETER"),
    )


def _template(params: Mapping[str, Any], store: Store, workspace: str, before: Instructions | None) -> Template | None:
    """The Template that the request names. A replay uses the first one's: as it was, or as it is now if the request
    has `reparse_template`.
    """
    if "template_id" in params:
        return find_template(store, workspace, params["template_id"])
    if before is None or before.template is None:
        return None
    return find_template(store, workspace, before.template.id) if params.get("reparse_template") else before.template


def needs_proof(instructions: Instructions) -> bool:
    """Whether an Auth Key alone does not suffice, even if the Workspace does not enforce signatures."""
    template = instructions.template
    robots = {step["robot"] for step in instructions.steps.values()}
    return bool(template and template.require_signature_auth) or _IMPORT in robots


def find_template(store: Store, workspace: str, id_or_name: Any) -> Template:
    """Find a Template by its id or name. Raises ApiError."""
    if not isinstance(id_or_name, str) or not id_or_name:
        raise ApiError("NO_TEMPLATE_ID", "There is no id of a Template")
    # Without a version the latest one is meant: https://transloadit.com/docs/topics/builtin-templates/
    is_builtin = id_or_name.removesuffix("@latest") == BUILTIN.name or id_or_name == BUILTIN.id
    found = BUILTIN if is_builtin else store.templates.get(id_or_name)
    if found is None:
        found = next(
            (each for each in store.templates.values() if (each.name, each.workspace) == (id_or_name, workspace)), None
        )
    if found is None or found.workspace not in (workspace, ""):
        raise ApiError("TEMPLATE_NOT_FOUND", "The Template was not found")
    return found


def read_notify_url(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not re.match(r"https?://", value):
        raise ApiError("ASSEMBLY_INVALID_NOTIFY_URL", "The notify_url is no URL by http or https")
    return value


def _steps(steps: Any, base: Any, content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Merge the request's Steps into those of the Template or the replayed Assembly, key by key. Raises ApiError."""
    if steps is None and base is None:
        raise ApiError("ASSEMBLY_NO_STEPS", "There are neither steps nor a template_id")
    if steps and content.get("allow_steps_override") is False:
        raise ApiError("TEMPLATE_DENIES_STEPS_OVERRIDE", "The Template does not allow to override its Steps")
    base, steps = base or {}, {} if steps is None else steps
    if not isinstance(steps, dict) or not all(isinstance(step, dict) for step in steps.values()):
        raise ApiError("ASSEMBLY_INVALID_STEPS", "The steps are no object of objects")
    merged = {name: base.get(name, {}) | steps.get(name, {}) for name in [*base, *steps]}
    if not merged:
        raise ApiError("ASSEMBLY_EMPTY_STEPS", "The steps are empty")
    for name, step in merged.items():
        if "robot" not in step:
            raise ApiError("ASSEMBLY_STEP_NO_ROBOT", f"The Step {name} names no robot")
        if str(step["robot"]) not in ROBOTS:
            raise ApiError("ASSEMBLY_STEP_UNKNOWN_ROBOT", f"The Step {name} names an unknown robot: {step['robot']}")
    return merged


def _number(auth: Mapping[str, Any], name: str, code: str) -> int | None:
    value = auth.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise ApiError(code, f"The auth.{name} parameter is no whole number from 1")
    return value
