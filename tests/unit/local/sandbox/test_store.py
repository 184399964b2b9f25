"""What the sandbox remembers is bounded."""

from local.sandbox.store import Bounded, Contents


def test_a_full_table_forgets_its_oldest_entry_and_a_change_makes_nothing_younger() -> None:
    table: Bounded[str, int] = Bounded(2)
    for name, value in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        table[name] = value
    assert dict(table) == {"b": 2, "c": 4}


def test_contents_are_bounded_by_their_bytes() -> None:
    contents = Contents(limit=10)
    for name in "abc":
        contents.keep(name, name.encode() * 4)
    assert [contents.get(name) for name in "abc"] == [None, b"bbbb", b"cccc"]
    contents.keep("large", b"x" * 11)
    assert [contents.get(name) for name in ("b", "c", "large")] == [None, None, None]


def test_growing_uploads_count_too_and_the_number_of_all_is_bounded() -> None:
    contents = Contents(limit=10, most=2)
    contents.keep("growing", bytearray())
    contents.keep("a", b"12345")
    assert contents.append("growing", b"12345")
    assert not contents.append("growing", b"6")
    assert not contents.append("a", b"6")
    assert "growing" not in contents
    contents.keep("b", b"")
    assert contents.take("a") == b"12345"
    for name in "cde":
        contents.keep(name, b"1234")
    assert [name in contents for name in "bcde"] == [False, False, True, True]
