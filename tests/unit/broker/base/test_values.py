"""Values of the broker: immutable, equal by their members, silent about the hidden ones."""

import pytest
from broker.base.values import Value


class Pair(Value, frozen=True):
    hidden = ("secret",)

    name: str
    secret: str


def test_a_value_s_representation_shows_the_members_that_are_not_hidden() -> None:
    assert repr(Pair("a", "b")) == str(Pair("a", "b")) == "Pair(name='a')"


def test_a_value_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Pair("a", "b").name = "c"  # type: ignore[misc]


def test_equal_members_make_equal_values_that_count_once() -> None:
    assert len({Pair("a", "b"), Pair("a", "b"), Pair("a", "c")}) == 2
