"""The pipeline key: the key of Assembly ids and callbacks. It is not the Auth Secret, and outlives its rotations."""

import re
from collections.abc import Callable

from broker.aws.secretsmanager import Secret
from broker.base.errors import BrokerError, BrokerFault
from broker.base.progress import Clock, Deadline, Progress
from broker.base.single_flight import SingleFlight
from broker.base.values import Value

CHECK_SECONDS = 5 * 60  # after which the key is read again
KEEP_SECONDS = 60 * 60  # that a key is used while it cannot be read again
RETRY_SECONDS = 30  # between reads that fail while a known-good key is held
LOOK_SECONDS = 60  # between reads for callbacks that do not open

_HEX = re.compile(r"[0-9a-f]{64}")


class Keys(Value, frozen=True):
    """The pipeline key, 32 bytes, and the one before it. `since`: when the current one was made, epoch seconds."""

    hidden = ("current", "previous")

    current: bytes
    previous: bytes | None
    since: float


class _Held(Value, frozen=True):
    keys: Keys
    read_at: float  # epoch seconds
    check_at: float


class PipelineKeys:
    """The pipeline key of this deployment, which its secret holds in hex."""

    def __init__(
        self,
        secret_id: str,
        read: Callable[[str, Deadline], Secret],
        read_previous: Callable[[str, Deadline], Secret | None],
        clock: Clock,
    ) -> None:
        """`secret_id`: name or ARN of its secret. The readers raise TemporarilyUnavailable or BrokerFault."""
        self._secret_id = secret_id
        self._read = read
        self._read_previous = read_previous
        self._clock = clock
        self._held: _Held | None = None
        self._looked_at = float("-inf")  # when a read began, whatever came of it; epoch seconds
        self._flights = SingleFlight[Keys]()

    def get(self, progress: Progress) -> Keys:
        """The keys, read again every CHECK_SECONDS. Raises TemporarilyUnavailable or BrokerFault.

        Known-good ones are kept for KEEP_SECONDS while they cannot be read again.
        """
        held, now = self._held, self._clock()
        if held is None or not 0 <= now - held.read_at < KEEP_SECONDS:
            return self.read(progress.deadline)
        if now < held.check_at or self._flights.is_running("keys"):
            return held.keys
        try:
            return self.read(progress.deadline)
        except BrokerError:
            progress.notes.alarms.add("StaleSecret")
            self._held = _Held(held.keys, held.read_at, now + RETRY_SECONDS)
            return held.keys

    def look_again(self, progress: Progress) -> Keys:
        """The same, read again unless that was tried within LOOK_SECONDS: strangers can ask for it at any rate."""
        is_recent = 0 <= self._clock() - self._looked_at < LOOK_SECONDS
        return self.get(progress) if is_recent else self.read(progress.deadline)

    def read(self, deadline: Deadline) -> Keys:
        """The keys that Secrets Manager has now. One request reads them, the others wait for the outcome."""
        return self._flights.run("keys", lambda: self._fetch(deadline), deadline.left())

    def _fetch(self, deadline: Deadline) -> Keys:
        self._looked_at = self._clock()
        secret = self._read(self._secret_id, deadline)
        before = self._read_previous(self._secret_id, deadline)
        keys = Keys(_parse(secret.text), None if before is None else _parse_previous(before.text), secret.created_at)
        now = self._clock()
        self._held = _Held(keys, now, now + CHECK_SECONDS)
        return keys


def _parse(text: str) -> bytes:
    if not _HEX.fullmatch(text):
        raise BrokerFault("the pipeline key is malformed: needs 64 hex digits")
    return bytes.fromhex(text)


def _parse_previous(text: str) -> bytes | None:
    # A malformed key was never in use. It must not stop the good one that has taken its place.
    return bytes.fromhex(text) if _HEX.fullmatch(text) else None
