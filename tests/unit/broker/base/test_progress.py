"""The deadline and the notes that travel with a request."""

from broker.base.audit import Notes
from broker.base.deadline import Deadline
from broker.base.progress import Progress

from tests.kit.clock import Clock


def test_progress_hands_on_the_same_deadline_and_the_same_notes_to_every_step() -> None:
    clock, notes = Clock(), Notes()
    progress = Progress(Deadline(clock, 15), notes)
    progress.notes.mints += 1
    clock.advance(4.5)
    assert (notes.mints, progress.deadline.left()) == (1, 10.0)
