"""The Workspace of the stack's sandbox: an Auth Key for each credential of the policy, and the demo's Templates."""

from collections.abc import Iterable

from broker.policy.model import DEFAULT_CREDENTIAL

from local.sandbox.model import AuthKey, Settings, new_id
from local.sandbox.resources import Template
from local.stack.plan import StackInfo

# Templates have fixed ids, so that `local/policy.yaml` can name them.
AVATAR_ID, THUMB_ID = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
_BUCKET = "demo-bucket"  # the name of Template Credentials, which the sandbox does not need: it keeps what is stored
_AVATAR = {
    ":original": {"robot": "/upload/handle"},
    "resized": {"robot": "/image/resize", "use": ":original", "width": 400, "height": 400},
    "exported": {
        "robot": "/s3/store",
        "use": "resized",
        "credentials": _BUCKET,
        # A signature for a person pins a path of their own over this one.
        "path": "unsorted/${file.id}.${file.ext}",
    },
}
_THUMB = {
    "imported": {"robot": "/s3/import", "credentials": _BUCKET, "path": "${fields.input}"},
    "resized": {"robot": "/image/resize", "use": "imported", "width": "${fields.w}", "format": "${fields.f}"},
    "served": {"robot": "/file/serve", "use": "resized"},
}


def make_keys(info: StackInfo, credentials: Iterable[str]) -> dict[str, AuthKey]:
    """The Auth Keys of the Workspace by the credential that holds each; of another upstream only the real one is known.

    A key with which the broker signs has the one scope that its signatures need, since a signature is good at every
    endpoint within its key's scopes. Credentials of a policy of your own get a key with all scopes each.
    """
    default = {DEFAULT_CREDENTIAL: AuthKey(info.auth_key, info.auth_secret, workspace=info.workspace)}
    if not info.workspace:
        return default
    keys = default | {
        "uploads": AuthKey(info.uploads_auth_key, new_id(), ("assemblies:write",), "sha384", info.workspace),
        "pictures": AuthKey(info.pictures_auth_key, new_id(), ("smart_cdn:sign",), None, info.workspace),
    }
    others = {name: AuthKey(new_id(), new_id(), workspace=info.workspace) for name in credentials if name not in keys}
    return keys | others


def make_settings(info: StackInfo) -> Settings:
    """The settings of the stack's sandbox, with the Templates of the demo."""
    named = ((AVATAR_ID, "avatar", _AVATAR), (THUMB_ID, "serve-thumb", _THUMB))
    templates = tuple(Template(id_, info.workspace, name, {"steps": steps}, 0, 0, 0) for id_, name, steps in named)
    return Settings(templates=templates)
