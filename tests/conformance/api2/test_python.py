"""pytransloadit, unmodified: signatures, an upload by its tus client, and refusals as its own answers."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from transloadit.client import Transloadit

from local.sandbox.model import AuthKey
from tests.kit.api2 import KEY, NARROW, Api2

RESIZE = {"use": ":original", "width": 75}
Client = Callable[..., Transloadit]


@pytest.fixture
def client(api2: Api2) -> Client:
    def made(key: AuthKey = KEY, **options: Any) -> Transloadit:
        return Transloadit(**{"auth_key": key.key, "auth_secret": key.secret, "service": api2.origin, **options})

    return made


def uploaded(client: Transloadit, *, resumable: bool) -> Any:
    """The status of an Assembly that was given one file, at its end."""
    assembly = client.new_assembly({"fields": {"who": "alice"}})
    assembly.add_step("thumbs", "/image/resize", dict(RESIZE))
    assembly.add_file(io.BytesIO(b"a note"), "note")
    return assembly.create(wait=True, resumable=resumable).data


@pytest.mark.parametrize("resumable", [True, False], ids=["by tus", "in the form"])
def test_a_file_ends_as_an_upload_and_a_result(client: Client, resumable: bool) -> None:
    ended = uploaded(client(), resumable=resumable)
    (upload,) = ended["uploads"]
    assert (ended["ok"], ended["fields"]) == ("ASSEMBLY_COMPLETED", {"who": "alice"})
    assert (upload["field"], upload["size"], upload["is_tus_file"]) == ("note", 6, resumable)
    assert [result["original_id"] for result in ended["results"]["thumbs"]] == [upload["id"]]


def test_assemblies_are_listed_shown_and_cancelled(client: Client) -> None:
    assembly = client().new_assembly({"num_expected_upload_files": 1})
    assembly.add_step("thumbs", "/image/resize", dict(RESIZE))
    made = assembly.create().data
    listed = client().list_assemblies({"assembly_id": made["assembly_id"]}).data
    assert (listed["count"], listed["items"][0]["id"]) == (1, made["assembly_id"])
    assert client().get_assembly(assembly_url=made["assembly_ssl_url"]).data["assembly_id"] == made["assembly_id"]
    waiting = client().request.post(
        "/assemblies", data={"steps": {"a": {"robot": "/http/import"}}}, extra_data={"num_expected_upload_files": 1}
    )
    assert client().cancel_assembly(waiting.data["assembly_id"]).data["ok"] == "ASSEMBLY_CANCELED"


def test_a_template_lives_from_its_making_to_its_end(client: Client) -> None:
    template = client().new_template("thumbnails", {"require_signature_auth": 1})
    template.add_step("thumbs", "/image/resize", dict(RESIZE))
    made = template.create().data
    assert (made["ok"], made["content"]["steps"]["thumbs"]["width"]) == ("TEMPLATE_CREATED", 75)
    assert client().update_template(made["id"], {"name": "another-name"}).data["ok"] == "TEMPLATE_UPDATED"
    assert client().get_template(made["id"]).data["name"] == "another-name"
    assert [item["id"] for item in client().list_templates().data["items"]] == [made["id"]]
    assert client().delete_template(made["id"]).data["ok"] == "TEMPLATE_DELETED"
    assert client(duration=200).get_template(made["id"]).data["error"] == "TEMPLATE_NOT_FOUND"


def test_two_equal_requests_of_one_second_have_one_signature(client: Client) -> None:
    # On a machine that stands still each of a few could be of another second.
    answers = (client().get_template("0" * 32).data["error"] for _ in range(100))
    assert any(answer == "SIGNATURE_REUSE_DETECTED" for answer in answers)


def test_a_bill_is_shown(client: Client) -> None:
    assert client().get_bill(11, 2026).data["ok"] == "BILL_FOUND"


@pytest.mark.parametrize(
    ("options", "call", "status", "code"),
    [
        ({"auth_secret": "guessed"}, "list_templates", 400, "INVALID_SIGNATURE"),
        ({"auth_key": "guessed"}, "list_templates", 400, "GET_ACCOUNT_UNKNOWN_AUTH_KEY"),
        ({"duration": -60}, "list_templates", 400, "AUTH_EXPIRED"),
        ({"key": NARROW}, "delete_template", 403, "INSUFFICIENT_AUTH_SCOPE"),
        ({}, "get_assembly", 404, "ASSEMBLY_NOT_FOUND"),
    ],
)
def test_a_refusal_is_an_answer_with_api2_s_code(
    client: Client, options: dict[str, Any], call: str, status: int, code: str
) -> None:
    given = [] if call == "list_templates" else ["0" * 32]
    answer = getattr(client(**options), call)(*given)
    assert (answer.status_code, answer.data["error"]) == (status, code)
