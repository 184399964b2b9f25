"""The Workspace of the stack's sandbox: which Auth Key each credential has, and the Templates that policies name."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from broker.policy.model import Policy
from broker.policy.scopes import SCOPES

from local.stack.options import Options, Ports
from local.stack.plan import StackInfo, plan
from local.stack.workspace import (
    AVATAR_ID,
    ENCODE_ID,
    make_keys,
    make_real_key,
    make_settings,
    make_template_id,
    name_workspace,
)
from tests.kit.policies import assemble_rule, assembly_form, policy, sign_rule, smart_cdn_form, storage_form

PORTS = Ports(3000, 3001, 3002, 3003, 3004, 3005, 3006)


def plan_stack(upstream: str | None = None) -> StackInfo:
    real = ("real-key", "real-secret") if upstream else (None, None)
    return plan(Options(Path("policy.yaml"), 3000, 1, upstream, *real), PORTS, Path("folder"))


def make_policy(credential: str = "default", **forms: dict[str, object]) -> Policy:
    """A policy with this credential beside `default`, and one rule that signs these forms by it."""
    kinds: dict[str, dict[str, object]] = {"assembly": {}, "smart_cdn": {}, "storage": {}}
    rules = [sign_rule(credential=credential, **(kinds | forms))] if forms else []
    return policy(credentials=["default", credential], sign_rules=rules)


def test_each_signing_credential_has_a_key_of_its_own_with_one_scope() -> None:
    info = plan_stack()
    keys = make_keys(info, make_policy())
    assert {name: key.scopes for name, key in keys.items()} == {
        "default": SCOPES,
        "uploads": ("assemblies:write",),
        "pictures": ("smart_cdn:sign",),
    }
    assert keys["uploads"].signature_algo == "sha384"
    named = (info.auth_key, info.uploads_auth_key, info.pictures_auth_key)
    assert tuple(key.key for key in keys.values()) == named
    assert len({key.secret for key in keys.values()} | {*named}) == 6
    assert {key.workspace for key in keys.values()} == {info.workspace}


FORMS = {
    "nothing": ({}, SCOPES, None),
    "assemblies": ({"assembly": {"a": assembly_form(algorithm="sha256")}}, ("assemblies:write",), "sha256"),
    "pictures": ({"smart_cdn": {"a": smart_cdn_form()}}, ("smart_cdn:sign",), None),
    "grants": ({"storage": {"a": storage_form()}}, ("storage_grants:write",), None),
}


@pytest.mark.parametrize(("forms", "scopes", "algorithm"), FORMS.values(), ids=FORMS)
def test_a_credential_of_another_policy_has_a_key_with_what_it_signs_by_or_else_with_all_scopes(
    forms: dict[str, dict[str, object]], scopes: tuple[str, ...], algorithm: str | None
) -> None:
    info = plan_stack()
    key = make_keys(info, make_policy("mine", **forms))["mine"]
    assert (key.scopes, key.signature_algo) == (scopes, algorithm)
    assert key.key not in (info.auth_key, info.uploads_auth_key, info.pictures_auth_key)


@pytest.mark.parametrize(
    ("forms", "name"),
    [
        ({}, "sandbox"),
        ({"assembly": {"a": assembly_form()}}, "sandbox"),
        ({"smart_cdn": {"a": smart_cdn_form(workspace="acme")}}, "acme"),
        ({"storage": {"a": storage_form(bucket="other")}}, "other"),
    ],
)
def test_the_workspace_has_the_name_that_the_policy_signs_for(forms: dict[str, dict[str, object]], name: str) -> None:
    assert name_workspace(make_policy("mine", **forms)) == name


def test_keys_templates_and_workspace_have_one_name() -> None:
    info = replace(plan_stack(), workspace="acme")
    settings = make_settings(info, make_policy())
    owners = {key.workspace for key in make_keys(info, make_policy()).values()}
    assert owners == {each.workspace for each in settings.templates} == {each.slug for each in settings.workspaces}
    assert owners == {"acme"}


def test_another_upstream_has_the_real_key_and_no_other() -> None:
    keys = make_real_key(plan_stack("https://api2.transloadit.com"))
    assert [(name, key.key, key.secret) for name, key in keys.items()] == [("default", "real-key", "real-secret")]


def test_another_upstream_has_the_real_smart_cdn() -> None:
    assert plan_stack("https://api2.transloadit.com").cdn_url == "https://{workspace}.tlcdn.com"
    assert plan_stack().cdn_url == "http://127.0.0.1:3002/smart-cdn/{workspace}"


def test_the_stack_file_holds_the_secret_of_default_alone() -> None:
    info = plan_stack()
    text = json.dumps(asdict(info))
    shown = {name: key.secret in text for name, key in make_keys(info, make_policy()).items()}
    assert shown == {"default": True, "uploads": False, "pictures": False}


def test_the_templates_of_the_demo_keep_their_ids() -> None:
    templates = {template.name: template for template in make_settings(plan_stack(), make_policy()).templates}
    assert templates["avatar"].id == AVATAR_ID == "0123456789abcdef0123456789abcdef"
    assert templates["avatar"].content["steps"]["exported"]["robot"] == "/s3/store"
    assert templates["serve-thumb"].content["steps"]["served"]["robot"] == "/file/serve"
    assert templates["encode"].id == ENCODE_ID == "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
    assert templates["encode"].content["steps"]["imported"]["path"] == "${fields.key}"


def make_two_workspaces() -> Policy:
    """A policy whose credentials `default` and `other` are of two Workspaces, beside one that no rule places."""
    rules = [assemble_rule(name=f"of {name}", credential=name, workspace=name) for name in ("default", "other")]
    return policy(credentials=["default", "other", "placeless"], assemble_rules=rules)


def test_each_credential_has_its_key_in_the_workspace_that_its_rules_name() -> None:
    found = make_two_workspaces()
    info = replace(plan_stack(), workspace=name_workspace(found))
    keys = make_keys(info, found)
    assert {name: keys[name].workspace for name in found.credentials} == {
        "default": "default",
        "other": "other",
        "placeless": "default",
    }
    assert {key.workspace for key in keys.values()} == {each.slug for each in make_settings(info, found).workspaces}


def test_a_further_workspace_has_the_templates_under_ids_of_its_own() -> None:
    found = make_two_workspaces()
    templates = make_settings(replace(plan_stack(), workspace="default"), found).templates
    ids = {(template.workspace, template.name): template.id for template in templates}
    assert ids["default", "encode"] == ENCODE_ID
    assert ids["other", "encode"] == make_template_id("other", "encode")
    assert len(set(ids.values())) == len(templates) == 6
