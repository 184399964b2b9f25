"""The values of which the model of a trust policy is made, each with its check."""

import re
import unicodedata
from typing import Annotated, Any, Literal

from broker.policy.jwk import ALGORITHMS
from broker.policy.scopes import SCOPES
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, WithJsonSchema

from token_broker.names import unknown

_INVISIBLE = {"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"}  # categories of Unicode
UNITS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}  # in seconds


def _read_duration(value: Any) -> Any:
    """The seconds of `30s`, `10m`, `1h` or `1d`."""
    found = re.fullmatch(r"([0-9]{1,6})([smhd])", value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("write a duration such as 30s, 10m, 1h or 1d")
    return int(found[1]) * UNITS[found[2]]


def _check_algorithm(value: str) -> str:
    # With a shared secret the broker could sign as the issuer. And where both kinds count, a forger signs with the text
    # of the public key as if it were the secret (RFC 8725 section 2.1).
    if value.startswith("HS") or value == "none":
        raise ValueError("only asymmetric algorithms: whoever can verify a shared secret can also sign with it")
    if value not in ALGORITHMS:
        raise ValueError(f"{value} is no algorithm; one of {', '.join(sorted(ALGORITHMS))}")
    return value


def check_unique(values: list[Any]) -> list[Any]:
    if len({repr(value) for value in values}) != len(values):
        raise ValueError("a value is there twice; keep one")
    return values


def _check_visible(value: str) -> str:
    # An invisible character makes a value that looks right and equals nothing.
    if not value or any(unicodedata.category(sign) in _INVISIBLE for sign in value):
        raise ValueError("write a text without spaces, control or invisible characters")
    return value


def _check_credential_name(value: str) -> str:
    # The deployment lists the names separated by commas.
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", value):
        raise ValueError("a credential's name has letters, digits and _.- only")
    return value


def _check_plain_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", value):
        raise ValueError("at most 64 letters, digits and _.-")
    return value


def _check_scope(value: str) -> str:
    if value not in SCOPES:
        raise ValueError(unknown("scope of Transloadit", value, SCOPES))
    return value


def find_form(value: Any) -> str:
    """The form in which a choice was written, so that an error speaks of that form only."""
    if isinstance(value, (dict, BaseModel)):
        return "mapping"
    return "list" if isinstance(value, list) else "scalar"


def _check_pattern(value: str) -> str:
    if re.search(r"[\x00-\x1f\x7f-\x9f]", value):
        raise ValueError("a pattern holds no control characters")
    if "*" not in value:
        raise ValueError("a pattern without * is a plain value; leave `like` out")
    return value


Name = Annotated[str, Field(min_length=1, max_length=100)]
Text = Annotated[str, AfterValidator(_check_visible)]
CredentialName = Annotated[str, Field(max_length=64), AfterValidator(_check_credential_name)]
PlainName = Annotated[str, AfterValidator(_check_plain_name)]
Duration = Annotated[
    int,
    BeforeValidator(_read_duration),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,6}[smhd]$", "examples": ["30s"]}),
]
Algorithm = Annotated[str, AfterValidator(_check_algorithm)]
Scalar = str | bool | int | float
Scalars = Annotated[list[Scalar], Field(min_length=1), AfterValidator(check_unique)]
Scope = Annotated[str, AfterValidator(_check_scope), WithJsonSchema({"enum": list(SCOPES)})]
Scopes = Annotated[
    Annotated[list[Scope], Field(min_length=1), AfterValidator(check_unique), Tag("list")]
    | Annotated[Literal["*"], Tag("scalar")],
    Discriminator(find_form),
]


Pattern = Annotated[str, AfterValidator(_check_pattern)]
Reason = Annotated[str, Field(min_length=3)]
Silence = dict[str, Reason]


class Strict(BaseModel):
    # Unknown keys are errors: a misspelt `requrie` would otherwise be a condition that nobody checks. Strict: a text is
    # never taken for a number.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)
