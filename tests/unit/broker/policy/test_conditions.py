"""The matchers of the trust policy."""

import re
from typing import Any

import pytest
from broker.policy.conditions import Condition, Like
from hypothesis import given
from hypothesis import strategies as st
from msgspec import ValidationError, json

from tests.kit.policies import condition

YES, NO = True, False


def holds(claims: Any, claim: str, *tests: list[Any]) -> bool:
    return condition(claim, *tests).holds(claims)


@pytest.mark.parametrize(
    ("test", "claim", "expected"),
    [
        (["one_of", ["a"]], "a", YES),
        (["one_of", ["a"]], "A", NO),
        (["one_of", ["a"]], "a ", NO),
        (["one_of", ["a", "b"]], "b", YES),
        (["one_of", ["a"]], ["a"], NO),
        (["one_of", [True]], True, YES),
        (["one_of", [True]], "true", NO),
        (["one_of", [True]], 1, NO),
        (["one_of", [1]], True, NO),
        (["one_of", [1]], "1", NO),
        (["one_of", [1]], 1.0, YES),
        (["one_of", [1.5]], 1.5, YES),
        (["one_of", [False]], 0, NO),
        (["one_of", [False]], None, NO),
        (["one_of", [""]], None, NO),
        (["any", ["a", "b"]], ["x", "b"], YES),
        (["any", ["a"]], ["A"], NO),
        (["any", ["a"]], "a", NO),
        (["any", ["a"]], [], NO),
        (["any", ["a"]], ["a", None], NO),
        (["any", ["a"]], ["a", {"b": 1}], NO),
        (["any", ["a"]], {"a": 1}, NO),
        (["any", [1]], [True], NO),
        (["all", ["a", "b"]], ["b", "x", "a"], YES),
        (["all", ["a", "b"]], ["a"], NO),
        (["all", ["a"]], "a", NO),
        (["words", ["read", "write"]], "write read admin", YES),
        (["words", ["read"]], "reader", NO),
        (["words", ["read"]], ["read"], NO),
        (["words", ["read"]], "read\twrite", NO),
        (["like", "a*"], "ab", YES),
        (["like", "a*"], ["ab"], NO),
        (["not", ["one_of", ["a"]]], "b", YES),
        (["not", ["one_of", ["a"]]], "a", NO),
        (["not", ["one_of", ["a"]]], None, NO),
        (["not", ["one_of", ["a"]]], 1, NO),
        (["not", ["one_of", ["a"]]], ["b"], NO),
        (["not", ["any", ["a"]]], ["b"], YES),
        (["not", ["any", ["a"]]], [], YES),
        (["not", ["any", ["a"]]], "b", NO),
        (["not", ["any", ["a"]]], ["b", None], NO),
        (["not", ["like", "a*"]], "b", YES),
        (["not", ["like", "a*"]], 7, NO),
        (["not", ["words", ["a"]]], "b c", YES),
        (["not", ["words", ["a"]]], ["b"], NO),
    ],
)
def test_a_matcher_matches_its_own_shape_and_type_alone(test: list[Any], claim: Any, expected: bool) -> None:
    assert holds({"c": claim}, "c", test) is expected


EVERY: list[list[Any]] = [
    ["one_of", ["a"]],
    ["any", ["a"]],
    ["all", ["a"]],
    ["words", ["a"]],
    ["like", "a*"],
    ["not", ["one_of", ["a"]]],
]


@pytest.mark.parametrize("test", EVERY, ids=[str(test[0]) for test in EVERY])
def test_an_absent_claim_and_a_null_fail_every_matcher(test: list[Any]) -> None:
    assert holds({}, "c", test) is False
    assert holds({"c": None}, "c", test) is False


def test_a_condition_of_existence_holds_for_a_present_claim_or_an_absent_one() -> None:
    assert holds({"c": ""}, "c", ["exists"])
    assert not holds({"c": None}, "c", ["exists"])
    assert not holds({}, "c", ["exists"])
    assert holds({}, "c", ["absent"])
    assert not holds({"c": "x"}, "c", ["absent"])
    assert not holds({"c": None}, "c", ["absent"])


def test_several_matchers_of_one_claim_must_all_hold() -> None:
    both: list[list[Any]] = [["like", "a*"], ["not", ["one_of", ["ab"]]]]
    assert holds({"c": "ac"}, "c", *both)
    assert not holds({"c": "ab"}, "c", *both)


@pytest.mark.parametrize(
    ("claim", "found"),
    [("/a/b", True), ("/a/l/1", True), ("/a/l/01", False), ("/a/l/2", False), ("/a/l/-", False), ("/a/x", False)],
)
def test_a_pointer_goes_through_objects_and_arrays(claim: str, found: bool) -> None:
    claims = {"a": {"b": "yes", "l": ["no", "yes"]}}
    assert holds(claims, claim, ["one_of", ["yes"]]) is found


def test_a_plain_name_is_never_a_path() -> None:
    assert holds({"a.b": "x", "https://e.example/c": "x"}, "a.b", ["one_of", ["x"]])
    assert not holds({"a": {"b": "x"}}, "a.b", ["one_of", ["x"]])
    assert holds({"https://e.example/c": "x"}, "https://e.example/c", ["one_of", ["x"]])


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("repo:acme/*:ref:refs/heads/main", "repo:acme/site:ref:refs/heads/main", YES),
        ("repo:acme/*:ref:refs/heads/main", "repo:acme/a:b:ref:refs/heads/main", NO),
        ("repo:acme/*", "repo:acme/", NO),
        ("repo:acme/*", "repo:acme/a/b", NO),
        ("repo:acme/**", "repo:acme/a/b:c", YES),
        ("repo:acme/**", "repo:acme/", NO),
        ("repo:acme/*", "repo:acme/a\n", NO),
        ("repo:acme/**", "repo:acme/a\nb", NO),
        ("**", "\x7f", NO),
        ("main*", "evil-main", NO),
        ("main*", "main", NO),
        ("a.c*", "abcd", NO),
        ("a|b*", "b1", NO),
        ("[ab]*", "[ab]x", YES),
        ("a?*", "a?b", YES),
        ("*", "ü", YES),
        ("***", "abc", YES),
        ("*-*", "a-b-c", YES),
    ],
)
def test_like_matches_a_whole_value_segment_by_segment(pattern: str, value: str, expected: bool) -> None:
    assert Like(pattern).match(value) is expected


ALPHABET = st.text("ab/:*\n", max_size=12)


@given(ALPHABET.filter(lambda text: "\n" not in text), ALPHABET)
def test_like_agrees_with_a_regular_expression(pattern: str, value: str) -> None:
    parts = re.split(r"(\*\*|\*)", pattern)
    means = {"**": r"[^\x00-\x1f\x7f-\x9f]+", "*": r"[^/:\x00-\x1f\x7f-\x9f]+"}
    expression = "".join(means.get(part, re.escape(part)) for part in parts)
    assert Like(pattern).match(value) is bool(re.fullmatch(expression, value))


def test_like_is_linear_in_the_value() -> None:
    # Backtracking over these stars would not end within the suite's time-out.
    assert Like("**a" * 40 + "b").match("a" * 6000) is False


@pytest.mark.parametrize(
    "tests",
    [
        [["regex", "x"]],
        [["like", "a*", "b*"]],
        [["not", ["not", ["like", "a*"]]]],
        [["not", ["absent"]]],
        [["any", [None]]],
        [["absent_or", []]],
        [],
    ],
    ids=str,
)
def test_a_condition_of_another_form_cannot_be_loaded(tests: list[Any]) -> None:
    with pytest.raises(ValidationError):
        condition("c", *tests)


def test_a_condition_is_its_own_compiled_form() -> None:
    tests: list[list[Any]] = [*EVERY, ["one_of", ["a", 1, 1.0, True, 1.5]], ["exists"], ["absent_or", [["any", ["a"]]]]]
    written = json.encode(condition("/a/b", *tests))
    assert json.decode(written) == {"claim": "/a/b", "tests": tests}
    read = json.decode(written, type=Condition)
    assert (read, str(read)) == (condition("/a/b", *tests), str(condition("/a/b", *tests)))


@pytest.mark.parametrize(
    ("test", "text"),
    [
        (["one_of", ["ü"]], '"ü"'),
        (["one_of", [True]], "true"),
        (["one_of", ["a", 1]], 'one of ["a", 1]'),
        (["any", ["a", "b"]], 'any of ["a", "b"]'),
        (["all", ["a"]], 'all of ["a"]'),
        (["words", ["a"]], 'the words ["a"]'),
        (["like", "a*"], 'like "a*"'),
        (["not", ["any", ["a"]]], 'not any of ["a"]'),
        (["exists"], "there"),
        (["absent"], "absent"),
        (["absent_or", [["like", "a*"], ["one_of", ["ab"]]]], 'absent or like "a*" and "ab"'),
    ],
)
def test_a_condition_prints_what_it_wants(test: list[Any], text: str) -> None:
    assert str(condition("c", test)) == text
    assert str(condition("c", test, ["like", "b*"])) == f'{text} and like "b*"'


def test_absent_or_takes_absence_and_what_fulfils_the_matchers_and_no_null() -> None:
    active = condition("sts", ["absent_or", [["one_of", ["active"]]]])
    assert active.holds({})
    assert active.holds({"sts": "active"})
    for other in ("pending", None, "", True, ["active"]):
        assert not active.holds({"sts": other})
