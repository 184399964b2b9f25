"""Byte strings as one: no two lists of them are the same."""

from broker.framing import framed
from hypothesis import given, settings
from hypothesis import strategies as st

PARTS = st.lists(st.binary(max_size=4) | st.sampled_from([b"", b"\0\0\0\1", framed(b""), framed(b"a", b"b")]))


def test_each_part_stands_behind_its_length() -> None:
    assert framed(b"ab", b"", b"c") == b"\0\0\0\2ab\0\0\0\0\0\0\0\1c"
    assert framed() == b""


@settings(deadline=None)
@given(PARTS, PARTS)
def test_other_parts_are_other_bytes(one: list[bytes], other: list[bytes]) -> None:
    assert (framed(*one) == framed(*other)) == (one == other)
