"""An Assembly as an author describes it, in rules that sign and in rules that assemble: the keys that both have, and
their compiled form."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from broker.policy import signing
from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from token_broker.policy import texts
from token_broker.policy.values import PlainName, Strict, find_form

_BYTES = {"KB": 10**3, "MB": 10**6, "GB": 10**9}


def read_size(otherwise: str) -> BeforeValidator:
    """Reads the bytes of `100MB`. `otherwise`: what an author may write in place of a size."""

    def read(value: Any) -> Any:
        found = re.fullmatch(r"([1-9][0-9]{0,5})(KB|MB|GB)", value) if isinstance(value, str) else None
        if found is None:
            raise ValueError(f"write a size such as 500KB, 100MB or 2GB, or {otherwise}")
        return int(found[1]) * _BYTES[found[2]]

    return BeforeValidator(read)


def refuse_claim(remedy: str) -> BeforeValidator:
    """Refuses `{claim: …}` where no claim can stand."""

    def check(value: Any) -> Any:
        if isinstance(value, dict) and "claim" in value:
            raise ValueError(f"{remedy} {{<step>: {{<parameter>: [<text>, {{claim: …}}]}}}}")
        return value

    return BeforeValidator(check)


def _check_template(value: str) -> str:
    if not re.fullmatch(r"(builtin/)?[A-Za-z0-9][A-Za-z0-9_.@-]{0,99}", value):
        raise ValueError("the id or the name of a Template, or builtin/…")
    return value


def _refuse_mapping(value: Any) -> Any:
    if isinstance(value, dict):
        raise ValueError("write a text, or a list of texts and claims such as [users/, {claim: sub}]")
    return value


class ClaimOf(Strict):
    claim: Annotated[str, Field(min_length=1)]
    """A claim of the caller, or a JSON pointer: `sub`, or one that its bearer cannot write."""


class ByCaller(Strict):
    caller: Literal[True]
    """The caller writes this field."""


Template = Annotated[str, AfterValidator(_check_template)]
Bytes = Annotated[
    int, WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,5}(KB|MB|GB)$", "examples": ["100MB"]})
]
FieldValue = Annotated[Annotated[str, Tag("scalar")] | Annotated[ByCaller, Tag("mapping")], Discriminator(find_form)]
StepText = Annotated[str, AfterValidator(texts.check_text)]
Piece = Annotated[Annotated[StepText, Tag("scalar")] | Annotated[ClaimOf, Tag("mapping")], Discriminator(find_form)]
Pieces = str | list[str | ClaimOf]


def _check_pieces(value: Pieces) -> Pieces:
    pieces = value if isinstance(value, list) else [value]
    texts.check_expressions([piece if isinstance(piece, str) else None for piece in pieces])
    return value


StepValue = Annotated[
    Annotated[StepText, Tag("scalar")] | Annotated[list[Piece], Field(min_length=1), Tag("list")],
    Discriminator(find_form),
    AfterValidator(_check_pieces),
    BeforeValidator(_refuse_mapping),
]


class TemplateUse(Strict):
    template_id: Template
    """Of the Template: its id, or its name."""
    steps: dict[PlainName, Annotated[dict[PlainName, StepValue], Field(min_length=1)]] = {}
    """Pinned: laid over the Template's steps, parameter by parameter. A text, or a list of texts and `{claim: …}`."""
    max_number_of_files: Annotated[int, Field(ge=1)] | None = None
    """Of an Assembly; imports count."""


def compile_steps(steps: Mapping[str, Mapping[str, Pieces]]) -> dict[str, dict[str, signing.Pieces]]:
    return {
        step: {name: compile_pieces(value if isinstance(value, list) else [value]) for name, value in pinned.items()}
        for step, pinned in steps.items()
    }


def compile_pieces(pieces: Iterable[str | ClaimOf]) -> tuple[str | signing.ClaimOf, ...]:
    return tuple(piece if isinstance(piece, str) else signing.ClaimOf(piece.claim) for piece in pieces)


def compile_fields(fields: Mapping[str, str | ByCaller]) -> tuple[dict[str, str], frozenset[str]]:
    """The fields that the policy writes, and the names of those that callers write."""
    written = {name: value for name, value in fields.items() if isinstance(value, str)}
    return written, frozenset(fields.keys() - written)
