"""The scope that guards each endpoint, over HTTP: https://transloadit.com/docs/api/auth-keys-scopes-get/

The table is written down here once more, so that a guard that is lost or mistaken in the sandbox's own does not pass.
"""

import pytest
from broker.policy.scopes import SCOPES

from local.sandbox.app import create_app
from tests.kit.api2 import KEY, Api2

ID = "0123456789abcdef0123456789abcdef"
GUARDED = [
    ("GET", "/assemblies", "assemblies:read"),
    ("POST", "/assemblies", "assemblies:write"),
    ("POST", "/assemblies/{id}", "assemblies:write"),
    ("PUT", "/assemblies/{id}", "assemblies:write"),
    ("POST", "/assemblies/{id}/replay", "assemblies:write"),
    ("POST", "/assembly_notifications/{id}/replay", "assembly_notifications:write"),
    ("GET", "/auth_keys", "auth_keys:read"),
    ("GET", "/auth_keys/scopes", "auth_keys:read"),
    ("POST", "/auth_keys", "auth_keys:write"),
    ("PUT", "/auth_keys/{id}", "auth_keys:write"),
    ("DELETE", "/auth_keys/{id}", "auth_keys:write"),
    ("POST", "/auth_keys/show_secret/{id}", "auth_keys:write"),
    ("GET", "/bill/{month}", "billing:read"),
    ("GET", "/queues/job_slots", "queues:read"),
    ("GET", "/template_credentials", "template_credentials:read"),
    ("GET", "/template_credentials/types", "template_credentials:read"),
    ("GET", "/template_credentials/{id}", "template_credentials:read"),
    ("POST", "/template_credentials", "template_credentials:write"),
    ("PUT", "/template_credentials/{id}", "template_credentials:write"),
    ("DELETE", "/template_credentials/{id}", "template_credentials:write"),
    ("GET", "/templates", "templates:read"),
    ("GET", "/templates/{id}", "templates:read"),
    ("POST", "/templates", "templates:write"),
    ("PUT", "/templates/{id}", "templates:write"),
    ("DELETE", "/templates/{id}", "templates:write"),
]
# Endpoints where the id in the URL is the capability, where any Auth Key does, and those that api2 does not have.
OPEN = {
    ("POST", "/token"),
    ("GET", "/assemblies/{id}"),
    ("DELETE", "/assemblies/{id}"),
    ("POST", "/assemblies/{id}/reserve_file"),
    ("POST", "/assemblies/{id}/add_file"),
    ("GET", "/assembly_notifications/{id}"),
    ("DELETE", "/auth_keys/self"),
    ("GET", "/files/{id}/{name}"),
    ("GET", "/updates"),
    ("GET", "/smart-cdn/{workspace}/{template}/{input}"),
    ("GET", "/buckets/{bucket}"),
    ("GET", "/buckets/{bucket}/{key}"),
    ("PUT", "/buckets/{bucket}/{key}"),
    ("POST", "/resumable/files"),
    *((method, "/resumable/files/") for method in ("OPTIONS", "POST")),
    *((method, "/resumable/files/{id}") for method in ("HEAD", "PATCH", "DELETE", "POST")),
    ("OPTIONS", "/{path}"),
    ("*", "/_sandbox/{verb}"),
}


@pytest.mark.parametrize(("method", "path", "scope"), GUARDED)
def test_each_guarded_endpoint_wants_its_scope_or_the_coarse_one_and_no_other(
    api2: Api2, method: str, path: str, scope: str
) -> None:
    coarse = scope.rpartition(":")[2]
    target = path.format(id=ID, month="2027-01")
    others = " ".join(set(SCOPES) - {scope, coarse})
    status, body = api2.by(api2.bearer(others), method, target)
    assert (status, body["error"]) == (403, "INSUFFICIENT_AUTH_SCOPE")
    for enough in (scope, coarse):
        assert api2.by(api2.bearer(enough), method, target)[0] in (200, 400, 404)


def test_the_tables_above_have_every_endpoint() -> None:
    served = {(route.method, route.resource.canonical) for route in create_app([KEY]).router.routes() if route.resource}
    assert served == {(method, path) for method, path, _ in GUARDED} | OPEN
