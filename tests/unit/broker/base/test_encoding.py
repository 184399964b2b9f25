"""Bytes become values as the broker accepts them from others, and byte strings become one."""

import json

import pytest
from broker.base import encoding
from broker.base.encoding import Malformed, frame, read_base64url
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.jwts import b64

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_json_is_read(value: object) -> None:
    assert encoding.read_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": 1, "a": 2}',
        b'{"b": {"a": 1, "a": 1}}',
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"1e999",
        b"\xff",
        b'"\xed\xa0\x80"',
        b"",
        b"{} {}",
        b"{'a': 1}",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"9" * 5000,
        b"\xef\xbb\xbf{}",
    ],
)
def test_a_text_that_is_not_strict_json_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - which words they are is tested below
        encoding.read_json(data)
    assert type(caught.value) is Malformed


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"the-secret": 1, "the-secret": 2}', "duplicate member"),
        (b'{"the-secret": NaN}', "NaN or Infinity"),
        (b'{"the-secret": 1e999}', "number out of range"),
        (b'"the-secret\xff"', "not UTF-8"),
        (b'"the-secret\\ud800"', "half a surrogate pair"),
        (b'{"the-secret', "not JSON"),
        (b"9" * 5000, "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_each_fault_of_a_json_text_is_described_in_fixed_words(data: bytes, words: str) -> None:
    """The words stand in audit records; the standard library's would quote the text."""
    with pytest.raises(Malformed) as caught:
        encoding.read_json(data)
    assert str(caught.value) == words


@pytest.mark.parametrize("data", [b"[]", b"1", b"null", b'"a"'])
def test_an_object_is_demanded_where_one_is_needed(data: bytes) -> None:
    with pytest.raises(ValueError, match="not an object"):
        encoding.read_object(data)


@given(st.binary())
def test_every_text_of_bytes_is_json_or_a_value_error(data: bytes) -> None:
    try:
        encoding.read_json(data)
    except ValueError:
        return


@pytest.mark.parametrize("text", ['"\\ud800"', '{"a": ["\\udfff"]}', '{"\\ud83d": 1}', '"\\ude00\\ud83d"'])
def test_half_a_surrogate_pair_is_no_text(text: str) -> None:
    with pytest.raises(ValueError, match="half a surrogate pair"):
        encoding.read_json(text.encode())


def test_half_a_surrogate_pair_is_taken_where_that_is_asked_for() -> None:
    assert encoding.read_object(b'{"a": "\\ud800"}', with_halves=True) == {"a": "\ud800"}
    with pytest.raises(ValueError, match="duplicate member"):
        encoding.read_object(b'{"a": "\\ud800", "a": 1}', with_halves=True)


def test_a_whole_pair_is_a_character() -> None:
    assert encoding.read_json(b'"\\ud83d\\ude00"') == "\U0001f600"


@given(st.binary())
def test_base64url_is_read(data: bytes) -> None:
    assert data == b"" or read_base64url(b64(data)) == data


@pytest.mark.parametrize("text", ["", "a", "YQ==", "YQ=", "Y+8", "Y/8", "YQ\n", " YQ", "YR", "YWF", "ä", "Y Q"])
def test_base64url_with_padding_another_alphabet_or_spare_bits_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base64url"):
        read_base64url(text)


PARTS = st.lists(st.binary(max_size=4) | st.sampled_from([b"", b"\0\0\0\1", frame(b""), frame(b"a", b"b")]))


def test_each_part_of_a_frame_stands_behind_its_length() -> None:
    assert frame(b"ab", b"", b"c") == b"\0\0\0\2ab\0\0\0\0\0\0\0\1c"
    assert frame() == b""


@given(PARTS, PARTS)
def test_frames_of_other_parts_are_other_bytes(one: list[bytes], other: list[bytes]) -> None:
    assert (frame(*one) == frame(*other)) == (one == other)
