"""tuspy, a tus client of its own: what it sends, leaves and resumes ends as an upload of its Assembly."""

import hashlib
import io
import os
from typing import Any
from urllib.parse import urlsplit

import pytest
from transloadit.client import Transloadit
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError, TusUploadFailed

from tests.conformance.api2.conftest import ALL, Sandbox

CONTENT = os.urandom(300_000)
CHUNK = 100_000


@pytest.fixture
def assembly(sandbox: Sandbox) -> dict[str, Any]:
    """One that waits for two files."""
    client = Transloadit(ALL.key, ALL.secret, sandbox.origin)
    made = client.request.post(
        "/assemblies",
        data={"steps": {"stored": {"use": ":original", "robot": "/file/filter"}}},
        extra_data={"num_expected_upload_files": 2},
    )
    return dict(made.data)


def sender(assembly: dict[str, Any], name: str, url: str | None = None) -> Any:
    return TusClient(assembly["tus_url"]).uploader(
        file_stream=io.BytesIO(CONTENT),
        chunk_size=CHUNK,
        url=url,
        metadata={"assembly_url": assembly["assembly_ssl_url"], "fieldname": "file", "filename": name},
    )


def status(assembly: dict[str, Any]) -> Any:
    url = assembly["assembly_ssl_url"]
    return Transloadit("", "", url).get_assembly(assembly_url=url).data


def test_a_file_that_was_interrupted_is_resumed_where_it_was_left(assembly: dict[str, Any], sandbox: Sandbox) -> None:
    first = sender(assembly, "interrupted.bin")
    first.upload_chunk()
    sandbox.steer("faults", path=urlsplit(first.url).path, method="PATCH", reset=True)
    with pytest.raises(TusCommunicationError):
        first.upload()
    (told,) = status(assembly)["tus_uploads"]
    assert (told["offset"], told["size"], told["finished"]) == (CHUNK, len(CONTENT), False)
    assert status(assembly)["uploads"] == []
    # Another process, that knows the URL alone.
    second = sender(assembly, "interrupted.bin", first.url)
    assert second.offset == CHUNK
    second.upload()
    assert status(assembly)["ok"] == "ASSEMBLY_UPLOADING"
    sender(assembly, "whole.bin").upload()
    ended = status(assembly)
    assert ended["ok"] == "ASSEMBLY_COMPLETED"
    assert [upload["name"] for upload in ended["uploads"]] == ["interrupted.bin", "whole.bin"]
    assert {upload["md5hash"] for upload in ended["uploads"]} == {hashlib.md5(CONTENT).hexdigest()}


def test_a_file_of_no_assembly_is_refused(assembly: dict[str, Any]) -> None:
    stranger = {**assembly, "assembly_ssl_url": assembly["assembly_ssl_url"].replace(assembly["assembly_id"], "0" * 32)}
    with pytest.raises(TusCommunicationError):
        sender(stranger, "lost.bin").upload()


def test_what_was_sent_already_is_not_taken_twice(assembly: dict[str, Any]) -> None:
    late = sender(assembly, "twice.bin")
    late.upload_chunk()
    late.offset = 0
    with pytest.raises(TusUploadFailed):
        late.upload_chunk()
    assert status(assembly)["tus_uploads"][0]["offset"] == CHUNK
