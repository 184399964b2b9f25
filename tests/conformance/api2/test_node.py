"""Transloadit's own Node client, unmodified, with a bearer token and with signatures."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.sandbox.robots import ROBOTS
from tests.kit.api2 import KEY, NARROW, PINNED, STEPS, Api2
from tests.kit.node import Node
from tests.kit.official import FOLDER, Official, Refused

QUICK = {"interval": 20}
NOBODY = "0" * 32


def uploading(client: Official, **options: Any) -> Any:
    """An Assembly that waits for one file."""
    return client("createAssembly", {"params": {"steps": STEPS}, "expectedUploads": 1, **options})


def test_a_token_is_minted_for_the_scopes_asked_each_once_in_their_order(official: Official) -> None:
    asked = ["templates:read", "assemblies:write,templates:read"]
    token = official.with_secret_of(KEY)("mintBearerToken", {"aud": "api2", "scope": asked})
    assert token["scope"] == "templates:read assemblies:write"
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 21600)


def test_the_client_s_default_audience_is_accepted(official: Official, api2: Api2) -> None:
    token = official.with_secret_of(KEY)("mintBearerToken")["access_token"]
    assert api2.send("GET", "/_sandbox/forms")[1][-1]["aud"] == "mcp"
    assert official.having(authToken=token)("listAssemblies")["items"] == []


@pytest.mark.parametrize("way", ["bearer", "signature"])
def test_each_way_to_authenticate_is_logged_as_that_way(official: Official, api2: Api2, way: str) -> None:
    client = official.with_token_of(KEY) if way == "bearer" else official.with_secret_of(KEY)
    client("listTemplates")
    assert api2.log()[-1]["caller"].startswith(f"{way} of {KEY.key}")


def test_an_assembly_is_made_waited_for_and_listed(client: Official) -> None:
    made = client("createAssembly", {"params": {"steps": STEPS, "fields": {"who": "alice"}}})
    ended = client("awaitAssemblyCompletion", made["assembly_id"], QUICK)
    assert (ended["ok"], ended["fields"]) == ("ASSEMBLY_COMPLETED", {"who": "alice"})
    found = client("listAssemblies", {"type": "completed"})
    assert (found["count"], [item["id"] for item in found["items"]]) == (1, [made["assembly_id"]])


def test_an_assembly_is_made_by_a_template(client: Official) -> None:
    template = client("createTemplate", {"name": "thumbnails", "template": {"steps": STEPS}})
    made = client("createAssembly", {"params": {"template_id": template["id"]}, "waitForCompletion": True})
    assert (made["template_id"], made["template_name"]) == (template["id"], "thumbnails")


def test_a_file_ends_as_an_upload_and_a_result(client: Official, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("a note of known length")
    files = {"note": str(tmp_path / "note.txt")}
    ended = client("createAssembly", {"params": {"steps": STEPS}, "files": files, "waitForCompletion": True})
    (upload,) = ended["uploads"]
    assert (upload["field"], upload["name"], upload["size"]) == ("note", "note.txt", 22)
    assert (upload["is_tus_file"], upload["md5hash"]) == (True, "2d1deb520a5b08831dda0a2ca477f88f")
    assert [result["original_id"] for result in ended["results"]["resized"]] == [upload["id"]]


def test_a_stream_says_its_length_at_its_end(client: Official) -> None:
    streams = {"one": "first", "two": "second"}
    ended = client("createAssembly", {"uploads": streams, "params": {"steps": STEPS}, "waitForCompletion": True})
    assert {(upload["name"], upload["size"]) for upload in ended["uploads"]} == {("one", 5), ("two", 6)}


def test_an_upload_is_left_and_resumed(client: Official, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("a note")
    files = {"note": str(tmp_path / "note.txt")}
    made = uploading(client, files=files, uploadBehavior="none")
    (left,) = client("getAssembly", made["assembly_id"])["tus_uploads"]
    assert (left["finished"], left["offset"], left["upload_url"]) == (False, 0, made["upload_urls"]["note"])
    again = {"assemblyUrl": made["assembly_ssl_url"], "files": files, "waitForCompletion": True}
    ended = client("resumeAssemblyUploads", again)
    assert [upload["tus_upload_url"] for upload in ended["uploads"]] == [left["upload_url"]]


def test_an_assembly_is_replayed_with_its_files_under_a_new_id(client: Official) -> None:
    made = client(
        "createAssembly", {"params": {"steps": STEPS}, "uploads": {"one": "first"}, "waitForCompletion": True}
    )
    replayed = client("replayAssembly", made["assembly_id"], {"fields": {"again": "yes"}})
    assert (replayed["ok"], replayed["success"]) == ("ASSEMBLY_REPLAYING", True)
    ended = client("awaitAssemblyCompletion", replayed["assembly_id"], QUICK)
    assert (ended["ok"], ended["parent_id"]) == ("ASSEMBLY_COMPLETED", made["assembly_id"])
    assert ([upload["name"] for upload in ended["uploads"]], ended["fields"]) == (["one"], {"again": "yes"})


def test_an_assembly_is_cancelled(client: Official) -> None:
    client("createAssembly", {"params": {"steps": STEPS}})
    made = uploading(client)
    assert made["ok"] == "ASSEMBLY_UPLOADING"
    assert client("cancelAssembly", made["assembly_id"])["ok"] == "ASSEMBLY_CANCELED"
    assert [item["id"] for item in client("listAssemblies", {"type": "canceled"})["items"]] == [made["assembly_id"]]


def test_a_template_lives_from_its_making_to_its_end(client: Official) -> None:
    made = client("createTemplate", {"name": "a-template", "template": {"steps": STEPS}, "require_signature_auth": 1})
    assert (made["ok"], made["content"]["steps"], made["require_signature_auth"]) == ("TEMPLATE_CREATED", STEPS, 1)
    assert client("editTemplate", made["id"], {"name": "another-name"})["ok"] == "TEMPLATE_UPDATED"
    found = client("getTemplate", made["id"])
    assert (found["ok"], found["name"], found["content"]["steps"]) == ("TEMPLATE_FOUND", "another-name", STEPS)
    assert [item["id"] for item in client("listTemplates", {"pagesize": 5})["items"]] == [made["id"]]
    assert client("deleteTemplate", made["id"])["ok"] == "TEMPLATE_DELETED"
    with pytest.raises(Refused) as refusal:
        client("getTemplate", made["id"])
    assert refusal.value == Refused("ApiError", "TEMPLATE_NOT_FOUND", 400)


def test_template_credentials_live_from_their_making_to_their_end(client: Official) -> None:
    content = {"key": "of a bucket", "bucket": "b"}
    made = client("createTemplateCredential", {"name": "a-bucket", "type": "s3", "content": content})["credential"]
    assert (made["name"], made["type"], made["content"]) == ("a-bucket", "s3", content)
    changed = {"name": "a-bucket", "type": "s3", "content": {**content, "bucket": "c"}}
    client("editTemplateCredential", made["id"], changed)
    assert client("getTemplateCredential", made["id"])["credential"]["content"]["bucket"] == "c"
    assert [each["id"] for each in client("listTemplateCredentials")["credentials"]] == [made["id"]]
    assert client("deleteTemplateCredential", made["id"])["ok"] == "TEMPLATE_CREDENTIALS_DELETED"
    assert client("listTemplateCredentials")["credentials"] == []


def test_a_stream_of_template_credentials_ends_with_its_last_page(client: Official) -> None:
    names = [f"bucket-{number}" for number in range(51)]
    for name in names:
        client("createTemplateCredential", {"name": name, "type": "s3", "content": {"key": "k"}})
    streamed = client("streamTemplateCredentials", {"order": "asc", "sort": "created"})
    assert sorted(each["name"] for each in streamed) == sorted(names)


@pytest.mark.parametrize("method", ["streamAssemblies", "streamTemplates", "streamTemplateCredentials"])
def test_a_stream_of_nothing_ends(client: Official, method: str) -> None:
    assert client(method) == []


def test_names_are_those_of_its_own_live_tests(client: Official) -> None:
    name = "node-sdk-test-2026-11-25t00-49-36-277z"
    content = {"key": "k", "secret": "s", "bucket": "b", "bucket_region": "us-east-1"}
    template = client("createTemplate", {"name": name, "template": {"steps": STEPS}})
    assert client("editTemplate", template["id"], {"name": f"{name}-edited"})["name"] == f"{name}-edited"
    made = {"name": name, "type": "s3", "content": content}
    credential = client("createTemplateCredential", made)["credential"]
    edited = client("editTemplateCredential", credential["id"], made | {"name": f"{name}-edited"})
    assert edited["credential"]["name"] == f"{name}-edited"


def test_cancelling_an_assembly_that_has_completed_is_answered_as_its_live_tests_say(client: Official) -> None:
    made = client("createAssembly", {"params": {"steps": STEPS}, "waitForCompletion": True})
    assert client("cancelAssembly", made["assembly_id"])["ok"] == "ASSEMBLY_CANCELED"
    assert client("getAssembly", made["assembly_id"])["ok"] == "ASSEMBLY_COMPLETED"


def test_a_replayed_notification_leaves_the_notify_url_as_its_live_tests_say(client: Official, api2: Api2) -> None:
    params = {"steps": STEPS, "notify_url": f"{api2.origin}/hook"}
    made = client("createAssembly", {"params": params, "waitForCompletion": True})
    client("replayAssemblyNotification", made["assembly_id"], {"notify_url": f"{api2.origin}/newPath"})
    assert api2.send("GET", "/_sandbox/calls")[1]["POST /newPath"] == 1
    assert client("getAssembly", made["assembly_id"])["notify_url"] == params["notify_url"]


SVG = (
    '<?xml version="1.0" standalone="no"?><svg height="100" width="100">'
    '<circle cx="50" cy="50" r="40" fill="red" /></svg>'
)


def test_a_file_without_extension_is_known_by_what_it_holds_as_in_its_live_tests(client: Official) -> None:
    steps = {"dummy": {"robot": "/file/filter", "use": ":original", "accepts": []}}
    ended = client("createAssembly", {"uploads": {"file1": SVG}, "params": {"steps": steps}, "waitForCompletion": True})
    told = {"name": "file1", "ext": "svg", "size": 117, "mime": "image/svg+xml", "type": "image"}
    assert told.items() <= ended["uploads"][0].items()
    assert ended["uploads"][0]["md5hash"] == "1b199e02dd833b2278ce2a0e75480b14"


def test_an_empty_file_fails_the_assembly_as_in_its_live_tests(client: Official, tmp_path: Path) -> None:
    (tmp_path / "zerobytes.jpg").touch()
    files = {"file": str(tmp_path / "zerobytes.jpg")}
    with pytest.raises(Refused) as refusal:
        client("createAssembly", {"params": {"steps": STEPS}, "files": files, "waitForCompletion": True})
    assert (refusal.value.name, refusal.value.code) == ("ApiError", "INVALID_INPUT_ERROR")


def test_the_robots_are_those_of_the_newest_client_and_no_client_has_another(node: Node, package: str) -> None:
    command = [*node, FOLDER / "robots.mjs", FOLDER / "node_modules" / package]
    known = set(json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout))
    assert known <= ROBOTS
    assert known == ROBOTS or package != "transloadit"


def test_a_notification_is_replayed(client: Official, api2: Api2) -> None:
    # The sandbox answers a POST to this URL as it does to any that it does not know: what counts is that it is sent.
    params = {"steps": STEPS, "notify_url": f"{api2.origin}/hook"}
    made = client("createAssembly", {"params": params, "waitForCompletion": True})
    told = client("replayAssemblyNotification", made["assembly_id"])
    assert told["ok"] in ("ASSEMBLY_NOTIFICATION_REPLAYED", "ASSEMBLY_NOTIFICATION_REPLAYING")
    assert told["notification_id"]


def test_a_bill_is_shown(client: Official) -> None:
    bill = client("getBill", "2026-11")
    assert (bill["ok"], bill["total"]) == ("BILL_FOUND", 0)


NEWEST = pytest.mark.parametrize("package", ["transloadit"], indirect=True)


@NEWEST
def test_a_pinned_key_wants_its_algorithm(official: Official) -> None:
    client = official.with_secret_of(PINNED)
    assert client.having(signatureAlgorithm="sha256")("listAssemblies")["items"] == []
    with pytest.raises(Refused) as refusal:
        client("listAssemblies")
    assert refusal.value == Refused("ApiError", "INVALID_SIGNATURE", 400)


@NEWEST
def test_a_key_revokes_itself(official: Official) -> None:
    client = official.with_secret_of(NARROW)
    client("revokeOwnAuthKey")
    with pytest.raises(Refused) as refusal:
        client("listTemplates")
    assert (refusal.value.name, refusal.value.status) == ("ApiError", 400)


REFUSED: dict[str, tuple[Any, str, int]] = {
    "a wrong secret": (
        lambda official: official.having(authKey=KEY.key, authSecret="guessed")("listTemplates"),
        "INVALID_SIGNATURE",
        400,
    ),
    "an unknown key": (
        lambda official: official.having(authKey="guessed", authSecret="guessed")("listTemplates"),
        "GET_ACCOUNT_UNKNOWN_AUTH_KEY",
        400,
    ),
    "an old signature": (
        lambda official: official.with_secret_of(KEY)(
            "listTemplates", {"auth": {"expires": "2020/01/01 00:00:00+00:00"}}
        ),
        "AUTH_EXPIRED",
        400,
    ),
    "an unknown token": (
        lambda official: official.having(authToken="guessed")("listTemplates"),
        "BEARER_TOKEN_INVALID",
        401,
    ),
    "a token without the scope": (
        lambda official: official.with_token_of(KEY, "templates:read")("deleteTemplate", NOBODY),
        "INSUFFICIENT_AUTH_SCOPE",
        403,
    ),
    "a secret without the scope": (
        lambda official: official.with_secret_of(NARROW)("deleteTemplate", NOBODY),
        "INSUFFICIENT_AUTH_SCOPE",
        403,
    ),
    "a token and another's key": (
        lambda official: official.with_token_of(KEY)("listTemplates", {"auth": {"key": NARROW.key}}),
        "BEARER_TOKEN_AUTH_KEY_MISMATCH",
        403,
    ),
    "an assembly that is not there": (
        lambda official: official.with_secret_of(KEY)("getAssembly", NOBODY),
        "ASSEMBLY_NOT_FOUND",
        404,
    ),
    "a template that is not there": (
        lambda official: official.with_token_of(KEY)("createAssembly", {"params": {"template_id": NOBODY}}),
        "TEMPLATE_NOT_FOUND",
        400,
    ),
    "an unknown robot": (
        lambda official: official.with_token_of(KEY)(
            "createAssembly", {"params": {"steps": {"resized": {"robot": "/image/resise", "use": ":original"}}}}
        ),
        "ASSEMBLY_STEP_UNKNOWN_ROBOT",
        400,
    ),
    "no steps": (
        lambda official: official.with_token_of(KEY)("createAssembly", {"params": {"steps": {}}}),
        "ASSEMBLY_EMPTY_STEPS",
        400,
    ),
}


@pytest.mark.parametrize(("call", "code", "status"), REFUSED.values(), ids=REFUSED.keys())
def test_a_refusal_is_its_own_error_with_api2_s_code(official: Official, call: Any, code: str, status: int) -> None:
    with pytest.raises(Refused) as refusal:
        call(official)
    assert refusal.value == Refused("ApiError", code, status)


def test_a_token_that_ran_out_is_refused(official: Official, api2: Api2) -> None:
    client = official.with_token_of(KEY)
    api2.advance(21_600)
    with pytest.raises(Refused) as refusal:
        client("listAssemblies")
    assert refusal.value == Refused("ApiError", "BEARER_TOKEN_EXPIRED", 401)


def test_an_id_is_good_for_one_assembly(client: Official) -> None:
    first = {"params": {"steps": STEPS}, "assemblyId": "a" * 32}
    assert client("createAssembly", first)["assembly_id"] == "a" * 32
    with pytest.raises(Refused) as refusal:
        client("createAssembly", first)
    assert refusal.value == Refused("ApiError", "DO_NOT_REUSE_ASSEMBLY_IDS", 400)


MINTED: dict[str, tuple[dict[str, str], dict[str, Any], str]] = {
    "a wrong secret": ({"authSecret": "guessed"}, {}, "TOKEN_INVALID_CREDENTIALS"),
    "an unknown key": ({"authKey": "guessed"}, {}, "GET_ACCOUNT_UNKNOWN_AUTH_KEY"),
    "a scope that the key lacks": ({}, {"scope": "billing:read"}, "TOKEN_INVALID_SCOPE"),
    "an audience": ({}, {"aud": "elsewhere"}, "TOKEN_INVALID_AUDIENCE"),
}


@pytest.mark.parametrize(("options", "asked", "code"), MINTED.values(), ids=MINTED.keys())
def test_a_token_is_refused_in_its_own_words(
    official: Official, options: dict[str, str], asked: dict[str, Any], code: str
) -> None:
    with pytest.raises(Refused) as refusal:
        official.with_secret_of(NARROW).having(**options)("mintBearerToken", asked)
    assert refusal.value.message.startswith(f"{code}: ")


def test_the_client_waits_for_a_limit_and_reports_when_it_gives_up(client: Official, api2: Api2) -> None:
    limited = {"error": "RATE_LIMIT_REACHED", "message": "Request limit reached", "info": {"retryIn": 0.05}}
    fault = {"path": "/assemblies", "status": 413, "body": limited}
    api2.control("faults", times=2, **fault)
    assert client("listAssemblies")["items"] == []
    assert api2.send("GET", "/_sandbox/calls")[1]["GET /assemblies"] == 3
    api2.control("faults", times=2, **fault)
    with pytest.raises(Refused) as refusal:
        client.having(maxRetries=1)("listAssemblies")
    assert refusal.value == Refused("ApiError", "RATE_LIMIT_REACHED", 413)
