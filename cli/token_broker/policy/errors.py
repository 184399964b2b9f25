"""Turns the model's errors into messages that say what to do, with their place in the file."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from token_broker.names import nearest
from token_broker.policy.assemble.model import MadeAssembly
from token_broker.policy.document import Document, Path, Problem
from token_broker.policy.model import (
    AssembleRule,
    Case,
    Credential,
    Expected,
    ExpectedAssemblies,
    ExpectedSignatures,
    Issuer,
    Matcher,
    ScopeRule,
    SignRule,
    TrustPolicy,
)
from token_broker.policy.sign.model import Assembly, Sign, SmartCdn, Storage

_MODELS = (
    *(TrustPolicy, Credential, Issuer, ScopeRule, SignRule, AssembleRule, Matcher),
    *(Case, Expected, ExpectedSignatures, ExpectedAssemblies),
    *(Sign, Assembly, SmartCdn, Storage, MadeAssembly),
)
_KEYS = sorted(
    {field.alias or name for model in _MODELS for name, field in model.model_fields.items()}
    | {"url", "jwks", "claim", "caller", "none"}
)
# The possible values of keys that have a choice.
_CHOICES = {
    "scopes": 'a list, such as [assemblies:write], or "*" for all that the Auth Key has',
    "keys": "discovery, {url: https://…} or {jwks: {keys: […]}}",
    "expect": "refused, {scopes: […]}, {sign: {assembly: […]}} or {assemble: […]}",
    "require": "conditions such as {token_use: id}; write one, or take it out",
    "caller": "true, for a field that the caller writes",
    "when": "conditions such as {groups: {any: [editors]}}; write at least one",
}
# The lines that every policy needs, to copy.
_LACKING: dict[Path, str] = {
    ("version",): "the line `version: 1`",
    ("credentials",): "the line `credentials: {default: {}}`",
    ("rules", "scopes"): "it, or `sign` or `assemble` in its place",
}
_SCALARS = {"string_type", "bool_type", "int_type", "float_type"}
_KINDS = {
    "string_type": "must be a text; put it in quotes",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "list_type": "must be a list, such as [one, two]",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
}


def problems(
    error: ValidationError, document: Document, keys: Sequence[str] = _KEYS, page: str = "docs/policy.md"
) -> list[Problem]:
    """Each of the model's errors as a problem with its place. `keys`: all known keys; `page` documents them."""
    found = []
    for detail in error.errors(include_url=False):
        path = _path(detail["loc"], document.value, names_missing=detail["type"] == "missing")
        line, column = document.find_place(path, of_key=detail["type"] == "extra_forbidden")
        found.append(Problem(line, column, _message(dict(detail), path, keys, page)))
    return found


def _path(location: tuple[str | int, ...], value: Any, *, names_missing: bool) -> Path:
    """The location without pydantic's labels: only keys and places of the document, and a missing key at the end."""
    path: list[str | int] = []
    for place, step in enumerate(location):
        inside = isinstance(value, Mapping) and step in value
        if inside or (isinstance(value, list) and isinstance(step, int) and step < len(value)):
            path.append(step)
            value = value[step]
        elif names_missing and place == len(location) - 1:
            path.append(step)
    return tuple(path)


def _message(detail: dict[str, Any], path: Path, keys: Sequence[str], page: str) -> str:
    named = [step for step in path if isinstance(step, str)]
    name = f"`{named[-1]}`" if named else "the file"
    kind = detail["type"]
    if kind == "extra_forbidden" and path[:1] == ("credentials",) and path[-1] == "secret":
        return "`secret` belongs to the deployment (SecretName, MoreCredentials, MoreSecretArns); take it out here"
    if kind == "extra_forbidden" and path[:1] == ("rules",) and path[2:] in (("scopes",), ("assemble",)):
        return "a rule gives one thing: `scopes`, `sign` or `assemble`; write a rule for each"
    if kind == "extra_forbidden":
        return _unknown_key(str(path[-1]), keys, page)
    if kind == "missing":
        place = tuple(step for step in path if isinstance(step, str))
        return f"{name} is missing; add {_LACKING.get(place, 'it')}"
    if kind == "value_error":
        return f"{name}: {detail['ctx']['error']}"
    if kind in ("literal_error", "union_tag_invalid") or (kind == "dict_type" and named and named[-1] in _CHOICES):
        # Of an item of a list pydantic knows the values.
        written = path[-1] if path else ""
        expected = _CHOICES.get(str(written)) or detail.get("ctx", {}).get("expected", "of another kind")
        return f"{name} must be {expected}"
    if kind in ("less_than_equal", "greater_than", "greater_than_equal", "string_too_long"):
        return f"{name} is out of range: {detail['msg'].lower()}"
    if detail["input"] is None:
        return f"{name} is empty; give it a value, or take it out"
    if kind in _SCALARS and _is_of_scalars(detail["loc"]):
        return f"{name} must be a text, a number, true or false"
    return f"{name} {_KINDS.get(kind, detail['msg'][0].lower() + detail['msg'][1:])}"


def _is_of_scalars(location: tuple[str | int, ...]) -> bool:
    """Whether pydantic tried each kind of scalar in turn. Then the location ends with the label of a kind."""
    return location[-1] in {"str", "bool", "int", "float"}


def _unknown_key(key: str, keys: Sequence[str], page: str) -> str:
    if key in keys:
        return f"`{key}` does not belong here; see {page} for its place"
    near = nearest(key, keys)
    return f"unknown key `{key}`" + (f"; did you mean `{near}`?" if near else "; take it out")
