"""The Workspaces of the stack's sandbox: an Auth Key for each credential of the policy, and the demo's Templates."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace

from broker.caller.caller import INVOKE
from broker.policy.model import DEFAULT_CREDENTIAL, Policy
from broker.policy.signing import SignRule

from local.sandbox.model import DEFAULT_WORKSPACE, AuthKey, Settings, Workspace, new_id
from local.sandbox.resources import Template
from local.stack.plan import StackInfo

# Templates have fixed ids, so that `local/policy.yaml` can name them.
AVATAR_ID, THUMB_ID = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
ENCODE_ID = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
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
_ENCODE = {
    "imported": {
        "robot": "/s3/import",
        "credentials": _BUCKET,
        "bucket": "${fields.bucket}",
        "path": "${fields.key}",
    },
    "encoded": {"robot": "/video/encode", "use": "imported", "preset": "hls-720p"},
    "exported": {
        "robot": "/s3/store",
        "use": "encoded",
        "credentials": _BUCKET,
        "path": "encoded/${file.id}.${file.ext}",
    },
}
_TEMPLATES = {"avatar": (AVATAR_ID, _AVATAR), "serve-thumb": (THUMB_ID, _THUMB), "encode": (ENCODE_ID, _ENCODE)}

# The scopes of Auth Keys that sign. A signature is good at every endpoint within them, so a key has no other one.
_ASSEMBLIES, _PICTURES, _GRANTS = "assemblies:write", "smart_cdn:sign", "storage_grants:write"


def name_workspace(policy: Policy) -> str:
    """The name of the Workspace of `default`, or of the first one that a rule names, or the sandbox's own."""
    named = _name_workspaces(policy)
    return named.get(DEFAULT_CREDENTIAL) or next(iter(named.values()), DEFAULT_WORKSPACE)


def _name_workspaces(policy: Policy) -> dict[str, str]:
    """The Workspace of each credential for which the policy's rules name one."""
    found: dict[str, str] = {}
    for rule in _list_sign_rules(policy):
        for picture in rule.smart_cdn.values():
            found[rule.credential] = picture.workspace
        for grant in rule.storage.values():
            found[rule.credential] = grant.bucket
    for assemble_rule in policy.find_assemble_rules(INVOKE):
        found[assemble_rule.credential] = assemble_rule.workspace
    return found


def make_keys(info: StackInfo, policy: Policy) -> dict[str, AuthKey]:
    """The Auth Keys of the sandbox's Workspaces by the credential that holds each.

    `uploads` and `pictures` are there whatever the policy says. A key is of the Workspace that the credential's rules
    name, or else of that of `default`. A credential by which the broker signs has a key with
    the scopes that its signatures need, and another one a key with all scopes.
    """
    keys = {
        DEFAULT_CREDENTIAL: AuthKey(info.auth_key, info.auth_secret, workspace=info.workspace),
        "uploads": AuthKey(info.uploads_auth_key, new_id(), (_ASSEMBLIES,), "sha384", info.workspace),
        "pictures": AuthKey(info.pictures_auth_key, new_id(), (_PICTURES,), workspace=info.workspace),
    }
    workspaces = _name_workspaces(policy)
    for name in policy.credentials:
        key = keys.get(name) or AuthKey(new_id(), new_id())
        key = replace(key, workspace=workspaces.get(name, info.workspace))
        rules = [rule for rule in _list_sign_rules(policy) if rule.credential == name]
        keys[name] = _narrow(key, rules) if rules else key
    return keys


def make_real_key(info: StackInfo) -> dict[str, AuthKey]:
    """The one Auth Key of another upstream that is known here."""
    return {DEFAULT_CREDENTIAL: AuthKey(info.auth_key, info.auth_secret)}


def make_settings(info: StackInfo, policy: Policy) -> Settings:
    """The settings of the stack's sandbox, with the Templates of the demo in each Workspace."""
    slugs = list(dict.fromkeys([info.workspace, *_name_workspaces(policy).values()]))
    templates = tuple(
        Template(id_ if slug == info.workspace else make_template_id(slug, name), slug, name, {"steps": steps}, 0, 0, 0)
        for slug in slugs
        for name, (id_, steps) in _TEMPLATES.items()
    )
    return Settings(workspaces=tuple(map(Workspace, slugs)), templates=templates)


def make_template_id(workspace: str, name: str) -> str:
    """The id of a Template in a further Workspace, which a policy can be written with."""
    return hashlib.sha256(f"{workspace}/{name}".encode()).hexdigest()[:32]


def _list_sign_rules(policy: Policy) -> Iterator[SignRule]:
    for entry in policy.signing:
        yield from policy.find_sign_rules(entry)


def _narrow(key: AuthKey, rules: list[SignRule]) -> AuthKey:
    """The key with the scopes and the algorithm of what these rules sign, and no more."""
    algorithms = [form.algorithm for rule in rules for form in rule.assembly.values()]
    kinds = (
        (_ASSEMBLIES, any(rule.assembly for rule in rules)),
        (_PICTURES, any(rule.smart_cdn for rule in rules)),
        (_GRANTS, any(rule.storage for rule in rules)),
    )
    scopes = tuple(scope for scope, is_used in kinds if is_used)
    return replace(key, scopes=scopes, signature_algo=algorithms[0] if algorithms else None)
