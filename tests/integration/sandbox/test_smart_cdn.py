"""Smart CDN: pictures by signed URLs, and what an Assembly has stored where."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from local.sandbox.model import Settings, Workspace
from local.sandbox.resources import Template
from tests.kit.api2 import IN_AN_HOUR, NARROW, NOW, OTHERS, PNG, UPLOADS, Api2, signed_url

Start = Callable[[Settings], Api2]
THUMB = {
    "imported": {"robot": "/s3/import", "path": "${fields.input}"},
    "resized": {"robot": "/image/resize", "use": "imported", "width": "${fields.w}"},
    "served": {"robot": "/file/serve", "use": "resized"},
}
SOURCE = {"imported": {"robot": "/http/import", "url": "https://example.com/${fields.input}"}}
TEMPLATES = tuple(
    Template(id_ * 32, "sandbox", name, {"steps": steps}, 0, 0, 0)
    for id_, name, steps in (("1", "serve-thumb", THUMB), ("2", "serve-source", SOURCE))
)


@pytest.fixture
def api2(start: Start) -> Api2:
    return start(Settings(templates=TEMPLATES))


def store(api2: Api2, path: str = "users/alice/a.png", content: bytes = PNG, **params: Any) -> dict[str, Any]:
    """The status of an Assembly that has stored a picture at this path."""
    steps = {"exported": {"robot": "/s3/store", "use": ":original", "path": path}}
    files = {"file": ("a.png", content)}
    status, made = api2.signed("POST", "/assemblies", files=files, **{"steps": steps, **params})
    assert status == 200, made
    return api2.status(made)


def ask(api2: Api2, url: str) -> tuple[int, str]:
    """The status, and the error of a refusal."""
    answer = api2.raw("GET", url)
    return answer.status, "" if answer.status == 200 else json.loads(answer.data)["error"]


def test_a_signed_url_shows_the_picture_that_an_assembly_stored(api2: Api2) -> None:
    store(api2)
    answer = api2.raw("GET", signed_url())
    assert (answer.status, answer.data, answer.headers["content-type"]) == (200, PNG, "image/png")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert api2.raw("GET", signed_url().replace("%2F", "/")).data == PNG


def test_the_picture_that_was_stored_last_is_shown(api2: Api2) -> None:
    store(api2)
    store(api2, content=PNG + b"newer")
    assert api2.raw("GET", signed_url()).data == PNG + b"newer"


def test_a_picture_is_there_once_its_assembly_has_completed(start: Start) -> None:
    api2 = start(Settings(templates=TEMPLATES, execution_seconds=10))
    store(api2)
    assert ask(api2, signed_url()) == (404, "SERVER_404")
    api2.advance(10)
    assert ask(api2, signed_url()) == (200, "")


def test_a_picture_of_another_workspace_is_not_shown(start: Start) -> None:
    other = Template("3" * 32, "others", "serve-thumb", {"steps": THUMB}, 0, 0, 0)
    api2 = start(Settings(workspaces=(Workspace(), Workspace("others")), templates=(*TEMPLATES, other)))
    store(api2)
    assert ask(api2, signed_url(workspace="others", key=OTHERS)) == (404, "SERVER_404")


PATHS = {
    "the file's id": ("x/${file.id}.${file.ext}", lambda file: f"x/{file['id']}.png"),
    "a name for URLs": ("x/${file.url_name}", lambda file: "x/a.png"),
    "a field": ("x/${fields.album}/${file.name}", lambda file: "x/summer/a.png"),
    "a field that looks like a variable": ("x/${fields.sly}", lambda file: "x/${file.id}"),
    "the Step before": ("/x/${previous_step.name}", lambda file: "x/:original"),
    "an unknown variable": ("x/${nothing}y", lambda file: "x/y"),
}


@pytest.mark.parametrize(("path", "find"), PATHS.values(), ids=PATHS)
def test_the_variables_of_a_path_are_filled_in(api2: Api2, path: str, find: Callable[[dict[str, Any]], str]) -> None:
    status = store(api2, path, fields={"album": "summer", "sly": "${file.id}"})
    assert ask(api2, signed_url(find(status["uploads"][0]))) == (200, "")


def test_a_step_that_stores_the_files_of_another_names_its_results(api2: Api2) -> None:
    steps = {
        "resized": {"robot": "/image/resize", "use": ":original"},
        "exported": {"robot": "/s3/store", "use": ["resized"], "path": "${file.id}"},
    }
    (result,) = store(api2, steps=steps)["results"]["resized"]
    assert ask(api2, signed_url(result["id"])) == (200, "")


REFUSED = {
    "another input": (signed_url().replace("alice", "bobby"), 400, "INVALID_SIGNATURE"),
    "another parameter": (signed_url().replace("w=200", "w=201"), 400, "INVALID_SIGNATURE"),
    "one more parameter": (f"{signed_url()}&f=webp", 400, "INVALID_SIGNATURE"),
    "a later expiry": (signed_url().replace(f"exp={IN_AN_HOUR}", f"exp={IN_AN_HOUR + 1}"), 400, "INVALID_SIGNATURE"),
    "another template": (signed_url().replace("serve-thumb", "serve-source"), 400, "INVALID_SIGNATURE"),
    "one changed digit": (signed_url()[:-1] + ("0" if signed_url()[-1] != "0" else "1"), 400, "INVALID_SIGNATURE"),
    "a digest without its algorithm": (signed_url().replace("sha256%3A", ""), 400, "INVALID_SIGNATURE"),
    "a key for another algorithm": (signed_url(key=UPLOADS), 400, "INVALID_SIGNATURE"),
    "over": (signed_url(exp=int(NOW * 1000)), 400, "AUTH_EXPIRED"),
    "an expiry in words": (signed_url(exp="tomorrow"), 400, "INVALID_AUTH_EXPIRES_PARAMETER"),
    "no signature": (signed_url().partition("&sig=")[0], 400, "NO_SIGNATURE_FIELD"),
    "two signatures": (f"{signed_url()}&sig=sha256%3A00", 400, "NO_SIGNATURE_FIELD"),
    "no key": (signed_url().replace("auth_key=key-1&", ""), 400, "NO_AUTH_KEY_PARAMETER"),
    "two keys": (f"{signed_url()}&auth_key=key-2", 400, "NO_AUTH_KEY_PARAMETER"),
    "no expiry": (signed_url().replace(f"exp={IN_AN_HOUR}&", ""), 400, "NO_AUTH_EXPIRES_PARAMETER"),
    "an unknown key": (signed_url().replace("key-1", "key-9"), 400, "GET_ACCOUNT_UNKNOWN_AUTH_KEY"),
    "a key of another workspace": (signed_url(key=OTHERS), 400, "GET_ACCOUNT_UNKNOWN_AUTH_KEY"),
    "a key without the scope": (signed_url(key=NARROW), 403, "INSUFFICIENT_AUTH_SCOPE"),
    "an unknown workspace": (signed_url(workspace="nobody"), 404, "SERVER_404"),
    "an unknown template": (signed_url(template="nothing"), 400, "TEMPLATE_NOT_FOUND"),
    "a template that imports from elsewhere": (signed_url(template="serve-source"), 404, "SERVER_404"),
    "nothing stored": (signed_url("users/alice/b.png"), 404, "SERVER_404"),
}


@pytest.mark.parametrize(("url", "status", "error"), REFUSED.values(), ids=REFUSED)
def test_a_url_that_is_not_as_signed_is_refused_with_its_reason(api2: Api2, url: str, status: int, error: str) -> None:
    store(api2)
    assert ask(api2, url) == (status, error)


def test_a_signature_is_over_when_its_time_has_passed(api2: Api2) -> None:
    store(api2)
    api2.advance(3599)
    assert ask(api2, signed_url()) == (200, "")
    api2.advance(1)
    assert ask(api2, signed_url()) == (400, "AUTH_EXPIRED")


def test_an_unsigned_url_is_served_where_no_signature_is_needed(start: Start) -> None:
    api2 = start(Settings(workspaces=(Workspace(require_signature=False),), templates=TEMPLATES))
    store(api2)
    url = "/smart-cdn/sandbox/serve-thumb/users%2Falice%2Fa.png?w=200"
    assert ask(api2, url) == (200, "")
    assert ask(api2, f"{url}&exp=1") == (400, "NO_AUTH_KEY_PARAMETER")
    api2.control("workspace", slug="sandbox", require_signature=True)
    assert ask(api2, url) == (400, "NO_AUTH_KEY_PARAMETER")


def test_the_log_names_the_signer_and_holds_no_signature(api2: Api2) -> None:
    store(api2)
    ask(api2, signed_url())
    ask(api2, signed_url(key=NARROW))
    served, refused = api2.log()[-2:]
    assert (served["caller"], served["status"]) == ("signature of key-1", 200)
    assert (refused["caller"], refused["refused"][:23]) == ("signature of key-2", "INSUFFICIENT_AUTH_SCOPE")
    assert "sha256" not in json.dumps([served, refused])


def test_a_page_of_a_stored_file_does_not_run_in_the_sandbox_s_origin(api2: Api2) -> None:
    store(api2, content=b"<svg onload='alert(1)'/>")
    headers = api2.raw("GET", signed_url()).headers
    assert (headers["content-disposition"], headers["x-content-type-options"]) == ("attachment", "nosniff")
