"""Values as callers write them."""

from typing import Any

import pytest

from local.sandbox.values import MOST, read_json, switch, whole_number


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "1e999", '"\\ud800"', "[" * 100_000, "{", "9" * 5000])
def test_a_text_that_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no JSON"):
        read_json(text)


def test_json_is_read() -> None:
    assert read_json('{"a": [1.5, "\\ud83d\\ude00", null]}') == {"a": [1.5, "\U0001f600", None]}


@pytest.mark.parametrize("value", ["", "-1", "1.5", "\u0661", "9" * 5000, MOST + 1, True, None, [1], 1.0, "0", 11])
def test_a_value_that_is_not_a_whole_number_in_its_bounds_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"no whole number|out of range"):
        whole_number(value, 1, 10)


def test_a_whole_number_may_be_a_text() -> None:
    assert (whole_number("10", 1, 10), whole_number(1, 1, 10)) == (10, 1)


@pytest.mark.parametrize(("value", "read"), [(True, True), (1, True), ("true", True), ("0", False), (False, False)])
def test_a_switch_is_written_in_four_ways(value: Any, read: bool) -> None:
    assert switch(value) is read


@pytest.mark.parametrize("value", [2, "yes", "", None, [], 1.0, {}])
def test_a_switch_in_another_spelling_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="neither"):
        switch(value)
