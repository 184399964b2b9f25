"""Multipart forms of text fields, as clients write them, and all that is none."""

import time

import pytest
from broker.request.multipart import split_multipart
from hypothesis import example, given
from hypothesis import strategies as st
from urllib3.filepost import encode_multipart_formdata

HEAD = b'Content-Disposition: form-data; name="a"'
GOOD = b"--X\r\n" + HEAD + b"\r\n\r\n1\r\n--X--\r\n"


def split(body: bytes, *boundaries: str, most: int = 10) -> list[tuple[str, bytes]]:
    return list(split_multipart(body, list(boundaries or ["X"]), most))


FIELDS = st.dictionaries(st.from_regex(r"[A-Za-z0-9_]{1,64}", fullmatch=True), st.binary(), min_size=1, max_size=10)


@given(FIELDS)
@example({"transloadit": b"\r\n--\r\n\r\n--X--", "signature": b"\r\n"})
def test_what_a_client_writes_is_read_byte_for_byte(fields: dict[str, bytes]) -> None:
    body, content_type = encode_multipart_formdata(fields)
    assert split(body, content_type.partition("boundary=")[2]) == list(fields.items())


@pytest.mark.parametrize(
    "head",
    [
        HEAD,
        b'content-disposition:form-data;name="a"',
        HEAD + b"\r\nContent-Type: text/plain",
        b"Content-Type: text/plain; charset=utf-8\r\n" + HEAD,
        HEAD + b'\r\ncontent-type: application/json; charset="UTF-8"\r\nContent-Length: 1',
    ],
)
def test_a_field_may_say_that_it_is_text_and_how_long(head: bytes) -> None:
    assert split(GOOD.replace(HEAD, head)) == [("a", b"1")]


def test_the_last_line_break_may_be_missing() -> None:
    assert split(GOOD.removesuffix(b"\r\n")) == [("a", b"1")]


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"Content-Type: text/plain",
        HEAD + b"\r\n" + HEAD,
        HEAD + b'; filename="a.txt"',
        HEAD + b"; filename*=utf-8''a.txt",
        HEAD + b'; name="b"',
        b'Content-Disposition: form-data; filename="a.txt"; name="a"',
        b"Content-Disposition: form-data; name=a",
        b"Content-Disposition: form-data; name*=utf-8''a",
        b'Content-Disposition: form-data; name="a\\"b"',
        b'Content-Disposition: form-data; name=""',
        b'Content-Disposition: attachment; name="a"',
        b'Content-Disposition: form-data;\r\n name="a"',
        HEAD + b"\r\nContent-Transfer-Encoding: base64",
        HEAD + b"\r\nContent-Type: text/plain; charset=utf-16",
        HEAD + b"\r\nContent-Type: multipart/mixed; boundary=Y",
        HEAD + b"\r\nContent-Type: message/rfc822",
        HEAD + b"\r\nX-Other: 1",
        HEAD + b"\r\nno colon",
        HEAD.replace(b"\r\n", b"\n") + b"\nX: 1",
    ],
)
def test_a_part_that_is_more_or_less_than_a_text_field_is_refused(head: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its words go nowhere
        split(GOOD.replace(HEAD, head))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--X",
        b"\r\n",
        GOOD.removesuffix(b"--\r\n"),
        GOOD.removesuffix(b"--X--\r\n"),
        b"preamble\r\n" + GOOD,
        b"\r\n" + GOOD,
        GOOD + b"epilogue",
        GOOD + GOOD,
        GOOD.replace(b"\r\n", b"\n"),
        GOOD.replace(b"--X\r\n", b"--X \r\n"),
        GOOD.replace(b"--X\r\n", b"--XY\r\n"),
        GOOD.replace(b"--X\r\n", b"--X--"),
        GOOD.replace(b"\r\n\r\n", b"\r\n"),
    ],
)
def test_a_body_that_is_not_delimited_as_it_should_be_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        split(body)


@pytest.mark.parametrize("boundaries", [[], ["X", "X"], ["X", "Y"], [""], ["X" * 71], ["X Y"], ["X\r\n"], ["\u00e4"]])
def test_a_content_type_names_one_boundary(boundaries: list[str]) -> None:
    with pytest.raises(ValueError, match="boundary"):
        list(split_multipart(GOOD, boundaries, 10))


def test_more_fields_than_allowed_are_refused() -> None:
    many = GOOD.removesuffix(b"--X--\r\n") * 3 + b"--X--"
    assert len(split(many, most=3)) == 3
    with pytest.raises(ValueError, match="delimiters"):
        split(many, most=2)


@pytest.mark.parametrize(
    "piece", [b"--X\r\n\r\n", b"\r\n--X", b"\r\n", b"\n", b"-", b"--X\r\nContent-Type: text/plain\r\n"]
)
def test_a_megabyte_of_anything_is_refused_in_no_time(piece: bytes) -> None:
    """The standard library's parser of mail takes nine seconds for the first of them."""
    body, begun = piece * (1_000_000 // len(piece)), time.thread_time()
    with pytest.raises(ValueError):  # noqa: PT011
        split(body)
    assert time.thread_time() - begun < 1
