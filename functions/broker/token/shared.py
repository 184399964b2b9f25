"""Bearer tokens that environments share: a DynamoDB table below the memory cache, above the mint.

Of those who want the same new token one mints, the holder of its lease, and the others wait for what it leaves.
Whatever is wrong with the table, the worst that comes of it is a mint. Times are seconds since the epoch.
"""

import os
from collections.abc import Callable
from types import TracebackType

from msgspec import Struct

from broker.aws.dynamodb import NoAnswer, Row, Table
from broker.base.errors import TemporarilyUnavailable
from broker.base.progress import Clock, Progress, jitter
from broker.token.bearer import BearerToken
from broker.token.credentials import Credential
from broker.token.sealing import Seal
from broker.token.transloadit import MAX_LIFETIME, MINT_SECONDS

LEFT_ALONE_SECONDS = 10  # a table that gave no answer
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.5  # between looks for what another mints
LOOK_SECONDS = 60  # between looks whether others saw the credential refused


class _Version(Struct):
    """A credential's version in use, and when Transloadit last refused it as far as is known here."""

    credential: Credential
    seal: Seal
    refused_at: float = float("-inf")
    look_at: float = float("-inf")


class SharedCache:
    def __init__(self, table: Table, origin: str, clock: Clock, sleep: Callable[[float], None]) -> None:
        """`origin`: of api2, compiled into the policy."""
        self.table = table
        self._origin = origin
        self.clock = clock
        self.sleep = sleep
        self._versions: dict[str, _Version] = {}
        self._failed_at = float("-inf")

    def turn(self, credential: Credential, key: bytes, progress: Progress) -> "Turn":
        """One request's turn for the token of this cache key."""
        return Turn(self, self._version(credential), key, progress)

    def refuse(self, credential: Credential, progress: Progress) -> None:
        """Transloadit refused this version: what was minted with it until now is handed out no more, wherever."""
        version, now = self._version(credential), self.clock()
        version.refused_at = now
        row: Row = {"id": version.seal.row_id("refused", b""), "at": now, "expires": int(now + MAX_LIFETIME)}
        self.ask(lambda: self.table.put(row, progress.deadline), progress)

    def _version(self, credential: Credential) -> _Version:
        held = self._versions.get(credential.name)
        if held is None or held.credential != credential:
            held = self._versions[credential.name] = _Version(credential, Seal(credential, self._origin))
        return held

    def ask[T](self, call: Callable[[], T], progress: Progress) -> T | None:
        """What the table says; None where it gives no answer, or gave none a moment ago."""
        if 0 <= self.clock() - self._failed_at < LEFT_ALONE_SECONDS:
            return None
        try:
            return call()
        except NoAnswer:
            progress.notes.alarms.add("SharedTableDown")
            self._failed_at = self.clock()
        except TemporarilyUnavailable:
            pass  # the deadline: no fault of the table, and whoever goes on meets it as well
        return None


class Turn:
    """One request's way to the token of one cache key, left by `with`: find it, or mint it while others wait."""

    def __init__(self, cache: SharedCache, version: _Version, key: bytes, progress: Progress) -> None:
        self._cache = cache
        self._version = version
        self._key = key
        self._progress = progress
        self._token_id = version.seal.row_id("token", key)
        self._lease_id = version.seal.row_id("lease", key)
        self._holder: str | None = None

    def __enter__(self) -> "Turn":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the lease back where nothing was left, so that the next one can try at once."""
        if (holder := self._holder) is not None:
            self._ask(lambda: self._cache.table.delete(self._lease_id, holder, self._progress.deadline))

    def find(self, fits: Callable[[BearerToken], bool], *, consistent: bool = True) -> BearerToken | None:
        """What another environment left, if it opens and `fits`.

        Consistent at first: what is overlooked may be minted again, once its lease has lapsed.
        """
        return self._ask(lambda: self._look(fits, consistent))

    def claim(self) -> bool:
        """Whether it is ours to mint: we hold the lease now, or the table cannot say."""
        now, holder = self._cache.clock(), os.urandom(16).hex()
        # Rounded down: never longer than the mint may take.
        expires = int(now + min(MINT_SECONDS, self._progress.deadline.left()))
        row: Row = {"id": self._lease_id, "holder": holder, "expires": expires}
        is_ours = self._ask(lambda: self._cache.table.put_if_free(row, now, self._progress.deadline)) is not False
        if is_ours:
            self._holder = holder
        return is_ours

    def wait(self, fits: Callable[[BearerToken], bool]) -> BearerToken | None:
        """What the holder of the lease mints; None where it is ours to mint.

        Half of the time left is kept back for that: a holder may have crashed.
        """
        ends_at = self._cache.clock() + min(MINT_SECONDS, self._progress.deadline.left() / 2)
        if self.claim():
            return None
        pause = FIRST_PAUSE
        while (left := ends_at - self._cache.clock()) > 0:
            self._cache.sleep(min(left, pause * (0.5 + jitter() / 2)))
            pause = min(2 * pause, LONGEST_PAUSE)
            # Looks while waiting cost half: what one overlooks, the next one finds.
            found = self.find(fits, consistent=False)
            if found is not None:
                return found
            if self._is_free() and self.claim():
                return None
        return None

    def leave(self, token: BearerToken) -> None:
        """For the others. The lease lapses by itself: to delete it would be one more call."""
        expires = int(token.expires_at)
        sealed = self._version.seal.seal(token.to_bytes(), self._key, expires)
        row: Row = {"id": self._token_id, "expires": expires, "sealed": sealed}
        self._ask(lambda: self._cache.table.put(row, self._progress.deadline))
        self._holder = None

    def _ask[T](self, call: Callable[[], T]) -> T | None:
        return self._cache.ask(call, self._progress)

    def _look(self, fits: Callable[[BearerToken], bool], consistent: bool) -> BearerToken | None:
        row = self._cache.table.get(self._token_id, self._progress.deadline, consistent=consistent)
        if row is None:
            return None
        sealed, expires, opened = row.get("sealed"), row.get("expires"), None
        if isinstance(sealed, bytes) and isinstance(expires, int):
            opened = self._version.seal.open(sealed, self._key, expires)
        if opened is None:
            self._progress.notes.alarms.add("SharedCacheUnreadable")
            return None
        found = BearerToken.from_bytes(opened)
        return found if fits(found) and found.minted_at > self._refused_at() else None

    def _refused_at(self) -> float:
        """When Transloadit last refused this version, here or elsewhere; looked at every LOOK_SECONDS."""
        version, now = self._version, self._cache.clock()
        if not now < version.look_at <= now + LOOK_SECONDS:
            row = self._cache.table.get(version.seal.row_id("refused", b""), self._progress.deadline, consistent=True)
            version.look_at = now + LOOK_SECONDS
            at = row.get("at") if row is not None else None
            if isinstance(at, (int, float)):
                # A row that anybody may have written cannot refuse what is minted from now on.
                version.refused_at = max(version.refused_at, min(at, now))
        return version.refused_at

    def _is_free(self) -> bool:
        row = self._ask(lambda: self._cache.table.get(self._lease_id, self._progress.deadline, consistent=False))
        expires = row.get("expires") if row is not None else None
        return not isinstance(expires, (int, float)) or expires <= self._cache.clock()
