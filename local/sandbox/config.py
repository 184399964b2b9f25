"""The sandbox's YAML file: Workspaces with their Auth Keys, and settings."""

from collections.abc import Iterator
from typing import Annotated

from broker.policy.scopes import SCOPES
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from token_broker.policy import document, errors
from token_broker.policy.document import PolicyErrors, Problem
from token_broker.policy.values import Scopes, Text

from local.sandbox.model import Algorithm, AuthKey, Limit, Settings, Workspace, is_key, new_id

_EMPTY = "the file is empty; start with `workspaces: {sandbox: {auth_keys: [{}]}}`"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _without_colon(key: str) -> str:
    if not is_key(key):
        raise ValueError("write an Auth Key without a colon: it ends the user of HTTP Basic")
    return key


class KeySpec(_Strict):
    """An Auth Key. A missing `key` or `secret` is made anew at each start."""

    key: Annotated[Text, AfterValidator(_without_colon)] | None = None
    secret: Text | None = Field(None, repr=False)
    scopes: Scopes = "*"
    signature_algo: Algorithm | None = None
    description: str = ""
    can_show_auth_secret: bool = False


class WorkspaceSpec(_Strict):
    require_signature: bool = True
    cancelled: bool = False
    enforce_aud: bool = False
    auth_keys: Annotated[list[KeySpec], Field(min_length=1)]


class LimitSpec(_Strict):
    requests: Annotated[int, Field(ge=1)]
    per_seconds: Annotated[int, Field(ge=1)] = 60

    def limit(self) -> Limit:
        return Limit(self.requests, self.per_seconds)


class LimitSpecs(_Strict):
    token: LimitSpec | None = None
    assembly: LimitSpec | None = None
    status: LimitSpec | None = None
    request: LimitSpec | None = None


class SandboxSpec(_Strict):
    workspaces: Annotated[dict[str, WorkspaceSpec], Field(min_length=1)]
    execution_seconds: Annotated[float, Field(ge=0)] = 1.0
    limits: LimitSpecs = LimitSpecs()


_KEYS = sorted(
    {name for model in (SandboxSpec, WorkspaceSpec, KeySpec, LimitSpecs, LimitSpec) for name in model.model_fields}
)


def read_config(text: str, file: str) -> tuple[list[AuthKey], Settings]:
    """Read the text of `file`. Raises PolicyErrors with each mistake's place and the way to correct it."""
    if all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines()):
        raise PolicyErrors(file, [Problem(1, 1, _EMPTY)])
    read = document.read(text, file)
    try:
        spec = SandboxSpec.model_validate(read.value)
    except ValidationError as error:
        raise PolicyErrors(file, errors.problems(error, read, _KEYS, "docs/sandbox.md")) from None
    keys, seen = [], set()
    for path, key in _keys(spec):
        if key.key in seen:
            line, column = read.find_place(path)
            raise PolicyErrors(file, [Problem(line, column, f"the Auth Key {key.key} a second time; rename one")])
        seen.add(key.key)
        keys.append(key)
    return keys, _settings(spec)


def _keys(spec: SandboxSpec) -> Iterator[tuple[document.Path, AuthKey]]:
    for slug, workspace in spec.workspaces.items():
        for place, key in enumerate(workspace.auth_keys):
            yield (
                ("workspaces", slug, "auth_keys", place, "key"),
                AuthKey(
                    key=key.key or new_id(),
                    secret=key.secret or new_id(),
                    scopes=SCOPES if key.scopes == "*" else tuple(key.scopes),
                    signature_algo=key.signature_algo,
                    workspace=slug,
                    description=key.description,
                    can_show_auth_secret=key.can_show_auth_secret,
                ),
            )


def _settings(spec: SandboxSpec) -> Settings:
    limits = {f"{name}_limit": each.limit() for name, each in spec.limits if each is not None}
    return Settings(
        workspaces=tuple(
            Workspace(slug, each.require_signature, each.cancelled, each.enforce_aud)
            for slug, each in spec.workspaces.items()
        ),
        execution_seconds=spec.execution_seconds,
        **limits,
    )
