"""The endpoints: method, path, the scope that a sender needs, and the function that answers.

The scope None means that no authentication is needed, because the id in the URL cannot be guessed. The empty scope
means that any Auth Key suffices.
"""

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The objects whose methods answer."""

    assemblies: Assemblies
    uploads: Uploads
    events: Events
    notifications: Notifications
    files: Files
    templates: Templates
    credentials: Credentials
    keys: AuthKeys
    account: Account


def routes(of: Endpoints) -> tuple[Route, ...]:
    return (*_assemblies(of), *_workspace(of))


def _assemblies(of: Endpoints) -> tuple[Route, ...]:
    return (
        Route("GET", "/assemblies", "assemblies:read", of.assemblies.list),
        Route("POST", "/assemblies", "assemblies:write", of.assemblies.create),
        Route("POST", "/assemblies/{id}", "assemblies:write", of.assemblies.create),
        Route("PUT", "/assemblies/{id}", "assemblies:write", of.assemblies.create),
        Route("GET", "/assemblies/{id}", None, of.assemblies.status),
        Route("DELETE", "/assemblies/{id}", None, of.assemblies.cancel),
        Route("POST", "/assemblies/{id}/replay", "assemblies:write", of.assemblies.replay),
        Route("POST", "/assemblies/{id}/reserve_file", None, of.assemblies.reserve_file),
        Route("POST", "/assemblies/{id}/add_file", None, of.assemblies.add_file),
        Route("OPTIONS", "/resumable/files/", None, of.uploads.options),
        Route("POST", "/resumable/files", None, of.uploads.create),
        Route("POST", "/resumable/files/", None, of.uploads.create),
        Route("HEAD", "/resumable/files/{id}", None, of.uploads.upload),
        Route("PATCH", "/resumable/files/{id}", None, of.uploads.upload),
        Route("DELETE", "/resumable/files/{id}", None, of.uploads.upload),
        Route("POST", "/resumable/files/{id}", None, of.uploads.upload),
        Route("GET", "/updates", None, of.events.stream),
        Route("GET", "/files/{id}/{name}", None, of.files.get),
        Route("GET", "/assembly_notifications/{id}", None, of.notifications.list),
        Route("POST", "/assembly_notifications/{id}/replay", "assembly_notifications:write", of.notifications.replay),
    )


def _workspace(of: Endpoints) -> tuple[Route, ...]:
    return (
        Route("GET", "/templates", "templates:read", of.templates.list),
        Route("POST", "/templates", "templates:write", of.templates.create),
        # The id of a builtin Template contains a slash.
        Route("GET", "/templates/{id:.+}", "templates:read", of.templates.get, once=True),
        Route("PUT", "/templates/{id:.+}", "templates:write", of.templates.update),
        Route("DELETE", "/templates/{id:.+}", "templates:write", of.templates.delete),
        Route("GET", "/template_credentials", "template_credentials:read", of.credentials.list, once=True),
        Route("POST", "/template_credentials", "template_credentials:write", of.credentials.create),
        Route("GET", "/template_credentials/types", "template_credentials:read", of.credentials.types),
        Route("GET", "/template_credentials/{id}", "template_credentials:read", of.credentials.get),
        Route("PUT", "/template_credentials/{id}", "template_credentials:write", of.credentials.update),
        Route("DELETE", "/template_credentials/{id}", "template_credentials:write", of.credentials.delete),
        Route("GET", "/auth_keys", "auth_keys:read", of.keys.list, once=True),
        Route("POST", "/auth_keys", "auth_keys:write", of.keys.create),
        Route("GET", "/auth_keys/scopes", "auth_keys:read", of.keys.scopes),
        Route("DELETE", "/auth_keys/self", "", of.keys.delete_self),
        Route("PUT", "/auth_keys/{id}", "auth_keys:write", of.keys.update),
        Route("DELETE", "/auth_keys/{id}", "auth_keys:write", of.keys.delete),
        Route("POST", "/auth_keys/show_secret/{id}", "auth_keys:write", of.keys.show_secret),
        Route("GET", "/queues/job_slots", "queues:read", of.account.job_slots),
        Route("GET", "/bill/{month}", "billing:read", of.account.bill, once=True),
    )
