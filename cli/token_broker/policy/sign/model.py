"""The keys of `sign`: Assemblies, Smart CDN URLs and Storage grants that callers may have signed."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from token_broker.policy import texts
from token_broker.policy.assembly import Bytes, ClaimOf, FieldValue, Template, TemplateUse, read_size, refuse_claim
from token_broker.policy.values import Duration, Pattern, PlainName, Reason, Strict, check_unique, find_form

MAX_INTEGER = 2**53 - 1  # a larger one is another number in JavaScript

# These would replace the signed input, or the signature itself.
_RESERVED_PARAMS = {"input", "auth_key", "exp", "sig", "hsh", "template", "workspace"}


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


def _check_most(seconds: int, written: str) -> AfterValidator:
    def check(value: int) -> int:
        if not 0 < value <= seconds:
            raise ValueError(f"at most {written}, and not 0s")
        return value

    return AfterValidator(check)


class NoLimit(Strict):
    none: Reason
    """The reason."""


class InputsLike(Strict):
    like: Annotated[Pattern, AfterValidator(texts.check_input_pattern)]
    """The whole input: `*` within a segment, `**` across them; segments end at `/` and `:`."""


Path = Annotated[
    list[
        Annotated[
            Annotated[str, AfterValidator(texts.check_segment), Tag("scalar")] | Annotated[ClaimOf, Tag("mapping")],
            Discriminator(find_form),
        ]
    ],
    Field(min_length=1),
]
_FieldValue = Annotated[
    FieldValue,
    refuse_claim(
        "a form field of that name overrides a signed one, so a claim proves nothing here; pin it in `steps`:"
    ),
]
Size = Annotated[
    Annotated[Bytes, read_size("{none: <why there is no limit>}"), Tag("scalar")] | Annotated[NoLimit, Tag("mapping")],
    Discriminator(find_form),
]
Parameter = Annotated[str, AfterValidator(_check_param)]
ParameterValue = Annotated[str | bool | int, BeforeValidator(_check_param_value)]
ParameterChoice = Annotated[
    Annotated[ParameterValue, Tag("scalar")]
    | Annotated[list[ParameterValue], Field(min_length=1), AfterValidator(check_unique), Tag("list")],
    Discriminator(find_form),
]


class Assembly(TemplateUse):
    fields: dict[PlainName, _FieldValue] = {}
    """Defaults: a text, or `{caller: true}` for one that the caller writes. A form field of the same name overrides."""
    max_size: Size
    """Of all files of an Assembly, 10^6 bytes a MB; or `{none: <reason>}`."""
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

    assembly: list[PlainName] = []
    """Of Assemblies."""
    smart_cdn: list[PlainName] = []
    """Of Smart CDN URLs."""
    storage: list[PlainName] = []
    """Of Storage grants."""

    @model_validator(mode="after")
    def _check_not_empty(self) -> Self:
        if not (self.assembly or self.smart_cdn or self.storage):
            raise ValueError("name a signature; for none write `expect: refused`")
        return self


class Sign(Strict):
    """What a caller may have signed, by names that the caller gives. There is at least one."""

    assembly: Annotated[dict[PlainName, Assembly], Field(min_length=1)] = {}
    """Assemblies: the parameters that an upload widget wants."""
    smart_cdn: Annotated[dict[PlainName, SmartCdn], Field(min_length=1)] = {}
    """Smart CDN URLs."""
    storage: Annotated[dict[PlainName, Storage], Field(min_length=1)] = {}
    """Storage grants, a preview."""

    @model_validator(mode="after")
    def _check_not_empty(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("say what: assembly, smart_cdn or storage")
        return self
