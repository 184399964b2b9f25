"""The keys of `sign`: Assemblies, Smart CDN URLs and Storage grants that callers may have signed."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from token_broker.policy.sign import texts
from token_broker.policy.values import Duration, Pattern, Reason, Strict, check_unique, find_form

MAX_INTEGER = 2**53 - 1  # a larger one is another number in JavaScript

_BYTES = {"KB": 10**3, "MB": 10**6, "GB": 10**9}
# These would replace the signed input, or the signature itself.
_RESERVED_PARAMS = {"input", "auth_key", "exp", "sig", "hsh", "template", "workspace"}


def _read_size(value: Any) -> Any:
    """The bytes of `100MB`."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})(KB|MB|GB)", value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("write a size such as 500KB, 100MB or 2GB, or {none: <why there is no limit>}")
    return int(found[1]) * _BYTES[found[2]]


def _check_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", value):
        raise ValueError("at most 64 letters, digits and _.-")
    return value


def _check_template(value: str) -> str:
    if not re.fullmatch(r"(builtin/)?[A-Za-z0-9][A-Za-z0-9_.@-]{0,99}", value):
        raise ValueError("the id or the name of a Template, or builtin/…")
    return value


def _check_param(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_]{1,64}", name):
        raise ValueError("a parameter's name has at most 64 letters, digits and underscores")
    if name in _RESERVED_PARAMS:
        raise ValueError(f"`{name}` belongs to the signed URL itself; take it out")
    return name


def _check_param_value(value: Any) -> Any:
    if isinstance(value, str):
        return texts.check_text(value)
    if not isinstance(value, int):
        raise ValueError("write an integer, true, false or a text")
    if abs(value) > MAX_INTEGER:
        raise ValueError("an integer is below 2^53; put a longer one in quotes")
    return value


def _refuse_claim(value: Any) -> Any:
    if isinstance(value, dict) and "claim" in value:
        raise ValueError(
            "a form field of that name overrides a signed one, so a claim proves nothing here; pin it in `steps`: "
            "{<step>: {<parameter>: [<text>, {claim: …}]}}"
        )
    return value


def _refuse_mapping(value: Any) -> Any:
    if isinstance(value, dict):
        raise ValueError("write a text, or a list of texts and claims such as [users/, {claim: sub}]")
    return value


def _check_most(seconds: int, written: str) -> AfterValidator:
    def check(value: int) -> int:
        if not 0 < value <= seconds:
            raise ValueError(f"at most {written}, and not 0s")
        return value

    return AfterValidator(check)


class ClaimOf(Strict):
    claim: Annotated[str, Field(min_length=1)]
    """A claim of the caller, or a JSON pointer: `sub`, or one that its bearer cannot write."""


class ByCaller(Strict):
    caller: Literal[True]
    """The caller writes this field."""


class NoLimit(Strict):
    none: Reason
    """The reason."""


class InputsLike(Strict):
    like: Annotated[Pattern, AfterValidator(texts.check_input_pattern)]
    """The whole input: `*` within a segment, `**` across them; segments end at `/` and `:`."""


SignName = Annotated[str, AfterValidator(_check_name)]
Template = Annotated[str, AfterValidator(_check_template)]
Path = Annotated[
    list[
        Annotated[
            Annotated[str, AfterValidator(texts.check_segment), Tag("scalar")] | Annotated[ClaimOf, Tag("mapping")],
            Discriminator(find_form),
        ]
    ],
    Field(min_length=1),
]
StepText = Annotated[str, AfterValidator(texts.check_text)]
Piece = Annotated[Annotated[StepText, Tag("scalar")] | Annotated[ClaimOf, Tag("mapping")], Discriminator(find_form)]


def _check_pieces(value: str | list[str | ClaimOf]) -> str | list[str | ClaimOf]:
    pieces = value if isinstance(value, list) else [value]
    texts.check_expressions([piece if isinstance(piece, str) else None for piece in pieces])
    return value


StepValue = Annotated[
    Annotated[StepText, Tag("scalar")] | Annotated[list[Piece], Field(min_length=1), Tag("list")],
    Discriminator(find_form),
    AfterValidator(_check_pieces),
    BeforeValidator(_refuse_mapping),
]
FieldValue = Annotated[
    Annotated[str, Tag("scalar")] | Annotated[ByCaller, Tag("mapping")],
    Discriminator(find_form),
    BeforeValidator(_refuse_claim),
]
Size = Annotated[
    Annotated[
        int,
        BeforeValidator(_read_size),
        WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,5}(KB|MB|GB)$", "examples": ["100MB"]}),
        Tag("scalar"),
    ]
    | Annotated[NoLimit, Tag("mapping")],
    Discriminator(find_form),
]
Parameter = Annotated[str, AfterValidator(_check_param)]
ParameterValue = Annotated[str | bool | int, BeforeValidator(_check_param_value)]
ParameterChoice = Annotated[
    Annotated[ParameterValue, Tag("scalar")]
    | Annotated[list[ParameterValue], Field(min_length=1), AfterValidator(check_unique), Tag("list")],
    Discriminator(find_form),
]


class Assembly(Strict):
    template_id: Template
    """Of the Template: its id, or its name."""
    steps: dict[SignName, Annotated[dict[SignName, StepValue], Field(min_length=1)]] = {}
    """Pinned: laid over the Template's steps, parameter by parameter. A text, or a list of texts and `{claim: …}`."""
    fields: dict[SignName, FieldValue] = {}
    """Defaults: a text, or `{caller: true}` for one that the caller writes. A form field of the same name overrides."""
    max_size: Size
    """Of all files of an Assembly, 10^6 bytes a MB; or `{none: <reason>}`."""
    max_number_of_files: Annotated[int, Field(ge=1)] | None = None
    """Of an Assembly; imports count."""
    expires: Annotated[Duration, _check_most(900, "15m")] = 300
    """At most 15m."""


class SmartCdn(Strict):
    template: Template
    """Of the Template: its name, its id or builtin/…"""
    under: Path | None = None
    """The segments with which an input begins, in texts and `{claim: …}`; or `inputs`."""
    inputs: InputsLike | None = None
    """`{like: …}`: the shape of inputs, in place of `under`."""
    params: dict[Parameter, ParameterChoice] = {}
    """A value is in every URL; of a list the caller may send one, or none."""
    expires: Annotated[Duration, _check_most(7 * 86_400, "7d")] = 3600
    """At most 7d; also what a caller gets who asks for no time."""

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if (self.under is None) == (self.inputs is None):
            raise ValueError("say which inputs: `under: [users, {claim: sub}]` or `inputs: {like: …}`, one of the two")
        return self


class Storage(Strict):
    prefix: Path
    """Segments, in texts and `{claim: …}`."""
    scopes: Annotated[list[Literal["read", "write"]], Field(min_length=1), AfterValidator(check_unique)]
    """Of the grant."""
    expires: Annotated[Duration, _check_most(3600, "1h")] = 900
    """At most 1h."""


class SignNames(Strict):
    """Names of what a caller may have signed. A kind that is left out has none."""

    assembly: list[SignName] = []
    """Of Assemblies."""
    smart_cdn: list[SignName] = []
    """Of Smart CDN URLs."""
    storage: list[SignName] = []
    """Of Storage grants."""

    @model_validator(mode="after")
    def _check_not_empty(self) -> Self:
        if not (self.assembly or self.smart_cdn or self.storage):
            raise ValueError("name a signature; for none write `expect: refused`")
        return self


class Sign(Strict):
    """What a caller may have signed, by names that the caller gives. There is at least one."""

    assembly: Annotated[dict[SignName, Assembly], Field(min_length=1)] = {}
    """Assemblies: the parameters that an upload widget wants."""
    smart_cdn: Annotated[dict[SignName, SmartCdn], Field(min_length=1)] = {}
    """Smart CDN URLs."""
    storage: Annotated[dict[SignName, Storage], Field(min_length=1)] = {}
    """Storage grants, a preview."""

    @model_validator(mode="after")
    def _check_not_empty(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("say what: assembly, smart_cdn or storage")
        return self
