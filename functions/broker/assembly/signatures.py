"""Signatures of notifications, by the Auth Secret of the credential that made the Assembly."""

import hmac
import re

from broker.assembly.notification import Notification
from broker.base.errors import AccessDenied, TemporarilyUnavailable
from broker.base.progress import Clock, Progress
from broker.base.values import Value
from broker.token.credentials import Credential, Credentials

PREVIOUS_SECONDS = 24 * 60 * 60  # that the version before the current one is good for, since the current one was made
LOOK_SECONDS = 60  # between reads of a secret for signatures that do not fit

# A bare hash is SHA-1 to Transloadit: https://transloadit.com/docs/topics/webhooks/
_SIGNATURE = re.compile(r"(sha384):([0-9a-f]{96})|(sha256):([0-9a-f]{64})")


class _Look(Value, frozen=True):
    """What Secrets Manager had at a time (epoch seconds). No versions: it did not say."""

    looked_at: float
    current: Credential | None = None
    previous: Credential | None = None


class NotificationSignatures:
    """Verifies signatures of notifications."""

    def __init__(self, credentials: Credentials, clock: Clock) -> None:
        self._credentials = credentials
        self._clock = clock
        self._looks: dict[str, _Look] = {}

    def verify(self, name: str, notification: Notification, progress: Progress) -> None:
        """Raises AccessDenied where no good version of the credential `name` has signed the notification.

        Raises TemporarilyUnavailable or BrokerFault where the secret cannot be read.
        """
        if not _SIGNATURE.fullmatch(notification.signature):
            raise AccessDenied("form of the signature", "The signature is not sha384: or sha256: and its hex digits.")
        if _fits(notification, self._credentials.get(name, progress)):
            return
        if not any(_fits(notification, version) for version in self._look_again(name, progress)):
            raise AccessDenied("signature", "The signature was not accepted.")

    def _look_again(self, name: str, progress: Progress) -> list[Credential]:
        """The versions that may have signed: the secret may have been rotated since it was read, or since api2 signed.

        Whoever knows one sealed callback can send any number of signatures, so the secret is read once for all that
        come within LOOK_SECONDS, and a read that fails counts as well.
        """
        now, look = self._clock(), self._looks.get(name)
        if look is None or not 0 <= now - look.looked_at < LOOK_SECONDS:
            self._looks[name] = _Look(now)
            current = self._credentials.read(name, progress.deadline)
            previous = self._credentials.read_previous(name, progress.deadline)
            self._looks[name] = look = _Look(now, current, previous)
        if look.current is None:
            raise TemporarilyUnavailable("the secret could not be read again", retry_after=LOOK_SECONDS)
        # A secret that leaked is rotated. It must not sign for ever after.
        is_good = look.previous is not None and now - look.current.created_at < PREVIOUS_SECONDS
        return [version for version in (look.current, look.previous if is_good else None) if version is not None]


def _fits(notification: Notification, credential: Credential) -> bool:
    algorithm, _, digest = notification.signature.partition(":")
    expected = hmac.digest(credential.auth_secret.encode(), notification.text.encode(), algorithm).hex()
    return hmac.compare_digest(expected, digest)
