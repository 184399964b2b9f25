"""The scopes of Transloadit's API: a policy may grant these, and the metadata lists them."""

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
