"""One request to an endpoint: its form or query, its files, its `params`, and its sender."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from local.sandbox.errors import ApiError
from local.sandbox.model import AuthKey
from local.sandbox.values import read_json

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file of a multipart form."""

    field: str
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Sender:
    """The authenticated sender of a request. `how`: `bearer`, `signature`, or `key` for an Auth Key without a proof.

    `aud` is set for a bearer token only.
    """

    key: AuthKey
    how: str
    scopes: frozenset[str]
    aud: str | None = None

    def holds(self, scope: str) -> bool:
        """Whether the sender has this scope, or `read` or `write`, which cover all reads or writes.

        Every sender has the empty scope.
        """
        return not scope or scope in self.scopes or scope.rpartition(":")[2] in self.scopes

    def __str__(self) -> str:
        token = f" (aud {self.aud}: {' '.join(sorted(self.scopes))})" if self.aud else ""
        return f"{self.how} of {self.key.key}{token}"


@dataclass(frozen=True, slots=True)
class Call:
    """`sender` is None on routes that need no authentication, because the id in the URL cannot be guessed."""

    request: web.Request
    fields: Mapping[str, str]
    files: tuple[SentFile, ...]
    params: dict[str, Any]
    sender: Sender | None

    @property
    def key(self) -> AuthKey:
        assert self.sender is not None, "the table of routes says that this endpoint is guarded"
        return self.sender.key

    @property
    def workspace(self) -> str:
        return self.key.workspace

    @property
    def auth(self) -> dict[str, Any]:
        found = self.params.get("auth")
        return found if isinstance(found, dict) else {}

    @property
    def origin(self) -> str:
        return str(self.request.url.origin())

    def path(self, name: str) -> str:
        return self.request.match_info[name]


Answer = dict[str, Any] | web.StreamResponse
Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """`scope`: the scope that a sender needs; None if the id in the URL suffices. `once`: signatures work only once."""

    method: str
    path: str
    scope: str | None
    handle: Handler
    once: bool = False


async def read_form(request: web.Request) -> tuple[dict[str, str], tuple[SentFile, ...]]:
    """Read fields and files: from the query for GET, else from a URL-encoded or multipart form. Raises ApiError."""
    if request.method == "GET":
        return dict(request.query), ()
    if request.content_type not in _FORMS:
        return {}, ()
    try:
        form = await request.post()
    except (ValueError, AssertionError, LookupError, RuntimeError):
        raise ApiError("INVALID_FORM_DATA", "The form cannot be read") from None
    fields: dict[str, str] = {}
    files = []
    for name, value in form.items():
        if isinstance(value, web.FileField):
            files.append(SentFile(_unicode(name), _unicode(value.filename), value.file.read()))
        else:
            fields.setdefault(
                _unicode(name), value if isinstance(value, str) else bytes(value).decode("utf-8", "replace")
            )
    return fields, tuple(files)


def _unicode(text: str) -> str:
    """Replace bytes that are not UTF-8, which names in a form may contain: they could not be written as JSON."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def read_params(text: str) -> dict[str, Any]:
    """Read the field `params`. Raises ApiError."""
    try:
        params = read_json(text)
    except ValueError:
        raise ApiError("INVALID_PARAMS_FIELD", "The params field is no valid JSON") from None
    if not isinstance(params, dict):
        raise ApiError("NO_OBJECT_PARAMS_FIELD", "The params field is no object")
    return params
