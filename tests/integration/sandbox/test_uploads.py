"""Resumable uploads, step by step as the protocol has it: https://tus.io/protocols/resumable-upload"""

import socket
from typing import Any

import pytest

from local.sandbox.store import Contents
from tests.kit.api2 import Api2, upload_metadata
from tests.kit.waiting import wait_until

CHUNK = {"content_type": "application/offset+octet-stream"}


@pytest.fixture
def assembly(api2: Api2) -> dict[str, Any]:
    return api2.assembly(expected=1)


def created(api2: Api2, assembly: dict[str, Any], **headers: str) -> str:
    metadata = upload_metadata(assembly_url=assembly["assembly_url"], filename="é.txt", fieldname="f")
    answer = api2.tus("POST", assembly["tus_url"], b"", upload_metadata=metadata, **headers)
    assert answer.status == 201, answer.data
    return answer.headers["location"]


def offset(api2: Api2, url: str) -> str:
    answer = api2.tus("HEAD", url)
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    return answer.headers["upload-offset"]


def test_options_lists_the_extensions_of_the_server(api2: Api2) -> None:
    answer = api2.raw("OPTIONS", "/resumable/files/")
    assert (answer.status, answer.headers["tus-version"]) == (204, "1.0.0")
    assert answer.headers["tus-extension"] == "creation,creation-defer-length,termination"
    assert "Upload-Offset" in answer.headers["access-control-expose-headers"]


def test_a_file_in_two_parts_ends_as_an_upload_and_its_assembly_goes_on(api2: Api2, assembly: dict[str, Any]) -> None:
    url = created(api2, assembly, upload_length="10")
    answer = api2.tus("PATCH", url, b"01234", upload_offset="0", **CHUNK)
    assert (answer.status, answer.headers["upload-offset"], answer.headers["tus-resumable"]) == (204, "5", "1.0.0")
    assert offset(api2, url) == "5"
    status = api2.status(assembly)
    assert (status["ok"], status["started_tus_uploads"], status["finished_tus_uploads"]) == ("ASSEMBLY_UPLOADING", 1, 0)
    shown = {"filename": "é.txt", "fieldname": "f", "size": 10, "offset": 5, "finished": False, "upload_url": url}
    assert shown.items() <= status["tus_uploads"][0].items()
    assert api2.tus("PATCH", url, b"56789", upload_offset="5", **CHUNK).headers["upload-offset"] == "10"
    status = api2.status(assembly)
    assert (status["ok"], status["finished_tus_uploads"]) == ("ASSEMBLY_EXECUTING", 1)
    upload = status["uploads"][0]
    shown = {"name": "é.txt", "field": "f", "size": 10, "is_tus_file": True, "tus_upload_url": url}
    assert shown.items() <= upload.items()
    assert api2.raw("GET", upload["url"]).data == b"0123456789"
    api2.advance(10)
    assert api2.status(assembly)["ok"] == "ASSEMBLY_COMPLETED"


def test_a_broken_connection_keeps_what_came(api2: Api2, assembly: dict[str, Any]) -> None:
    url = created(api2, assembly, upload_length="10")
    host, _, path = url.removeprefix("http://").partition("/")
    with socket.create_connection((host.partition(":")[0], int(host.partition(":")[2]))) as connection:
        connection.sendall(
            f"PATCH /{path} HTTP/1.1\r\nHost: {host}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
            f"Content-Type: {CHUNK['content_type']}\r\nContent-Length: 10\r\n\r\n0123".encode()
        )
        wait_until(lambda: offset(api2, url) == "4")
        # Nobody else writes meanwhile.
        assert api2.tus("PATCH", url, b"4", upload_offset="4", **CHUNK).status == 423
    wait_until(lambda: any("REQUEST_PREMATURE_CLOSED" in entry["refused"] for entry in api2.log()))
    assert api2.tus("PATCH", url, b"456789", upload_offset="4", **CHUNK).status == 204
    assert api2.raw("GET", api2.status(assembly)["uploads"][0]["url"]).data == b"0123456789"


def test_a_length_may_come_with_the_last_part(api2: Api2, assembly: dict[str, Any]) -> None:
    url = created(api2, assembly, upload_defer_length="1")
    assert api2.tus("HEAD", url).headers["upload-defer-length"] == "1"
    assert api2.tus("PATCH", url, b"abc", upload_offset="0", **CHUNK).status == 204
    assert api2.status(assembly)["ok"] == "ASSEMBLY_UPLOADING"
    assert api2.tus("PATCH", url, b"", upload_offset="3", upload_length="3", **CHUNK).status == 204
    assert api2.status(assembly)["ok"] == "ASSEMBLY_EXECUTING"


def test_an_empty_file_is_there_at_once(api2: Api2, assembly: dict[str, Any]) -> None:
    created(api2, assembly, upload_length="0")
    assert api2.status(assembly)["uploads"][0]["size"] == 0


def test_a_terminated_upload_is_gone(api2: Api2, assembly: dict[str, Any]) -> None:
    url = created(api2, assembly, upload_length="10")
    assert api2.tus("DELETE", url).status == 204
    assert api2.tus("HEAD", url).status == 404
    assert api2.status(assembly)["tus_uploads"] == []


def test_a_client_that_can_only_post_names_its_method(api2: Api2, assembly: dict[str, Any]) -> None:
    url = created(api2, assembly, upload_length="3")
    override = {"x_http_method_override": "PATCH"}
    assert api2.tus("POST", url, b"abc", upload_offset="0", **CHUNK, **override).status == 204
    assert api2.tus("POST", url).status == 405


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"tus_resumable": "0.2.2"}, 412),
        ({"upload_length": "-1"}, 400),
        ({"upload_length": "1.5"}, 400),
        ({}, 400),
        ({"upload_length": "3", "upload_metadata": "assembly_url ?"}, 400),
        ({"upload_length": "3", "upload_metadata": upload_metadata(filename="a")}, 400),
        (
            {"upload_length": "3", "upload_metadata": upload_metadata(assembly_url=f"http://a/assemblies/{'0' * 32}")},
            400,
        ),
        ({"upload_length": str(2**40)}, 413),
    ],
    ids=str,
)
def test_an_upload_that_cannot_be_is_refused(
    api2: Api2, assembly: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    named = {"upload_metadata": upload_metadata(assembly_url=assembly["assembly_url"])} | headers
    version = {"Tus-Resumable": named.pop("tus_resumable", "1.0.0")}
    sent = {name.replace("_", "-"): value for name, value in named.items()}
    assert api2.raw("POST", assembly["tus_url"], headers=version | sent).status == status


@pytest.mark.parametrize("concat", ["partial", "final;/resumable/files/a /resumable/files/b"])
def test_an_upload_in_parallel_parts_is_refused_with_what_to_do(
    api2: Api2, assembly: dict[str, Any], concat: str
) -> None:
    answer = api2.tus("POST", assembly["tus_url"], upload_length="3", upload_concat=concat)
    assert answer.status == 400
    assert answer.data.decode() == (
        "Upload-Concat: the sandbox has no concatenation extension; send the file in one upload (parallelUploads: 1)"
    )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"upload_offset": "1", **CHUNK}, 409),
        (CHUNK, 409),
        ({"upload_offset": "0", "content_type": "text/plain"}, 415),
        ({"upload_offset": "0", **CHUNK, "body": "four"}, 413),
    ],
    ids=str,
)
def test_a_part_that_does_not_fit_is_refused(
    api2: Api2, assembly: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    url = created(api2, assembly, upload_length="3")
    body = headers.get("body", "abc").encode()
    sent = {name: value for name, value in headers.items() if name != "body"}
    assert api2.tus("PATCH", url, body, **sent).status == status
    assert offset(api2, url) == "0"


def test_an_upload_ends_with_its_assembly(api2: Api2, assembly: dict[str, Any]) -> None:
    url = created(api2, assembly, upload_length="10")
    assert api2.tus("PATCH", url, b"01234", upload_offset="0", **CHUNK).status == 204
    api2.send("DELETE", assembly["assembly_url"])
    assert api2.tus("HEAD", url).status == api2.tus("PATCH", url, b"5", upload_offset="5", **CHUNK).status == 404


def test_a_part_that_comes_when_all_files_are_there_is_refused(api2: Api2, assembly: dict[str, Any]) -> None:
    url = created(api2, assembly, upload_length="3")
    api2.upload(assembly, b"another")
    assert api2.tus("PATCH", url, b"abc", upload_offset="0", **CHUNK).status == 403
    assert len(api2.status(assembly)["uploads"]) == 1


def test_an_upload_whose_bytes_were_forgotten_is_not_found(
    api2: Api2, assembly: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = created(api2, assembly, upload_length="10")
    monkeypatch.setattr(Contents, "append", lambda contents, id_, chunk: bool(contents.take(id_)))
    assert api2.tus("PATCH", url, b"01234", upload_offset="0", **CHUNK).status == 404
    assert api2.tus("HEAD", url).status == 404


def test_a_length_that_is_less_than_what_came_is_refused(api2: Api2, assembly: dict[str, Any]) -> None:
    url = created(api2, assembly, upload_defer_length="1")
    assert api2.tus("PATCH", url, b"abc", upload_offset="0", **CHUNK).status == 204
    assert api2.tus("PATCH", url, b"", upload_offset="3", upload_length="2", **CHUNK).status == 400
    assert api2.tus("PATCH", url, b"", upload_offset="3", upload_length="3", **CHUNK).status == 204


@pytest.mark.parametrize(
    ("sent", "kept"), [("a/b.txt", "b.txt"), ("..\\c.txt", "c.txt"), ("a/..", "file"), ("", "file"), (".", "file")]
)
def test_a_name_has_no_folders(api2: Api2, assembly: dict[str, Any], sent: str, kept: str) -> None:
    api2.upload(assembly, b"abc", filename=sent)
    (upload,) = api2.status(assembly)["uploads"]
    assert upload["name"] == kept
    assert api2.raw("GET", upload["url"]).data == b"abc"


def test_an_assembly_that_waits_for_nothing_takes_no_file(api2: Api2, assembly: dict[str, Any]) -> None:
    api2.upload(assembly, b"one")
    metadata = upload_metadata(assembly_url=assembly["assembly_url"])
    assert api2.tus("POST", assembly["tus_url"], upload_length="1", upload_metadata=metadata).status == 403


@pytest.mark.parametrize(
    ("auth", "error"),
    [({"max_size": 5}, "MAX_SIZE_EXCEEDED"), ({"max_number_of_files": 1}, "MAX_NUMBER_OF_FILES_EXCEEDED")],
    ids=str,
)
def test_an_upload_beyond_what_auth_allows_fails_the_assembly(api2: Api2, auth: dict[str, int], error: str) -> None:
    made = api2.assembly(expected=2, auth=auth)
    metadata = upload_metadata(assembly_url=made["assembly_url"])
    sizes = [api2.tus("POST", made["tus_url"], upload_length="3", upload_metadata=metadata).status for _ in range(2)]
    assert sizes == [201, 413]
    assert api2.status(made)["error"] == error
