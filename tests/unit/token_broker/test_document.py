"""YAML as a policy may be written: core schema, places, and what hides nothing."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from token_broker.policy.document import PolicyErrors, read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("1:20", "1:20"),
        ("2026-11-23", "2026-11-23"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("12", 12),
        ("-3", -3),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".inf", ".inf"),
        ("1e999", "1e999"),
        ('"true"', "true"),
        ("'12'", "12"),
    ],
)
def test_plain_scalars_are_read_by_the_core_schema_and_quoted_ones_are_text(text: str, value: object) -> None:
    got = read(f"a: {text}", "p.yaml").value["a"]
    assert (type(got), got) == (type(value), value)


def test_keys_of_a_mapping_are_read_as_text() -> None:
    assert read("{true: 1, 12: 2, null: 3}", "p.yaml").value == {"true": 1, "12": 2, "null": 3}


def test_every_value_knows_its_line_and_column() -> None:
    document = read("a:\n  - b: 1\n    c: {d: x}\n", "p.yaml")
    assert document.find_place(("a", 0, "c", "d")) == (3, 12)
    assert document.find_place(("a", 0, "c"), of_key=True) == (3, 5)
    assert document.find_place(("a", 0, "nowhere", "deep")) == (2, 5)


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("a: 1\na: 2", "p.yaml:2:1: error: the key `a` a second time; keep one"),
        ("a: &x 1", "p.yaml:1:4: error: the anchor &x; write the value out where it is needed"),
        ("a: &x [1]\nb: *x", "p.yaml:2:4: error: the alias *x; write the value out"),
        ("a: !!str 1", "p.yaml:1:4: error: the tag tag:yaml.org,2002:str; use plain values"),
        ("a: !!python/object:os.system {}", "the tag tag:yaml.org,2002:python/object:os.system; use plain values"),
        ("a: 1\n---\nb: 2", "p.yaml:2:1: error: a second document; keep one policy in a file"),
        ("[a]: 1", "a key that is no string; use plain text"),
        ("", "p.yaml:1:1: error: the file is empty; start with `version: 1`"),
        ("a: [1", "not YAML"),
        ("a: b\x00", "p.yaml:1:5: error: a control character, U+0000; remove it"),
        ("a: gu\u200best", "p.yaml:1:6: error: an invisible format character, U+200B ZERO WIDTH SPACE; remove it"),
        (
            "a: 1\n# \u202eb",
            "p.yaml:2:3: error: an invisible format character, U+202E RIGHT-TO-LEFT OVERRIDE",
        ),
        ("\ufeffa: 1", "p.yaml:1:1: error: an invisible format character, U+FEFF ZERO WIDTH NO-BREAK SPACE; remove it"),
        ("a: x\u2066\nb: y\u200d", "p.yaml:2:5: error: an invisible format character, U+200D ZERO WIDTH JOINER"),
        ("a: \U000e0041", "p.yaml:1:4: error: an invisible format character, U+E0041 TAG LATIN CAPITAL LETTER A"),
        ("<<: {a: 1}\n<<: {b: 1}", "the key `<<` a second time"),
    ],
)
def test_yaml_that_hides_a_value_is_an_error_that_says_where_and_what_to_do(text: str, reported: str) -> None:
    with pytest.raises(PolicyErrors) as caught:
        read(text, "p.yaml")
    assert reported in str(caught.value)


def test_a_deeply_nested_file_is_an_error_and_no_crash() -> None:
    with pytest.raises(PolicyErrors, match="nested too deeply"):
        read("[" * 5000, "p.yaml")


def test_a_huge_file_is_refused_unread() -> None:
    with pytest.raises(PolicyErrors, match="larger than"):
        read("#" * 9_000_000, "p.yaml")


@given(st.text(max_size=200))
def test_any_text_is_a_document_or_policy_errors(text: str) -> None:
    with suppress(PolicyErrors):
        read(text, "p.yaml")


def test_letters_of_every_language_and_emoji_may_stand_in_a_policy() -> None:
    assert read("# für अ\nname: Größe 🚀 é", "p.yaml").value == {"name": "Größe 🚀 é"}


def test_an_invisible_character_written_as_an_escape_is_seen_by_the_reviewer() -> None:
    assert read('a: "gu\\u200best"', "p.yaml").value == {"a": "gu\u200best"}
