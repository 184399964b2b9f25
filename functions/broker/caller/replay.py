"""Replay control: a caller JWT of an issuer with `once` is good for one bearer token."""

import hashlib
from collections.abc import Callable
from math import ceil

from broker.aws.dynamodb import NoAnswer, Row, Table
from broker.base.encoding import frame
from broker.base.errors import CallerRefused, TemporarilyUnavailable
from broker.base.progress import Clock, Progress
from broker.caller.caller import Once

_LATEST = 2**53  # seconds since the epoch; DynamoDB cannot write the `exp` of some issuers, which lies beyond


class ReplayControl:
    """Remembers in a table which JWTs were used.

    Whoever copies a JWT (from a log, from a shared machine) can show it again until it expires. With `once` the first
    use ends it. If the table gives no answer, requests are refused with TemporarilyUnavailable: to go on would accept a
    copy.
    """

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def check(self, once: Once, progress: Progress) -> None:
        """Refuse a JWT that was used before, so that nothing is minted for it. Raises CallerRefused."""
        # An eventually consistent read could miss a use of a moment ago.
        row = _ask(lambda: self._table.get(_make_row_id(once), progress.deadline, consistent=True), progress)
        expires = row.get("expires") if row is not None else None
        # DynamoDB deletes expired rows hours late, so compare the time here as well.
        if isinstance(expires, (int, float)) and expires > self._clock():
            raise CallerRefused("seen before")

    def spend(self, once: Once, progress: Progress) -> None:
        """Note that this JWT was used. Raises CallerRefused if it was used before, or has expired in the meantime.

        If the table gives no answer, the JWT may be noted as used although its caller gets no token.
        """
        # The row may be overwritten once it expires, so check the JWT's own expiry as well.
        now = self._clock()
        if now >= once.expires_at:
            raise CallerRefused("expired")
        # Rounded up: a row that ends before its JWT would leave a second in which the JWT is good again.
        row: Row = {"id": _make_row_id(once), "expires": ceil(min(once.expires_at, _LATEST))}
        # Two requests with one JWT can both pass `check`, so that `jti` alone promises nothing (CVE-2020-15222).
        # One conditional write lets a single one of them through.
        if not _ask(lambda: self._table.put_if_free(row, now, progress.deadline), progress):
            raise CallerRefused("seen before")


def _make_row_id(once: Once) -> str:
    # Issuers count their ids independently, so the issuer is part of the name. `frame` keeps the two apart: simply
    # joined, the issuer `a` with `bc` and the issuer `ab` with `c` would be one row.
    return f"once/{hashlib.sha256(frame(once.issuer.encode(), once.jti.encode())).hexdigest()}"


def _ask[T](call: Callable[[], T], progress: Progress) -> T:
    """The table's answer. Raises TemporarilyUnavailable, and an alarm, when there is none."""
    try:
        return call()
    except NoAnswer as error:
        progress.notes.alarms.add("SharedTableDown")
        raise TemporarilyUnavailable(f"replay control: {error}") from error
