"""Smart CDN: serves pictures by signed URLs, as `https://<workspace>.tlcdn.com/<template>/<input>` does.

Signatures are those of Transloadit's own signer, `getSignedSmartCdnUrl` of `@transloadit/utils`. docs/sandbox.md says
what is inferred of the server's side.
"""

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, quote, quote_plus, unquote

from aiohttp import web

from local.sandbox.errors import ApiError
from local.sandbox.files import Files
from local.sandbox.instructions import find_template
from local.sandbox.model import AuthKey
from local.sandbox.resources import Template
from local.sandbox.store import Store
from local.sandbox.stored import fill, find_stored, name_fields

PREFIX = "/smart-cdn"
PATH = f"{PREFIX}/{{workspace}}/{{template}}/{{input:.+}}"
SCOPE = "smart_cdn:sign"
_ALGORITHM = "sha256"
_SIGNATURE = {  # the parameters of a signature, and the error where one is missing
    "auth_key": "NO_AUTH_KEY_PARAMETER",
    "exp": "NO_AUTH_EXPIRES_PARAMETER",
    "sig": "NO_SIGNATURE_FIELD",
}


@dataclass(frozen=True, slots=True)
class SmartCdnUrl:
    """A URL's parts, decoded once. `query` in the URL's order, with the parameters of the signature."""

    workspace: str
    template: str
    input: str
    query: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, path: str, query: str) -> Self:
        """Read an encoded path, which begins with PREFIX, and an encoded query. Slashes of the input may be encoded."""
        workspace, template, input_ = (unquote(part) for part in path.removeprefix(f"{PREFIX}/").split("/", 2))
        return cls(workspace, template, input_, tuple(parse_qsl(query, keep_blank_values=True)))

    def values(self, name: str) -> list[str]:
        return [value for each, value in self.query if each == name]

    def parameters(self) -> dict[str, str]:
        """The Template's parameters: those that do not belong to the signature."""
        return {name: value for name, value in self.query if name not in _SIGNATURE}

    def string_to_sign(self) -> str:
        """`workspace/template/input?query` as the signer encodes it, without `sig`.

        Names are sorted by UTF-16 code units, stably: https://url.spec.whatwg.org/#dom-urlsearchparams-sort
        """
        parts = (self.workspace, self.template, self.input)
        path = "/".join(quote(part, safe="!~*'()", errors="replace") for part in parts)
        signed = [pair for pair in self.query if pair[0] != "sig"]
        signed.sort(key=lambda pair: pair[0].encode("utf-16-be", "surrogatepass"))
        return f"{path}?{'&'.join(f'{_encode(name)}={_encode(value)}' for name, value in signed)}"


def _encode(text: str) -> str:
    """https://url.spec.whatwg.org/#concept-urlencoded-serializer, which encodes the tilde, as Python does not."""
    return quote_plus(text, safe="*", errors="replace").replace("~", "%7E")


class SmartCdn:
    def __init__(self, store: Store, files: Files, clock: Callable[[], float]) -> None:
        self._store = store
        self._files = files
        self._clock = clock

    def serve(self, url: SmartCdnUrl, note: Callable[[str], None]) -> web.Response:
        """The picture that an Assembly of the Workspace stored where the Template reads. Raises ApiError.

        `note` is called with the signer's description before the signature is checked, so that refusals are logged
        with it.
        """
        workspace = self._store.workspaces.get(url.workspace)
        if workspace is None:
            raise ApiError("SERVER_404", "There is no Workspace of this name")
        template = find_template(self._store, url.workspace, url.template)
        is_signed = any(url.values(name) for name in _SIGNATURE)
        if is_signed or workspace.require_signature or template.require_signature_auth:
            self._check_signature(url, note)
        path = _find_path(template, url)
        stored = find_stored(self._store, url.workspace, path, self._clock()) if path is not None else None
        if stored is None:
            raise ApiError("SERVER_404", "No Assembly of this Workspace has stored a file there")
        return self._files.serve(stored["original_id"], stored["name"])

    def _check_signature(self, url: SmartCdnUrl, note: Callable[[str], None]) -> None:
        for name, code in _SIGNATURE.items():
            if len(url.values(name)) != 1:
                raise ApiError(code, f"The URL needs {name} once")
        (name,), (expires,), (signature,) = (url.values(each) for each in _SIGNATURE)
        key = self._find_key(name, url.workspace)
        note(f"signature of {key.key}")
        if not re.fullmatch(r"[0-9]{1,15}", expires):
            raise ApiError("INVALID_AUTH_EXPIRES_PARAMETER", "exp is a time in milliseconds")
        if int(expires) <= self._clock() * 1000:
            raise ApiError("AUTH_EXPIRED", "The time of exp has passed")
        # A key that is pinned to another algorithm cannot sign URLs, which are signed by SHA-256 always.
        expected = f"{_ALGORITHM}:{hmac.digest(key.secret.encode(), url.string_to_sign().encode(), _ALGORITHM).hex()}"
        is_right = hmac.compare_digest(expected.encode(), signature.encode("utf-8", "surrogatepass"))
        if not is_right or key.signature_algo not in (None, _ALGORITHM):
            raise ApiError("INVALID_SIGNATURE", "The signature does not fit the URL and the Auth Secret")
        if SCOPE not in key.scopes:
            raise ApiError("INSUFFICIENT_AUTH_SCOPE", f"The scope {SCOPE} is needed")

    def _find_key(self, name: str, workspace: str) -> AuthKey:
        key = self._store.keys.get(name)
        if key is None or not key.is_active or key.workspace != workspace:
            raise ApiError("GET_ACCOUNT_UNKNOWN_AUTH_KEY", "The Auth Key is not known")
        return key


def _find_path(template: Template, url: SmartCdnUrl) -> str | None:
    """The path that the Template's import Step reads, or None if it reads nothing that an Assembly could store."""
    variables = name_fields(url.parameters() | {"input": url.input})
    for step in template.content["steps"].values():
        if str(step.get("robot")).endswith("/import") and isinstance(step.get("path"), str):
            return fill(step["path"], variables)
    return None
