"""What travels with a request: the time that it has left, and its notes."""

import pytest
from broker.base.audit import Notes
from broker.base.errors import TemporarilyUnavailable
from broker.base.progress import Deadline, Progress

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


def test_progress_hands_on_the_same_deadline_and_the_same_notes_to_every_step() -> None:
    clock, notes = Clock(), Notes()
    progress = Progress(Deadline(clock, 15), notes)
    progress.notes.mints += 1
    clock.advance(4.5)
    assert (notes.mints, progress.deadline.left()) == (1, 10.0)
