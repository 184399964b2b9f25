"""Texts of paths: what climbs, hides, or is read as something else later is told apart."""

import pytest
from broker.policy.texts import is_identifier, is_path, is_plain, normalize

GOOD = ["a", "users/alice/a.jpg", "a b/c-d_e(1)'.jpg", "ünï/日本.png", ".hidden", "a..b/..c", "a" * 1024, "é" * 512]
CLIMBING = ["", "/", "a/", "/a", "a//b", ".", "..", "a/..", "../a", "a/./b", "a/../b", "a" * 1025, "é" * 513]
HIDING = ["a\\b", "%2e", "${a}", "a\nb", "a\0", "a\u202eb", "a\u200bb", "a\u2028b", "a\ue000", "a\x7f", "\ufeffa"]
# In NFKC these become `..`, `.`, `/`, `%`, `\` and `${`.
DISGUISED = [
    "a/\u2025",
    "\u2024\u2024/a",
    "a\uff0fb\uff0f..",
    "a/\uff0e\uff0e/b",
    "\uff052e",
    "a\uff3cb",
    "\uff04{a}",
    "$\uff5ba}",
    "a/\u2025/b",
]


@pytest.mark.parametrize("text", GOOD)
def test_a_path_of_ordinary_names_is_a_path(text: str) -> None:
    assert is_path(text)


@pytest.mark.parametrize("text", [*CLIMBING, *HIDING, *DISGUISED], ids=ascii)
def test_a_path_that_climbs_hides_or_is_disguised_is_none(text: str) -> None:
    assert not is_path(text)


@pytest.mark.parametrize("text", [*HIDING, "a" * 1025, "é" * 513, "\ufdfa" * 40], ids=lambda text: ascii(text)[:20])
def test_a_text_that_hides_or_is_long_is_not_plain(text: str) -> None:
    assert not is_plain(text)


@pytest.mark.parametrize("text", ["", "a/../b", "../..", "holiday 2026", "日本", "a\u00a0b", "\u0378", "a" * 1024])
def test_a_plain_text_may_hold_what_only_a_path_may_not(text: str) -> None:
    assert is_plain(text)


@pytest.mark.parametrize(
    "value", ["alice", "auth0|5f7c8ec7c33c6c004bbafe82", "a@b.example", "0", "-", "+1", "a.b", "a" * 128, "user:1=2"]
)
def test_an_identifier_of_an_issuer_can_stand_in_a_path(value: str) -> None:
    assert is_identifier(value)


@pytest.mark.parametrize(
    "value",
    ["", ".", "..", ".a", "a.", "a..b", "a/b", "a b", "a\n", "ä", "a" * 129, "a%2fb", 1, True, None, ["a"]],
    ids=ascii,
)
def test_another_value_cannot_stand_in_a_path(value: object) -> None:
    assert not is_identifier(value)


def test_a_full_width_slash_is_a_slash_where_names_are_normalized() -> None:
    assert normalize("a\uff0fb") == "a/b"
