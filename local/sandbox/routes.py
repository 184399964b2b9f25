"""The endpoints: method, path, the scope that guards it, and what answers.

No scope (None): the unguessable id in the URL is the capability.
"""

from local.sandbox.assemblies import Assemblies
from local.sandbox.call import Route
from local.sandbox.files import Files


def routes(assemblies: Assemblies, files: Files) -> tuple[Route, ...]:
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
        Route("GET", "/files/{id}/{name}", None, files.get),
    )
