"""Assemblies from their creation to their end, by the clock."""

import json
from typing import Any

import pytest

from local.sandbox import assemblies
from local.sandbox.assembly import Assembly
from local.sandbox.model import Limit, Settings
from tests.integration.sandbox.conftest import Start
from tests.kit.api2 import KEY, OTHERS, STEPS, Api2

ID = "0123456789abcdef0123456789abcdef"


def states(api2: Api2, made: dict[str, Any]) -> tuple[str | None, list[str]]:
    status = api2.status(made)
    return status.get("ok"), list(status["results"])


def test_an_assembly_with_its_files_executes_and_completes_when_its_time_is_over(api2: Api2) -> None:
    files = {"photo": ("a b.png", b"12345"), "title": "mine"}
    status, made = api2.signed("POST", "/assemblies", files=files, steps=STEPS, fields={"more": 1})
    assert (status, made["ok"], made["http_code"]) == (200, "ASSEMBLY_EXECUTING", 200)
    assert made["fields"] == {"title": "mine", "more": 1}
    upload = made["uploads"][0]
    shown = {"name": "a b.png", "basename": "a b", "ext": "png", "size": 5, "mime": "image/png", "field": "photo"}
    assert shown.items() <= upload.items()
    assert states(api2, made) == ("ASSEMBLY_EXECUTING", [])
    api2.advance(10)
    assert states(api2, made) == ("ASSEMBLY_COMPLETED", ["resized"])
    result = api2.status(made)["results"]["resized"][0]
    assert (result["original_id"], result["size"]) == (upload["id"], 5)
    assert result["id"] != upload["id"]
    assert api2.raw("GET", result["ssl_url"]).data == b"12345"


def test_the_urls_of_an_assembly_point_at_the_sandbox_as_the_client_reached_it(api2: Api2) -> None:
    made = api2.assembly()
    urls = [name for name in made if name.endswith("_url") and name != "notify_url"]
    assert {"assembly_url", "assembly_ssl_url", "tus_url", "websocket_url", "update_stream_url"} <= set(urls)
    assert all(made[name].startswith(f"{api2.origin}/") for name in urls)


def test_an_assembly_waits_for_the_files_that_were_announced(api2: Api2) -> None:
    made = api2.assembly(expected=1)
    api2.advance(3600)
    assert states(api2, made) == ("ASSEMBLY_UPLOADING", [])
    assert (made["expected_tus_uploads"], made["started_tus_uploads"]) == (1, 0)


def test_a_client_may_choose_the_id_and_use_it_once(api2: Api2) -> None:
    for method, id_ in (("POST", ID), ("PUT", ID[::-1])):
        made = api2.signed(method, f"/assemblies/{id_}", files={}, steps=STEPS)[1]
        assert made["assembly_id"] == id_
        assert api2.signed("POST", f"/assemblies/{id_}", steps=STEPS)[1]["error"] == "DO_NOT_REUSE_ASSEMBLY_IDS"


def test_quiet_says_no_more_than_needed(api2: Api2) -> None:
    made = api2.signed("POST", "/assemblies", steps=STEPS, quiet=True)[1]
    assert made.keys() == {"ok", "assembly_id"}


def test_an_assembly_names_its_maker_and_its_client(api2: Api2) -> None:
    headers = {"Transloadit-Client": "test:1", "Referer": "https://a.example/"}
    made = api2.signed("POST", "/assemblies", headers=headers, steps=STEPS)[1]
    told = {"transloadit_client": "test:1", "client_referer": "https://a.example/", "api_auth_key_id": KEY.id}
    assert told.items() <= made.items()
    assert KEY.secret not in json.dumps(made)


def test_a_cancelled_assembly_stays_so_and_one_that_has_ended_is_not_cancelled(api2: Api2) -> None:
    made, done = api2.assembly(), api2.assembly()
    assert api2.send("DELETE", made["assembly_ssl_url"])[1]["ok"] == "ASSEMBLY_CANCELED"
    api2.advance(10)
    api2.send("DELETE", done["assembly_ssl_url"])
    assert [states(api2, each)[0] for each in (made, done)] == ["ASSEMBLY_CANCELED", "ASSEMBLY_COMPLETED"]


def test_cancelling_a_completed_assembly_is_answered_canceled_and_its_outcome_stays(api2: Api2) -> None:
    done = api2.assembly()
    api2.advance(10)
    status, told = api2.send("DELETE", done["assembly_ssl_url"])
    assert (status, told["ok"], told["message"]) == (200, "ASSEMBLY_CANCELED", "The Assembly was canceled.")
    assert api2.status(done)["ok"] == "ASSEMBLY_COMPLETED"
    assert api2.signed("GET", "/assemblies", type="canceled")[1]["items"] == []


def test_cancelling_a_failed_assembly_is_answered_with_its_error(api2: Api2) -> None:
    made = api2.assembly()
    api2.control("fail", assembly_id=made["assembly_id"], error="INTERNAL_COMMAND_ERROR")
    told = api2.send("DELETE", made["assembly_ssl_url"])[1]
    assert (told["error"], "ok" in told) == ("INTERNAL_COMMAND_ERROR", False)


EMPTY = {"f": ("zerobytes.jpg", b"")}


def test_an_empty_file_that_a_robot_must_read_fails_the_assembly_once_it_executes(api2: Api2) -> None:
    made = api2.signed("POST", "/assemblies", files=EMPTY, steps=STEPS)[1]
    assert made["ok"] == "ASSEMBLY_EXECUTING"
    api2.advance(10)
    status = api2.status(made)
    assert (status.get("error"), "ok" in status, status["results"]) == ("INVALID_INPUT_ERROR", False, {})
    assert [item["id"] for item in api2.signed("GET", "/assemblies", type="failed")[1]["items"]] == [
        made["assembly_id"]
    ]


@pytest.mark.parametrize(
    "step",
    [{"robot": "/file/filter", "use": ":original"}, {"robot": "/image/generate"}],
    ids=lambda step: str(step["robot"]),
)
def test_an_empty_file_that_no_robot_reads_does_no_harm(api2: Api2, step: dict[str, str]) -> None:
    made = api2.signed("POST", "/assemblies", files=EMPTY, steps={"step": step})[1]
    api2.advance(10)
    assert api2.status(made).get("ok") == "ASSEMBLY_COMPLETED"


def test_a_file_that_lies_elsewhere_may_be_of_unknown_size(api2: Api2) -> None:
    made = api2.assembly(expected=1)
    api2.send("POST", f"{made['assembly_url']}/add_file?filename=b.jpg")
    api2.advance(10)
    assert api2.status(made).get("ok") == "ASSEMBLY_COMPLETED"


@pytest.mark.parametrize(
    ("content", "mime", "ext", "kind"),
    [
        (b'<?xml version="1.0" standalone="no"?><svg height="100" width="100"></svg>', "image/svg+xml", "svg", "image"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg", "jpg", "image"),
        (b"%PDF-1.7\n", "application/pdf", "pdf", None),
        (b"\x00\x00\x00\x18ftypmp42", "video/mp4", "mp4", "video"),
    ],
    ids=["svg", "jpg", "pdf", "mp4"],
)
def test_a_file_without_extension_is_known_by_what_it_holds(
    api2: Api2, content: bytes, mime: str, ext: str, kind: str | None
) -> None:
    made = api2.signed("POST", "/assemblies", files={"file1": ("file1", content)}, steps=STEPS)[1]
    (upload,) = made["uploads"]
    told = {"name": "file1", "basename": "file1", "ext": ext, "mime": mime, "type": kind}
    assert told.items() <= upload.items()
    assert api2.raw("GET", upload["ssl_url"]).headers["content-type"] == mime


def test_a_failed_assembly_is_200_with_an_error(api2: Api2) -> None:
    made = api2.assembly()
    assert api2.control("fail", assembly_id=made["assembly_id"], error="INTERNAL_COMMAND_ERROR")[0] == 200
    status, body = api2.send("GET", made["assembly_ssl_url"])
    assert (status, body["error"], "ok" in body) == (200, "INTERNAL_COMMAND_ERROR", False)
    assert api2.control("fail", assembly_id=made["assembly_id"], error="X")[0] == 400


def test_a_replay_is_a_new_assembly_of_the_same_files_with_changes_laid_over(api2: Api2) -> None:
    first = api2.signed("POST", "/assemblies", files={"f": ("a.txt", b"abc")}, steps=STEPS)[1]
    path = f"/assemblies/{first['assembly_id']}/replay"
    api2.advance(10)
    replayed = api2.signed("POST", path, steps={"resized": {"width": 7}}, fields={"again": "yes"})[1]
    assert (replayed["ok"], replayed["success"]) == ("ASSEMBLY_REPLAYING", True)
    again = api2.status(replayed)
    assert again["parent_id"] == first["assembly_id"] != again["assembly_id"]
    assert (again["ok"], again["uploads"]) == ("ASSEMBLY_EXECUTING", first["uploads"])
    assert json.loads(again["merged_params"])["steps"] == {"resized": {**STEPS["resized"], "width": 7}}
    assert again["fields"] == {"again": "yes"}
    assert api2.status(first)["ok"] == "ASSEMBLY_COMPLETED"


def test_a_template_gives_steps_that_the_request_may_change(api2: Api2) -> None:
    content = {"steps": STEPS, "fields": {"from": "template"}}
    template = api2.signed("POST", "/templates", name="resizer", template=content)[1]
    made = api2.assembly(steps={"resized": {"width": 9}}, template_id="resizer")
    assert (made["template_id"], made["template_name"]) == (template["id"], "resizer")
    assert json.loads(made["merged_params"])["steps"]["resized"] == {**STEPS["resized"], "width": 9}
    assert made["fields"] == {"from": "template"}


def test_the_list_is_of_the_workspace_newest_first(api2: Api2) -> None:
    made = []
    for _ in range(3):
        made.append(api2.assembly()["assembly_id"])
        api2.advance(1)
    listed = api2.signed("GET", "/assemblies")[1]
    assert (listed["count"], [item["id"] for item in listed["items"]]) == (3, made[::-1])
    assert {"created", "ok", "files", "region", "template_id"} <= listed["items"][0].keys()
    assert api2.signed("GET", "/assemblies", key=OTHERS)[1] == {"count": 0, "items": []}


def test_the_list_is_filtered_and_paged(api2: Api2) -> None:
    uploading = api2.assembly(expected=1, fields={"word": "Needle"})["assembly_id"]
    api2.advance(100)
    done = api2.assembly()["assembly_id"]
    api2.advance(20)
    failed = api2.assembly()["assembly_id"]
    api2.control("fail", assembly_id=failed, error="INTERNAL_COMMAND_ERROR")

    def found(**params: Any) -> list[str]:
        return [item["id"] for item in api2.signed("GET", "/assemblies", **params)[1]["items"]]

    assert found() == [failed, done, uploading]
    assert found(type="uploading") == [uploading]
    assert found(type="completed") == [done]
    assert found(type="failed") == [failed]
    assert found(type="canceled") == found(type="request_aborted") == found(type="expired") == []
    assert found(keywords=["needle"]) == [uploading]
    assert found(assembly_id=done) == [done]
    assert found(fromdate="2027-01-15 08:01:00") == [failed, done]
    assert found(todate="2027-01-15 08:01:00") == [uploading]
    # A day as the official command line's own example writes it: its first moment.
    assert (found(fromdate="2027-01-15"), found(todate="2027-01-15")) == ([failed, done, uploading], [])
    assert found(sort="created", order="asc") == [uploading, done, failed]
    assert found(pagesize=2) == [failed, done]
    assert found(pagesize=2, page=2) == [uploading]
    assert api2.signed("GET", "/assemblies", pagesize=2)[1]["count"] == 3


def test_a_page_of_the_list_builds_its_own_rows_alone(api2: Api2, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [api2.assembly()["assembly_id"] for _ in range(5)]
    built, status = [], Assembly.status

    def counted(assembly: Assembly, now: float) -> dict[str, Any]:
        built.append(assembly.id)
        return status(assembly, now)

    monkeypatch.setattr(Assembly, "status", counted)
    listed = api2.signed("GET", "/assemblies", pagesize=2, page=2, sort="created", order="asc", type="executing")[1]
    assert (listed["count"], built) == (5, [item["id"] for item in listed["items"]])
    assert built == made[2:4]


def test_files_that_lie_elsewhere_are_believed(api2: Api2) -> None:
    made = api2.assembly(expected=1)
    assert api2.send("POST", f"{made['assembly_url']}/reserve_file?size=7")[1]["ok"] == "ASSEMBLY_UPLOADING"
    query = "size=7&filename=b.jpg&fieldname=file&s3Url=https%3A%2F%2Fs3.example%2Fb.jpg"
    status = api2.send("POST", f"{made['assembly_url']}/add_file?{query}")[1]
    assert status["ok"] == "ASSEMBLY_EXECUTING"
    assert (status["uploads"][0]["name"], status["uploads"][0]["url"]) == ("b.jpg", "https://s3.example/b.jpg")


def test_an_assembly_takes_no_more_files_than_it_waits_for(api2: Api2) -> None:
    few, cancelled = api2.assembly(expected=3, auth={"max_number_of_files": 1}), api2.assembly(expected=1)
    api2.send("DELETE", cancelled["assembly_url"])
    assert api2.send("POST", f"{cancelled['assembly_url']}/add_file?filename=a")[1]["uploads"] == []
    add = f"{few['assembly_url']}/add_file?filename=..%2Fa"
    assert api2.send("POST", add)[1]["uploads"][0]["name"] == "a"
    assert api2.send("POST", add)[1]["error"] == "MAX_NUMBER_OF_FILES_EXCEEDED"
    assert api2.status(few)["error"] == "MAX_NUMBER_OF_FILES_EXCEEDED"


def test_one_assembly_takes_so_many_files_whatever_auth_says(api2: Api2, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assemblies, "MOST_FILES", 2)
    files = dict.fromkeys("abc", ("a", b"1"))
    body = api2.signed("POST", "/assemblies", files=files, steps=STEPS, auth={"max_number_of_files": 9})[1]
    assert body["error"] == "MAX_NUMBER_OF_FILES_EXCEEDED"


@pytest.mark.parametrize(
    ("auth", "error"),
    [({"max_size": 5}, "MAX_SIZE_EXCEEDED"), ({"max_number_of_files": 1}, "MAX_NUMBER_OF_FILES_EXCEEDED")],
    ids=str,
)
def test_a_file_beyond_what_auth_allows_is_refused_with_signature_and_with_bearer(
    api2: Api2, auth: dict[str, int], error: str
) -> None:
    files = {"a": ("a.txt", b"123"), "b": ("b.txt", b"123")}
    assert api2.signed("POST", "/assemblies", files=files, auth=auth, steps=STEPS)[1]["error"] == error
    fields = {"params": json.dumps({"auth": auth, "steps": STEPS})}
    headers = {"authorization": f"Bearer {api2.bearer()}"}
    assert api2.with_fields("POST", "/assemblies", fields, headers, files)[1]["error"] == error
    assert api2.signed("POST", "/assemblies", files={"a": files["a"]}, auth=auth, steps=STEPS)[0] == 200


def test_limits_of_assemblies_and_of_status_have_their_own_answers(start: Start) -> None:
    api2 = start(Settings(assembly_limit=Limit(1), status_limit=Limit(2)))
    made = api2.assembly()
    assert api2.signed("POST", "/assemblies", steps=STEPS) == (
        413,
        {"error": "RATE_LIMIT_REACHED", "message": "Request limit reached", "info": {"retryIn": 60}},
    )
    assert api2.signed("POST", f"/assemblies/{made['assembly_id']}/replay")[0] == 413
    assert [api2.send("GET", made["assembly_url"])[0] for _ in range(3)] == [200, 200, 429]
