"""The loop of a page, through the real parts: a signature, an upload with it, a signed URL, the picture."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.sam import ROOT
from tests.kit.api2 import PNG
from tests.kit.stacks import Client, running_stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """As `make up` starts it."""
    with running_stack(tmp_path_factory.mktemp("signed"), ROOT / "local/policy.yaml", workers=1) as running:
        yield running


def ask_signature(stack: Client, sub: str, **members: Any) -> dict[str, Any]:
    """The broker's answer to this visitor."""
    headers = {
        "authorization": f"Bearer {stack.jwt(sub=sub, groups=['visitors'])}",
        "content-type": "application/json",
    }
    answer = stack.send("POST", "/signature", headers=headers, body=json.dumps(members).encode())
    assert answer.status == 200, answer.text
    return dict(answer.body)


def upload(stack: Client, sub: str, **form: Any) -> dict[str, Any]:
    """The status of an Assembly that a visitor made by a signature, with these fields of the form beside it."""
    signed = ask_signature(stack, sub, kind="assembly", template="avatar", credential="uploads")
    fields = {"params": signed["params"], "signature": signed["signature"], **form}
    made = stack.api2.with_fields("POST", "/assemblies", fields, files={"file": ("me.png", PNG)})[1]
    assert made["ok"] == "ASSEMBLY_COMPLETED"
    return stack.api2.status(made)


def test_a_visitor_sees_the_picture_that_a_signature_let_them_upload(stack: Client) -> None:
    mints = stack.mints
    (file,) = upload(stack, "bob")["results"]["resized"]
    wanted = {"template": "thumbnail", "input": f"users/bob/{file['id']}.{file['ext']}", "params": {"w": 200}}
    url = ask_signature(stack, "bob", kind="smart_cdn", credential="pictures", **wanted)["url"]
    assert url.startswith(stack.stack["cdn_url"].replace("{workspace}", stack.stack["workspace"]))
    assert stack.api2.raw("GET", url).data == PNG
    assert stack.api2.raw("GET", url.replace("bob", "eve")).status == 400
    assert stack.mints == mints


def test_a_form_field_changes_a_default_and_leads_no_upload_to_another_folder(stack: Client) -> None:
    status = upload(stack, "eve", source="forged", path="users/bob/a.png", steps='{"exported": {"path": "users/bob"}}')
    assert status["fields"]["source"] == "forged"
    assert json.loads(status["merged_params"])["steps"]["exported"]["path"] == "users/eve/${file.id}.${file.ext}"
