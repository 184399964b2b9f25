"""Bearer tokens that environments share: a DynamoDB table below the memory cache, above the mint.

Of the requests that need the same new token one mints, the holder of its lease, and the others wait for the token that
it stores. If the table fails in any way, the token is minted as if there were no table. Times are epoch seconds.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from msgspec import Struct, field

from broker.aws.dynamodb import NoAnswer, Row, Table
from broker.base.errors import TemporarilyUnavailable
from broker.base.progress import Clock, Progress, jitter
from broker.token.bearer import BearerToken
from broker.token.credentials import Credential
from broker.token.sealing import Seal
from broker.token.transloadit import MAX_LIFETIME, MINT_SECONDS

COOL_DOWN_SECONDS = 10  # in which a table that gave no answer is not asked again
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.5  # seconds between two reads of the token that another request mints
REFUSAL_SECONDS = 60  # after which the table is asked again whether others saw the credential refused


class _Version(Struct):
    """A credential's version in use, and when Transloadit last refused it as far as is known here."""

    credential: Credential
    seal: Seal
    refused_at: float = float("-inf")
    ask_at: float = float("-inf")  # then the table is asked for a later refusal


class Entry(Struct):
    """The table's rows for one cache key, as one request uses them."""

    version: _Version
    key: bytes
    token_id: str
    lease_id: str
    progress: Progress
    holder: str | None = None  # what names this request in the lease, while it holds the lease


class SharedCache(Struct):
    """The tokens in the table and the leases to mint one.

    No method raises because of the table: a failure is an alarm of the request, and the answer that leads to a mint.
    """

    table: Table
    origin: str  # of api2, compiled into the policy
    clock: Clock
    sleep: Callable[[float], None]
    versions: dict[str, _Version] = field(default_factory=dict)
    failed_at: float = float("-inf")

    @contextmanager
    def use(self, credential: Credential, key: bytes, progress: Progress) -> Iterator[Entry]:
        """The entry of this cache key, for one request. A lease is given back at the end, unless a token was stored."""
        version = self._find_version(credential)
        token_id, lease_id = (version.seal.name_row(kind, key) for kind in ("token", "lease"))
        entry = Entry(version, key, token_id, lease_id, progress)
        try:
            yield entry
        finally:
            # A mint that failed would make the others wait until the lease lapses. Now the next one can try at once.
            if (holder := entry.holder) is not None:
                self._ask(lambda: self.table.delete(lease_id, holder, progress.deadline), progress)

    def find(self, entry: Entry, fits: Callable[[BearerToken], bool], *, consistent: bool = True) -> BearerToken | None:
        """The token that another request stored, if it opens, `fits`, and is not of a refused credential."""
        # The first read is strongly consistent: a missed row would lead to a second mint, once its lease has lapsed.
        return self._ask(lambda: self._read_token(entry, fits, consistent), entry.progress)

    def claim(self, entry: Entry) -> bool:
        """Whether this request is to mint: it holds the lease now, or the table gives no answer."""
        now, holder, deadline = self.clock(), os.urandom(16).hex(), entry.progress.deadline
        # If the environment crashes, the others wait until its lease lapses. Whole seconds, rounded down, so that the
        # lease never outlives the mint.
        expires = int(now + min(MINT_SECONDS, deadline.left()))
        row: Row = {"id": entry.lease_id, "holder": holder, "expires": expires}
        is_ours = self._ask(lambda: self.table.put_if_free(row, now, deadline), entry.progress) is not False
        if is_ours:
            entry.holder = holder
        return is_ours

    def wait(self, entry: Entry, fits: Callable[[BearerToken], bool]) -> BearerToken | None:
        """The token that the holder of the lease mints. None where this request is to mint."""
        # The holder may have crashed, so half of the time left is kept back for a mint of one's own.
        ends_at = self.clock() + min(MINT_SECONDS, entry.progress.deadline.left() / 2)
        if self.claim(entry):
            return None
        pause = FIRST_PAUSE
        while (left := ends_at - self.clock()) > 0:
            self.sleep(min(left, pause * (0.5 + jitter() / 2)))
            pause = min(2 * pause, LONGEST_PAUSE)
            # Eventually consistent reads cost half, and a missed row is found by the next one.
            found = self.find(entry, fits, consistent=False)
            if found is not None:
                return found
            if self._is_lease_free(entry) and self.claim(entry):
                return None
        return None

    def store(self, entry: Entry, token: BearerToken) -> None:
        """Store a token for the others. The lease lapses by itself: to delete it would be one more call."""
        expires = int(token.expires_at)
        sealed = entry.version.seal.seal(token.to_bytes(), entry.key, expires)
        row: Row = {"id": entry.token_id, "expires": expires, "sealed": sealed}
        self._ask(lambda: self.table.put(row, entry.progress.deadline), entry.progress)
        entry.holder = None

    def refuse(self, credential: Credential, progress: Progress) -> None:
        """Note that Transloadit refused this version: no environment hands out what it has minted until now."""
        version, now = self._find_version(credential), self.clock()
        version.refused_at = now
        row: Row = {"id": version.seal.name_row("refused", b""), "at": now, "expires": int(now + MAX_LIFETIME)}
        self._ask(lambda: self.table.put(row, progress.deadline), progress)

    def _find_version(self, credential: Credential) -> _Version:
        held = self.versions.get(credential.name)
        if held is None or held.credential != credential:
            held = self.versions[credential.name] = _Version(credential, Seal(credential, self.origin))
        return held

    def _ask[T](self, call: Callable[[], T], progress: Progress) -> T | None:
        """The answer of the table. None where it gives no answer, or gave none less than COOL_DOWN_SECONDS ago."""
        if 0 <= self.clock() - self.failed_at < COOL_DOWN_SECONDS:
            return None
        try:
            return call()
        except NoAnswer:
            progress.notes.alarms.add("SharedTableDown")
            self.failed_at = self.clock()
        except TemporarilyUnavailable:
            # The request ran out of time. That is not the table's fault, so there is no cool-down for others, and the
            # request's next step raises it.
            pass
        return None

    def _read_token(self, entry: Entry, fits: Callable[[BearerToken], bool], consistent: bool) -> BearerToken | None:
        row = self.table.get(entry.token_id, entry.progress.deadline, consistent=consistent)
        if row is None:
            return None
        sealed, expires, opened = row.get("sealed"), row.get("expires"), None
        # An attacker who may write the table could lengthen a token's life or put it under another key. The seal
        # authenticates both, so such a row does not open.
        if isinstance(sealed, bytes) and isinstance(expires, int):
            opened = entry.version.seal.open(sealed, entry.key, expires)
        if opened is None:
            entry.progress.notes.alarms.add("SharedCacheUnreadable")
            return None
        found = BearerToken.from_bytes(opened)
        # An attacker could also put back an old row that opens. So a token from before the refusal is never used.
        return found if fits(found) and found.minted_at > self._find_refusal(entry) else None

    def _find_refusal(self, entry: Entry) -> float:
        """When Transloadit last refused this version, here or elsewhere. The table is asked every REFUSAL_SECONDS."""
        version, now = entry.version, self.clock()
        # A wall clock that was set back would put the next question off for as long, so the upper bound.
        if not now < version.ask_at <= now + REFUSAL_SECONDS:
            row = self.table.get(version.seal.name_row("refused", b""), entry.progress.deadline, consistent=True)
            version.ask_at = now + REFUSAL_SECONDS
            at = row.get("at") if row is not None else None
            if isinstance(at, (int, float)):
                # The row may be forged with a time in the future. Cap it at now, so that it cannot block new tokens.
                version.refused_at = max(version.refused_at, min(at, now))
        return version.refused_at

    def _is_lease_free(self, entry: Entry) -> bool:
        row = self._ask(
            lambda: self.table.get(entry.lease_id, entry.progress.deadline, consistent=False), entry.progress
        )
        # DynamoDB deletes expired rows up to days late, so the expiry itself is compared.
        expires = row.get("expires") if row is not None else None
        return not isinstance(expires, (int, float)) or expires <= self.clock()
