"""Replay control: a caller JWT of an issuer with `once` is good for one bearer token."""

import hashlib
from math import ceil

from broker.audit import Notes
from broker.caller import Once
from broker.deadline import Clock, Deadline
from broker.dynamodb import NoAnswer, Row, Table
from broker.errors import TemporarilyUnavailable
from broker.framing import framed

_LATEST = 2**53  # seconds; some issuers' `exp` is beyond what DynamoDB can write


class ReplayControl:
    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def spend(self, once: Once, deadline: Deadline, notes: Notes) -> None:
        """Note that this JWT was used. Raises its refusal if it was before, or has expired meanwhile.

        Raises TemporarilyUnavailable where the table gives no answer: the one feature that fails without it, since it
        could not keep its promise. The JWT may be spent then.
        """
        # Not by the row alone: it may be overwritten from its expiry on.
        now = self._clock()
        if now >= once.expires_at:
            raise once.refusal("expired")
        digest = hashlib.sha256(framed(once.issuer.encode(), once.jti.encode())).hexdigest()
        row: Row = {"id": f"once/{digest}", "expires": ceil(min(once.expires_at, _LATEST))}
        try:
            seen = self._table.put_if_free(row, now, deadline)
        except NoAnswer as error:
            notes.alarms.add("SharedTableDown")
            raise TemporarilyUnavailable(f"replay control: {error}") from error
        if seen is not None:
            raise once.refusal("seen before")
