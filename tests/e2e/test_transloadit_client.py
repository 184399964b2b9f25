"""The whole product: a caller's JWT becomes a bearer token, and Transloadit's own client works with it."""

from collections.abc import Iterator

import pytest

from tests.kit.api2 import STEPS
from tests.kit.node import Script
from tests.kit.official import Official, Refused, running_client
from tests.kit.stacks import Client


@pytest.fixture(scope="module")
def script() -> Iterator[Script]:
    with running_client("@transloadit/node") as running:
        yield running


def official(client: Client, script: Script, scope: str) -> Official:
    """Transloadit's client of api2, with a token that the broker gave to an editor."""
    token = client.post(scope=scope).body["access_token"]
    return Official(script, {"endpoint": client.stack["api2_url"], "authToken": token})


def test_an_editor_makes_and_finds_an_assembly(client: Client, script: Script) -> None:
    editor = official(client, script, "assemblies:read assemblies:write")
    uploads = {"note": "a note"}
    ended = editor("createAssembly", {"params": {"steps": STEPS}, "uploads": uploads, "waitForCompletion": True})
    assert (ended["ok"], ended["uploads"][0]["size"]) == ("ASSEMBLY_COMPLETED", 6)
    assert ended["assembly_id"] in [item["id"] for item in editor("listAssemblies")["items"]]


def test_the_client_is_refused_a_call_that_its_token_does_not_cover(client: Client, script: Script) -> None:
    reader = official(client, script, "assemblies:read")
    for method, given in (("createAssembly", {"params": {"steps": STEPS}}), ("listTemplates", {})):
        with pytest.raises(Refused) as refusal:
            reader(method, given)
        assert refusal.value == Refused("ApiError", "INSUFFICIENT_AUTH_SCOPE", 403)
    assert "items" in reader("listAssemblies")
