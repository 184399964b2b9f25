"""The scopes of Transloadit's API, and a message for a mistyped one."""

import re
from collections.abc import Iterator

from token_broker.names import unknown

# https://transloadit.com/docs/api/auth-keys-scopes-get/
SCOPES = (
    "assemblies:read",
    "assemblies:write",
    "assembly_notifications:write",
    "auth_keys:read",
    "auth_keys:write",
    "billing:read",
    "dam:read",
    "dam:write",
    "queues:read",
    "read",
    "smart_cdn:sign",
    "storage_grants:write",
    "template_credentials:read",
    "template_credentials:write",
    "templates:read",
    "templates:write",
    "write",
)


def unknown_scopes(scope: str) -> Iterator[str]:
    """A message for each name in `scope` that is not a scope of Transloadit. Spaces or commas separate the names."""
    for name in re.findall("[^ ,]+", scope):
        if name not in SCOPES:
            yield unknown("scope of Transloadit", name, SCOPES)
