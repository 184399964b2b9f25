"""tuspy, a separate tus client: an upload that it interrupts and resumes becomes an upload of its Assembly."""

import hashlib
import io
import os
from typing import Any

import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError, TusUploadFailed

from tests.kit.api2 import Api2

CONTENT = os.urandom(300_000)
CHUNK = 100_000


@pytest.fixture
def assembly(api2: Api2) -> dict[str, Any]:
    """An Assembly that waits for two files."""
    return api2.assembly(expected=2)


def sender(assembly: dict[str, Any], name: str, url: str | None = None) -> Any:
    return TusClient(assembly["tus_url"]).uploader(
        file_stream=io.BytesIO(CONTENT),
        chunk_size=CHUNK,
        url=url,
        metadata={"assembly_url": assembly["assembly_ssl_url"], "fieldname": "file", "filename": name},
    )


def test_a_file_that_was_interrupted_is_resumed_where_it_was_left(assembly: dict[str, Any], api2: Api2) -> None:
    first = sender(assembly, "interrupted.bin")
    first.upload_chunk()
    api2.control("faults", path="/resumable/files/*", method="PATCH", reset=True)
    with pytest.raises(TusCommunicationError):
        first.upload()
    (told,) = api2.status(assembly)["tus_uploads"]
    assert (told["offset"], told["size"], told["finished"]) == (CHUNK, len(CONTENT), False)
    assert api2.status(assembly)["uploads"] == []
    # Another process, that knows the URL alone.
    second = sender(assembly, "interrupted.bin", first.url)
    assert second.offset == CHUNK
    second.upload()
    assert api2.status(assembly)["ok"] == "ASSEMBLY_UPLOADING"
    sender(assembly, "whole.bin").upload()
    ended = api2.status(assembly)
    assert ended["ok"] == "ASSEMBLY_COMPLETED"
    assert [upload["name"] for upload in ended["uploads"]] == ["interrupted.bin", "whole.bin"]
    assert {upload["md5hash"] for upload in ended["uploads"]} == {hashlib.md5(CONTENT).hexdigest()}


def test_a_file_of_no_assembly_is_refused(assembly: dict[str, Any]) -> None:
    stranger = {**assembly, "assembly_ssl_url": assembly["assembly_ssl_url"].replace(assembly["assembly_id"], "0" * 32)}
    with pytest.raises(TusCommunicationError):
        sender(stranger, "lost.bin").upload()


def test_bytes_that_were_sent_before_are_not_taken_twice(assembly: dict[str, Any], api2: Api2) -> None:
    late = sender(assembly, "twice.bin")
    late.upload_chunk()
    late.offset = 0
    with pytest.raises(TusUploadFailed):
        late.upload_chunk()
    assert api2.status(assembly)["tus_uploads"][0]["offset"] == CHUNK
