"""The endpoints of Templates: https://transloadit.com/docs/api/#templates"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from local.sandbox.call import Answer, Call
from local.sandbox.errors import ApiError
from local.sandbox.instructions import find_template
from local.sandbox.listing import Listing
from local.sandbox.model import new_id
from local.sandbox.resources import BUILTIN, Template
from local.sandbox.store import Store
from local.sandbox.values import read_json, switch

# The official client's live tests use names with digits and 45 characters. Its schema allows no digits and 40
# characters.
_NAME = re.compile(r"[a-z0-9-]{5,45}")
_LISTING = Listing("TEMPLATE_LIST_ERROR", ("id", "name", "created", "modified"))
_WITH_BUILTIN = ("none", "latest", "all", "exclusively-latest", "exclusively-all")


class Templates:
    """The Templates of each Workspace, and one builtin Template."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def create(self, call: Call) -> Answer:
        if "template" not in call.params:
            raise ApiError("TEMPLATE_VALIDATION_ERROR", "template is needed: Assembly Instructions")
        now = self._clock()
        blank = Template(new_id(), call.workspace, "", {}, 0, now, now)
        return self._keep(self._changed(blank, call.params | {"name": call.params.get("name")}), "CREATED")

    async def get(self, call: Call) -> Answer:
        return _shown(find_template(self._store, call.workspace, call.path("id")), "FOUND")

    async def update(self, call: Call) -> Answer:
        return self._keep(self._changed(self._own(call), call.params), "UPDATED")

    async def delete(self, call: Call) -> Answer:
        del self._store.templates[self._own(call).id]
        return {"ok": "TEMPLATE_DELETED", "message": "The Template was deleted."}

    async def list(self, call: Call) -> Answer:
        builtin = call.params.get("include_builtin", "none")
        if builtin not in _WITH_BUILTIN:
            raise ApiError("TEMPLATE_LIST_ERROR", f"include_builtin is one of {', '.join(_WITH_BUILTIN)}")
        shown = {"" if builtin != "none" else None, None if builtin.startswith("exclusively") else call.workspace}
        found = [each for each in (BUILTIN, *self._store.templates.values()) if each.workspace in shown]
        return _LISTING.page(found, call.params, getattr, _words, Template.listed)

    def _own(self, call: Call) -> Template:
        found = find_template(self._store, call.workspace, call.path("id"))
        if found is BUILTIN:
            raise ApiError("TEMPLATE_VALIDATION_ERROR", "A builtin Template stays as it is")
        return found

    def _keep(self, template: Template, what: str) -> Answer:
        self._store.templates[template.id] = template
        return _shown(template, what)

    def _changed(self, template: Template, params: Mapping[str, Any]) -> Template:
        name = params.get("name", template.name)
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ApiError("TEMPLATE_VALIDATION_ERROR", "name has 5 to 45 letters from a to z, digits or dashes")
        others = (each for each in self._store.templates.values() if each.id != template.id)
        if any((each.workspace, each.name) == (template.workspace, name) for each in others):
            raise ApiError("TEMPLATE_VALIDATION_ERROR", "There is a Template of this name already")
        try:
            signed = int(switch(params.get("require_signature_auth", template.require_signature_auth)))
        except ValueError:
            raise ApiError("TEMPLATE_VALIDATION_ERROR", "require_signature_auth is 0 or 1") from None
        return replace(
            template,
            name=name,
            content=_content(params["template"]) if "template" in params else template.content,
            require_signature_auth=signed,
            assembly_status_expiry=params.get("assembly_status_expiry", template.assembly_status_expiry),
            transcoding_result_expiry=params.get("transcoding_result_expiry", template.transcoding_result_expiry),
            modified=self._clock(),
        )


def _content(value: Any) -> dict[str, Any]:
    """Read Assembly Instructions, which are an object or a text with its JSON."""
    if isinstance(value, str):
        try:
            value = read_json(value)
        except ValueError:
            raise ApiError("TEMPLATE_INVALID_JSON", "template is no valid JSON") from None
    if (
        not isinstance(value, dict)
        or not _are_objects(value.get("steps"))
        or not isinstance(value.get("fields", {}), dict)
    ):
        raise ApiError("TEMPLATE_VALIDATION_ERROR", "template is an object with steps, each an object")
    return value


def _words(template: Template) -> str:
    return f"{template.id} {template.name} {template.content}"


def _are_objects(steps: Any) -> bool:
    return isinstance(steps, dict) and all(isinstance(step, dict) for step in steps.values())


def _shown(template: Template, what: str) -> dict[str, Any]:
    return {"ok": f"TEMPLATE_{what}", "message": f"The Template was {what.lower()}."} | template.shown()
