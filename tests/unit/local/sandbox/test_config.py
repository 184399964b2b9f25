"""The sandbox's YAML file: what it gives, and what its author is told."""

import re

import pytest
from broker.policy.scopes import SCOPES
from token_broker.policy.document import PolicyErrors

from infra.sam import ROOT
from local.sandbox.config import read_config
from local.sandbox.model import AuthKey, Limit, Settings, Workspace

WHOLE = """
workspaces:
  ours:
    require_signature: false
    auth_keys:
      - key: a
        secret: b
        scopes: [assemblies:read, assemblies:write]
        signature_algo: sha256
        can_show_auth_secret: true
  theirs:
    cancelled: true
    auth_keys: [{key: c, secret: d}]
execution_seconds: 0.5
limits:
  token: {requests: 5, per_seconds: 10}
  assembly: {requests: 250}
"""


def test_a_file_can_set_every_setting_of_the_sandbox() -> None:
    assert read_config(WHOLE, "s.yaml") == (
        [
            AuthKey("a", "b", ("assemblies:read", "assemblies:write"), "sha256", "ours", can_show_auth_secret=True),
            AuthKey("c", "d", workspace="theirs"),
        ],
        Settings(
            workspaces=(Workspace("ours", require_signature=False), Workspace("theirs", cancelled=True)),
            execution_seconds=0.5,
            token_limit=Limit(5, 10),
            assembly_limit=Limit(250, 60),
        ),
    )


def test_a_key_and_a_secret_that_are_not_written_are_made_each_time() -> None:
    text = "workspaces: {w: {auth_keys: [{}, {}]}}"
    made = [key for _ in range(2) for key in read_config(text, "s.yaml")[0]]
    assert len({key.key for key in made} | {key.secret for key in made}) == 8
    assert all(key.scopes == SCOPES for key in made)


def test_the_default_file_has_one_workspace_with_every_scope() -> None:
    file = ROOT / "local/sandbox.yaml"
    (key,), settings = read_config(file.read_text(), str(file))
    assert (key.scopes, settings.workspaces) == (SCOPES, (Workspace(),))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "s.yaml:1:1: error: the file is empty; start with `workspaces: {sandbox: {auth_keys: [{}]}}`"),
        ("# keys: none\n\n", "s.yaml:1:1: error: the file is empty; start with"),
        (
            'workspaces: {w: {auth_keys: [{key: "a:b"}]}}',
            "s.yaml:1:36: error: `key`: write an Auth Key without a colon: it ends the user of HTTP Basic",
        ),
        ("workspaces: {", "s.yaml:2:1: error: not YAML"),
        ("execution_seconds: 1", "s.yaml:1:1: error: `workspaces` is missing; add it"),
        ("workspaces: {}", "s.yaml:1:13: error: `workspaces` must not be empty"),
        ("workspaces: {w: {auth_keys: []}}", "s.yaml:1:29: error: `auth_keys` must not be empty"),
        ("workspaces: {w: {keys: [{}]}}", "s.yaml:1:18: error: unknown key `keys`; did you mean `key`?"),
        (
            "workspaces: {w: {auth_keys: [{limits: 1}]}}",
            "s.yaml:1:31: error: `limits` does not belong here; see docs/sandbox.md for its place",
        ),
        (
            "workspaces: {w: {auth_keys: [{scopes: [assembly:read]}]}}",
            "s.yaml:1:40: error: `scopes`: no scope of Transloadit `assembly:read`; did you mean `assemblies:read`?",
        ),
        (
            "workspaces: {w: {auth_keys: [{signature_algo: md5}]}}",
            "s.yaml:1:47: error: `signature_algo` must be 'sha1', 'sha256' or 'sha384'",
        ),
        (
            "workspaces: {w: {auth_keys: [{key: a}]}, v: {auth_keys: [{key: a}]}}",
            "s.yaml:1:64: error: the Auth Key a a second time; rename one",
        ),
        (
            "workspaces: {w: {auth_keys: [{}]}}\nlimits: {token: {requests: 0}}",
            "s.yaml:2:28: error: `requests` is out of range: input should be greater than or equal to 1",
        ),
        (
            "workspaces: {w: {auth_keys: [{}], cancelled: soon}}",
            "s.yaml:1:46: error: `cancelled` must be true or false",
        ),
    ],
)
def test_a_mistake_is_reported_with_its_file_its_place_and_what_to_write(text: str, message: str) -> None:
    with pytest.raises(PolicyErrors) as error:
        read_config(text, "s.yaml")
    assert message in str(error.value)


def test_the_file_that_the_page_shows_is_read_with_every_key() -> None:
    page = (ROOT / "docs/sandbox.md").read_text()
    (shown,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    _, settings = read_config(shown, "docs/sandbox.md")
    assert None not in (settings.token_limit, settings.assembly_limit, settings.status_limit, settings.request_limit)
