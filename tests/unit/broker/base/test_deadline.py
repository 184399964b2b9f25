"""The time that a request still has."""

import pytest
from broker.base.deadline import Deadline
from broker.base.errors import TemporarilyUnavailable

from tests.kit.clock import Clock


def test_every_wait_ends_half_a_second_before_the_invocation() -> None:
    clock = Clock()
    deadline = Deadline(clock, 15)
    assert deadline.left() == 14.5
    clock.advance(10)
    assert deadline.left(at_most=5) == 4.5
    assert deadline.left(at_most=2) == 2


def test_a_deadline_with_nothing_left_makes_the_request_unavailable_for_now() -> None:
    clock = Clock()
    deadline = Deadline(clock, 1)
    clock.advance(0.5)
    with pytest.raises(TemporarilyUnavailable):
        deadline.left()
