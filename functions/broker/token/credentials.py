"""Auth Keys and Auth Secrets: the only module that reads them."""

import re
from collections.abc import Mapping
from typing import Protocol

from broker.aws.secretsmanager import Secret
from broker.base import encoding
from broker.base.errors import BrokerError, BrokerFault
from broker.base.progress import Clock, Deadline, Progress
from broker.base.single_flight import SingleFlight
from broker.base.values import Value

LOOK_SECONDS = 5 * 60
KEEP_SECONDS = 60 * 60
RETRY_SECONDS = 30  # between looks that fail while a known-good version is held
LEFT_ALONE_SECONDS = 60

_VISIBLE = re.compile(r"[\x21-\x7E]+")


class Credential(Value, frozen=True):
    """One version of an Auth Key and its Auth Secret."""

    hidden = ("auth_key", "auth_secret")

    name: str
    arn: str  # of its secret
    version: str
    auth_key: str
    auth_secret: str


class Secrets(Protocol):
    def read(self, secret_id: str, deadline: Deadline) -> Secret: ...


class _Held(Value, frozen=True):
    credential: Credential
    read_at: float
    look_at: float


class Credentials:
    """The current version of each credential, and the versions that Transloadit has refused. Times: epoch seconds."""

    def __init__(self, secret_ids: Mapping[str, str], secrets: Secrets, clock: Clock) -> None:
        """`secret_ids`: name or ARN in Secrets Manager by the credential's name, as the deployment says."""
        self._secret_ids = secret_ids
        self._secrets = secrets
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._refused: dict[tuple[str, str], float] = {}
        self._flights = SingleFlight[Credential]()

    def current(self, name: str, progress: Progress) -> Credential:
        """The version in use, looked at every LOOK_SECONDS. Raises TemporarilyUnavailable or BrokerFault.

        A known-good one is kept for KEEP_SECONDS while it cannot be looked at.
        """
        held, now = self._held.get(name), self._clock()
        if held is None or not 0 <= now - held.read_at < KEEP_SECONDS:
            return self.fresh(name, progress.deadline)
        if now < held.look_at or self._flights.is_running(name):
            return held.credential
        try:
            return self.fresh(name, progress.deadline)
        except BrokerError:
            progress.notes.alarms.add("StaleSecret")
            self._held[name] = _Held(held.credential, held.read_at, now + RETRY_SECONDS)
            return held.credential

    def fresh(self, name: str, deadline: Deadline) -> Credential:
        """The version that Secrets Manager has now; one reads, the others wait for it.

        Raises TemporarilyUnavailable, or BrokerFault where no retry helps.
        """
        if name not in self._secret_ids:
            raise BrokerFault("the deployment names no secret for this credential: see MoreCredentials of the template")

        def work() -> Credential:
            secret = self._secrets.read(self._secret_ids[name], deadline)
            auth_key, auth_secret = auth_pair(secret.text)
            credential = Credential(name, secret.arn, secret.version, auth_key, auth_secret)
            now = self._clock()
            self._held[name] = _Held(credential, now, now + LOOK_SECONDS)
            return credential

        return self._flights.run(name, work, deadline.left())

    def refuse(self, credential: Credential) -> None:
        """Transloadit refused this version: it is left alone for LEFT_ALONE_SECONDS."""
        self._refused = {mark: at for mark, at in self._refused.items() if self._is_recent(at)}
        self._refused[credential.name, credential.version] = self._clock()

    def is_refused(self, credential: Credential) -> bool:
        return self._is_recent(self._refused.get((credential.name, credential.version), float("-inf")))

    def _is_recent(self, refused_at: float) -> bool:
        return 0 <= self._clock() - refused_at < LEFT_ALONE_SECONDS


def auth_pair(text: str) -> tuple[str, str]:
    """Auth Key and Auth Secret of a secret's text, `{"auth_key": …, "auth_secret": …}`. Raises BrokerFault."""
    try:
        document = encoding.read_object(text.encode())
        auth_key, auth_secret = document["auth_key"], document["auth_secret"]
        # A colon would end the user name of HTTP Basic (RFC 7617 section 2).
        if not _VISIBLE.fullmatch(auth_key) or ":" in auth_key or not _VISIBLE.fullmatch(auth_secret):
            raise ValueError("not visible ASCII")
    except (ValueError, KeyError, TypeError):
        # Without the cause: it could quote the secret.
        raise BrokerFault("secret is malformed: needs auth_key and auth_secret") from None
    return auth_key, auth_secret
