"""The Workspace of the stack's sandbox: which Auth Key each credential has, and the Templates that policies name."""

import json
from dataclasses import asdict
from pathlib import Path

from broker.policy.scopes import SCOPES

from local.stack.options import Options, Ports
from local.stack.plan import StackInfo, plan
from local.stack.workspace import AVATAR_ID, make_keys, make_settings

PORTS = Ports(3000, 3001, 3002, 3003, 3004)


def plan_stack(upstream: str | None = None) -> StackInfo:
    real = ("real-key", "real-secret") if upstream else (None, None)
    return plan(Options(Path("policy.yaml"), 3000, 1, upstream, *real), PORTS, Path("folder"))


def test_each_signing_credential_has_a_key_of_its_own_with_one_scope() -> None:
    info = plan_stack()
    keys = make_keys(info, ["default", "uploads", "pictures"])
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


def test_a_credential_of_another_policy_has_a_key_with_all_scopes() -> None:
    info = plan_stack()
    keys = make_keys(info, ["mine", "default"])
    assert keys["mine"].scopes == SCOPES
    assert keys["mine"].key not in (info.auth_key, info.uploads_auth_key, info.pictures_auth_key)


def test_another_upstream_has_the_real_key_and_no_other() -> None:
    keys = make_keys(plan_stack("https://api2.transloadit.com"), ["default", "uploads"])
    assert [(name, key.key, key.secret) for name, key in keys.items()] == [("default", "real-key", "real-secret")]


def test_the_stack_file_holds_the_secret_of_default_alone() -> None:
    info = plan_stack()
    keys = make_keys(info, [])
    text = json.dumps(asdict(info))
    assert {name: key.secret in text for name, key in keys.items()} == {
        "default": True,
        "uploads": False,
        "pictures": False,
    }


def test_the_templates_of_the_demo_keep_their_ids() -> None:
    templates = {template.name: template for template in make_settings(plan_stack()).templates}
    assert templates["avatar"].id == AVATAR_ID == "0123456789abcdef0123456789abcdef"
    assert templates["avatar"].content["steps"]["exported"]["robot"] == "/s3/store"
    assert templates["serve-thumb"].content["steps"]["served"]["robot"] == "/file/serve"
