"""What travels with a request through the steps."""

from broker.base.audit import Notes
from broker.base.deadline import Deadline
from broker.base.values import Value


class Progress(Value, frozen=True):
    """The time that a request has left, and what the steps note for its audit record."""

    deadline: Deadline
    notes: Notes
