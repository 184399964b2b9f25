"""Signed parameters of Assemblies: what the signature holds fast, and what it leaves to the one who sends them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.sandbox.model import Settings
from local.sandbox.resources import Template
from local.stack.options import Options, Ports
from local.stack.plan import plan
from local.stack.workspace import AVATAR_ID, make_settings
from tests.kit.api2 import PNG, UPLOADS, Answer, Api2, sign, signed_url
from tests.kit.policies import policy

Start = Callable[[Settings], Api2]
ID = "1" * 32
STEPS: dict[str, dict[str, Any]] = {
    "resized": {"robot": "/image/resize", "use": ":original", "width": 400},
    "exported": {"robot": "/s3/store", "use": "resized", "path": "open/${fields.album}/${file.name}"},
}
THUMB = {"imported": {"robot": "/s3/import", "path": "${fields.input}"}}
SERVE = Template("2" * 32, "sandbox", "serve-thumb", {"steps": THUMB}, 0, 0, 0)
AVATAR = Template(ID, "sandbox", "avatar", {"steps": STEPS, "fields": {"source": "template"}}, 0, 0, 0)


@pytest.fixture
def api2(start: Start) -> Api2:
    return start(Settings(templates=(AVATAR, SERVE)))


def make_params(auth: dict[str, Any] | None = None, **members: Any) -> str:
    """Signed parameters as the broker builds them."""
    limits = {"nonce": "n-1", "max_size": 1000, "max_number_of_files": 2}
    named = {"key": UPLOADS.key, "expires": "2027-01-15T08:05:00.000Z", **limits, **(auth or {})}
    return json.dumps({"auth": named, "template_id": ID, **members})


def send(api2: Api2, params: str, path: str = "/assemblies", **form: Any) -> Answer:
    """These parameters with their signature, and more fields or files of the form."""
    fields = {"params": params, "signature": sign(params, UPLOADS)}
    return api2.with_fields("POST", path, {**fields, **form}, files={})


def test_the_status_shows_the_parameters_as_signed_and_the_fields_as_they_count(api2: Api2) -> None:
    params = make_params(fields={"album": "summer"})
    made = send(api2, params)[1]
    assert made["params"] == params
    assert made["fields"] == {"source": "template", "album": "summer"}


def test_a_form_field_overrides_the_signed_one_of_its_name_and_others_are_added(api2: Api2) -> None:
    params = make_params(fields={"album": "mine", "source": "web"})
    made = send(api2, params, album="yours", more="1")[1]
    assert made["fields"] == {"source": "web", "album": "yours", "more": "1"}
    assert made["params"] == params


def test_a_path_that_reads_a_field_obeys_the_form_and_a_pinned_path_does_not(api2: Api2) -> None:
    pinned = {"exported": {"path": "users/alice/${file.name}"}}
    for steps, stored_at in (({}, "open/yours/a.png"), (pinned, "users/alice/a.png")):
        params = make_params(fields={"album": "mine"}, steps=steps)
        assert send(api2, params, album="yours", file=("a.png", PNG))[0] == 200
        assert api2.raw("GET", signed_url(stored_at)).data == PNG
    assert api2.raw("GET", signed_url("open/mine/a.png")).status == 404


def test_signed_steps_are_laid_over_those_of_the_template(api2: Api2) -> None:
    made = send(api2, make_params(steps={"exported": {"path": "users/alice/${file.id}"}}))[1]
    merged = json.loads(made["merged_params"])["steps"]
    assert merged["exported"] == STEPS["exported"] | {"path": "users/alice/${file.id}"}
    assert merged["resized"] == STEPS["resized"]


@pytest.mark.parametrize("field", ["steps", "template_id", "auth", "notify_url"])
def test_a_form_field_with_the_name_of_a_parameter_stays_a_field(api2: Api2, field: str) -> None:
    plain = send(api2, make_params())[1]
    made = send(api2, make_params(), **{field: '{"exported": {"path": "evil"}}'})[1]
    same = ("merged_params", "template_id", "notify_url", "params")
    assert [made[name] for name in same] == [plain[name] for name in same]
    assert field in made["fields"]


LIMITS = {
    "files of the form": ({"a": ("a", b"1"), "b": ("b", b"2"), "c": ("c", b"3")}, {}, "MAX_NUMBER_OF_FILES_EXCEEDED"),
    "a large file": ({"a": ("a", b"1" * 1001)}, {}, "MAX_SIZE_EXCEEDED"),
    "files that are large together": ({"a": ("a", b"1" * 600), "b": ("b", b"1" * 600)}, {}, "MAX_SIZE_EXCEEDED"),
    "imports": ({}, {"in": {"robot": "/http/import", "url": ["u", "v", "w"]}}, "MAX_NUMBER_OF_FILES_EXCEEDED"),
    "imports and files": (
        {"a": ("a", b"1"), "b": ("b", b"2")},
        {"in": {"robot": "/http/import", "url": "u"}},
        "MAX_NUMBER_OF_FILES_EXCEEDED",
    ),
}


@pytest.mark.parametrize(("files", "steps", "error"), LIMITS.values(), ids=LIMITS)
def test_the_limits_count_for_the_whole_assembly(
    api2: Api2, files: dict[str, Any], steps: dict[str, Any], error: str
) -> None:
    status, refused = send(api2, make_params(steps=steps), **files)
    assert (status, refused["error"]) == (400, error)


def test_an_import_that_fits_the_limits_is_taken(api2: Api2) -> None:
    steps = {"in": {"robot": "/http/import", "url": ["u", "v"]}}
    assert send(api2, make_params(steps=steps))[0] == 200


def test_signed_parameters_make_assemblies_until_they_expire(api2: Api2) -> None:
    """The contract of Transloadit's clients lists no SIGNATURE_REUSE_DETECTED for a new Assembly."""
    params = make_params()
    assert [send(api2, params)[0] for _ in range(2)] == [200, 200]
    api2.advance(300)
    assert send(api2, params)[1]["error"] == "AUTH_EXPIRED"


ELSEWHERE = [
    ("GET", "/assemblies"),
    ("GET", "/templates"),
    ("POST", "/templates"),
    ("DELETE", f"/templates/{ID}"),
    ("GET", "/template_credentials"),
    ("POST", "/auth_keys"),
    ("GET", "/bill/2027-01"),
]


@pytest.mark.parametrize(("method", "path"), ELSEWHERE)
def test_signed_parameters_open_no_endpoint_beyond_the_scopes_of_their_key(api2: Api2, method: str, path: str) -> None:
    params = make_params()
    fields = {"params": params, "signature": sign(params, UPLOADS)}
    assert api2.with_fields(method, path, fields)[1]["error"] == "INSUFFICIENT_AUTH_SCOPE"


def test_signed_parameters_are_good_at_every_endpoint_within_the_scopes_of_their_key(api2: Api2) -> None:
    made = send(api2, make_params())[1]
    assert send(api2, make_params(), path=f"/assemblies/{made['assembly_id']}/replay")[0] == 200
    assert send(api2, make_params(), path=f"/assemblies/{'2' * 32}")[0] == 200


@pytest.mark.parametrize("algorithm", ["sha256", "sha1", "bare-sha1"])
def test_a_key_for_sha384_refuses_every_other_algorithm(api2: Api2, algorithm: str) -> None:
    params = make_params()
    fields = {"params": params, "signature": sign(params, UPLOADS, algorithm)}
    assert api2.with_fields("POST", "/assemblies", fields)[1]["error"] == "INVALID_SIGNATURE"


def test_the_templates_of_the_stack_lead_from_a_signed_upload_to_its_picture(start: Start) -> None:
    info = plan(
        Options(Path("policy.yaml"), 3000, 1, None, None, None), Ports(3000, 3001, 3002, 3003, 3004, 3005, 3006), Path()
    )
    api2 = start(make_settings(info, policy()))
    pinned = {"exported": {"path": "users/alice/${file.id}.${file.ext}"}}
    made = send(api2, make_params(template_id=AVATAR_ID, steps=pinned), file=("me.png", PNG))[1]
    (result,) = api2.status(made)["results"]["resized"]
    url = signed_url(f"users/alice/{result['id']}.{result['ext']}", w="200", f="webp")
    assert api2.raw("GET", url).data == PNG
