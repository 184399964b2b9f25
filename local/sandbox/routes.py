"""The endpoints: method, path, the scope that guards it, and what answers.

No scope (None): the unguessable id in the URL is the capability. An empty one: whoever has an Auth Key.
"""

from local.sandbox.account import Account
from local.sandbox.assemblies import Assemblies
from local.sandbox.auth_keys import AuthKeys
from local.sandbox.call import Route
from local.sandbox.credentials import Credentials
from local.sandbox.events import Events
from local.sandbox.files import Files
from local.sandbox.notifications import Notifications
from local.sandbox.templates import Templates
from local.sandbox.uploads import Uploads


def routes(
    assemblies: Assemblies,
    uploads: Uploads,
    events: Events,
    notifications: Notifications,
    files: Files,
    templates: Templates,
    credentials: Credentials,
    keys: AuthKeys,
    account: Account,
) -> tuple[Route, ...]:
    return (
        Route("GET", "/assemblies", "assemblies:read", assemblies.list),
        Route("POST", "/assemblies", "assemblies:write", assemblies.create),
        Route("POST", "/assemblies/{id}", "assemblies:write", assemblies.create),
        Route("PUT", "/assemblies/{id}", "assemblies:write", assemblies.create),
        Route("GET", "/assemblies/{id}", None, assemblies.status),
        Route("DELETE", "/assemblies/{id}", None, assemblies.cancel),
        Route("POST", "/assemblies/{id}/replay", "assemblies:write", assemblies.replay),
        Route("POST", "/assemblies/{id}/reserve_file", None, assemblies.reserve_file),
        Route("POST", "/assemblies/{id}/add_file", None, assemblies.add_file),
        Route("OPTIONS", "/resumable/files/", None, uploads.options),
        Route("POST", "/resumable/files", None, uploads.create),
        Route("POST", "/resumable/files/", None, uploads.create),
        Route("HEAD", "/resumable/files/{id}", None, uploads.upload),
        Route("PATCH", "/resumable/files/{id}", None, uploads.upload),
        Route("DELETE", "/resumable/files/{id}", None, uploads.upload),
        Route("POST", "/resumable/files/{id}", None, uploads.upload),
        Route("GET", "/updates", None, events.stream),
        Route("GET", "/files/{id}/{name}", None, files.get),
        Route("GET", "/assembly_notifications/{id}", None, notifications.list),
        Route("POST", "/assembly_notifications/{id}/replay", "assembly_notifications:write", notifications.replay),
        Route("GET", "/templates", "templates:read", templates.list),
        Route("POST", "/templates", "templates:write", templates.create),
        # The id of a builtin Template has a slash in it.
        Route("GET", "/templates/{id:.+}", "templates:read", templates.get, once=True),
        Route("PUT", "/templates/{id:.+}", "templates:write", templates.update),
        Route("DELETE", "/templates/{id:.+}", "templates:write", templates.delete),
        Route("GET", "/template_credentials", "template_credentials:read", credentials.list, once=True),
        Route("POST", "/template_credentials", "template_credentials:write", credentials.create),
        Route("GET", "/template_credentials/types", "template_credentials:read", credentials.types),
        Route("GET", "/template_credentials/{id}", "template_credentials:read", credentials.get),
        Route("PUT", "/template_credentials/{id}", "template_credentials:write", credentials.update),
        Route("DELETE", "/template_credentials/{id}", "template_credentials:write", credentials.delete),
        Route("GET", "/auth_keys", "auth_keys:read", keys.list, once=True),
        Route("POST", "/auth_keys", "auth_keys:write", keys.create),
        Route("GET", "/auth_keys/scopes", "auth_keys:read", keys.scopes),
        Route("DELETE", "/auth_keys/self", "", keys.delete_self),
        Route("PUT", "/auth_keys/{id}", "auth_keys:write", keys.update),
        Route("DELETE", "/auth_keys/{id}", "auth_keys:write", keys.delete),
        Route("POST", "/auth_keys/show_secret/{id}", "auth_keys:write", keys.show_secret),
        Route("GET", "/queues/job_slots", "queues:read", account.job_slots),
        Route("GET", "/bill/{month}", "billing:read", account.bill, once=True),
    )
