"""What travels with a request through the steps."""

from broker.audit import Notes
from broker.deadline import Deadline
from broker.values import Value


class Progress(Value, frozen=True):
    """The time that a request has left, and what the steps note for its audit record."""

    deadline: Deadline
    notes: Notes
