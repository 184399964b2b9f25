"""Replay control: a caller JWT of an issuer with `once` is good for one bearer token."""

import hashlib
from collections.abc import Callable
from math import ceil

from broker.aws.dynamodb import NoAnswer, Row, Table
from broker.base.encoding import frame
from broker.base.errors import CallerRefused, TemporarilyUnavailable
from broker.base.progress import Clock, Progress
from broker.caller.caller import Once

_LATEST = 2**53  # seconds; some issuers' `exp` is beyond what DynamoDB can write


class ReplayControl:
    """Raises TemporarilyUnavailable where the table gives no answer: the one feature that fails without it, since it
    could not keep its promise.
    """

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def check(self, once: Once, progress: Progress) -> None:
        """Refuse a JWT that was used before, so that nothing is minted for it."""
        row = _asked(lambda: self._table.get(_row_id(once), progress.deadline, consistent=True), progress)
        expires = row.get("expires") if row is not None else None
        if isinstance(expires, (int, float)) and expires > self._clock():
            raise CallerRefused("seen before")

    def spend(self, once: Once, progress: Progress) -> None:
        """Note that this JWT was used. Raises CallerRefused if it was before, or has expired meanwhile.

        Where the table gives no answer the JWT may be spent.
        """
        # Not by the row alone: it may be overwritten from its expiry on.
        now = self._clock()
        if now >= once.expires_at:
            raise CallerRefused("expired")
        row: Row = {"id": _row_id(once), "expires": ceil(min(once.expires_at, _LATEST))}
        if not _asked(lambda: self._table.put_if_free(row, now, progress.deadline), progress):
            raise CallerRefused("seen before")


def _row_id(once: Once) -> str:
    return f"once/{hashlib.sha256(frame(once.issuer.encode(), once.jti.encode())).hexdigest()}"


def _asked[T](call: Callable[[], T], progress: Progress) -> T:
    try:
        return call()
    except NoAnswer as error:
        progress.notes.alarms.add("SharedTableDown")
        raise TemporarilyUnavailable(f"replay control: {error}") from error
