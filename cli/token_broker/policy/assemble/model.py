"""The keys below `assemble`: Assemblies that the broker makes for callers who invoke it."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator

from token_broker.policy.assembly import Bytes, FieldValue, TemplateUse, read_size, refuse_claim


def _check_field(name: str) -> str:
    # The function reads no other names of fields.
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
        raise ValueError("a field's name has at most 64 letters, digits and _-")
    return name


def _check_template_id(value: str) -> str:
    # The function takes an Assembly for its own only where the status shows this id. It never shows a name there.
    if not re.fullmatch(r"[0-9a-f]{32}", value):
        raise ValueError("the id of a Template, 32 hexadecimal digits: the status of an Assembly shows no other name")
    return value


class MadeAssembly(TemplateUse):
    template_id: Annotated[str, AfterValidator(_check_template_id)]
    """Of the Template: its id, which the status of each Assembly shows."""
    fields: dict[
        Annotated[str, AfterValidator(_check_field)],
        Annotated[FieldValue, refuse_claim("write the text itself, or pin the claim in `steps`:")],
    ] = {}
    """A text, or `{caller: true}` for one that the caller or the event writes. There are no others."""
    max_size: Annotated[Bytes, read_size("leave it out for no limit")] | None = None
    """Of all files of an Assembly, 10^6 bytes a MB; left out: no limit."""
    notify: Literal["durable", "states"] | None = None
    """The caller that may wait until the Assembly is done: a durable function, or a task of a state machine."""
    output: Literal["none"] | None = None
    """`none`: the answer holds no id and no URL, by which their readers see the Assembly's files."""
