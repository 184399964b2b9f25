"""Auth Keys and Auth Secrets: the only module that reads them."""

import re
from collections.abc import Callable, Mapping

from broker.aws.secretsmanager import Secret
from broker.base import encoding
from broker.base.errors import BrokerError, BrokerFault
from broker.base.progress import Clock, Deadline, Progress
from broker.base.single_flight import SingleFlight
from broker.base.values import Value

CHECK_SECONDS = 5 * 60  # after which a secret is read again
KEEP_SECONDS = 60 * 60  # that a secret is used while it cannot be read again
RETRY_SECONDS = 30  # between reads that fail while a known-good version is held
REFUSED_SECONDS = 60  # in which a version that Transloadit refused is not sent again

_VISIBLE = re.compile(r"[\x21-\x7E]+")


class Credential(Value, frozen=True):
    """One version of an Auth Key and its Auth Secret. `created_at`: seconds since the epoch, 0 where not known."""

    hidden = ("auth_key", "auth_secret")

    name: str
    arn: str  # of its secret
    version: str
    auth_key: str
    auth_secret: str
    created_at: float = 0.0


class _Held(Value, frozen=True):
    """A version that was good when it was read. Times: epoch seconds."""

    credential: Credential
    read_at: float
    check_at: float  # then it is read again, in case there is a new one


class Credentials:
    """The current version of each credential, and the versions that Transloadit has refused."""

    def __init__(
        self,
        secret_ids: Mapping[str, str],
        read_secret: Callable[[str, Deadline], Secret],
        clock: Clock,
        read_previous: Callable[[str, Deadline], Secret | None] | None = None,
    ) -> None:
        """`secret_ids`: name or ARN in Secrets Manager by the credential's name, as the deployment says.

        `read_secret`: the current version of such a secret; raises TemporarilyUnavailable or BrokerFault.
        `read_previous`: the version before it, for the function that verifies what either of them has signed.
        """
        self._secret_ids = secret_ids
        self._read_secret = read_secret
        self._read_previous = read_previous
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._refused: dict[tuple[str, str], float] = {}
        self._flights = SingleFlight[Credential]()

    def get(self, name: str, progress: Progress) -> Credential:
        """The version in use, read again every CHECK_SECONDS. Raises TemporarilyUnavailable or BrokerFault.

        A known-good one is kept for KEEP_SECONDS while it cannot be read again.
        """
        held, now = self._held.get(name), self._clock()
        if held is None or not 0 <= now - held.read_at < KEEP_SECONDS:
            return self.read(name, progress.deadline)
        if now < held.check_at or self._flights.is_running(name):
            return held.credential
        try:
            return self.read(name, progress.deadline)
        except BrokerError:
            progress.notes.alarms.add("StaleSecret")
            self._held[name] = _Held(held.credential, held.read_at, now + RETRY_SECONDS)
            return held.credential

    def read(self, name: str, deadline: Deadline) -> Credential:
        """The version that Secrets Manager has now. One request reads it, the others wait for the outcome.

        Raises TemporarilyUnavailable, or BrokerFault where no retry helps.
        """
        secret_id = self._find_secret(name)

        def work() -> Credential:
            credential = _make_credential(name, self._read_secret(secret_id, deadline))
            now = self._clock()
            self._held[name] = _Held(credential, now, now + CHECK_SECONDS)
            return credential

        return self._flights.run(name, work, deadline.left())

    def read_previous(self, name: str, deadline: Deadline) -> Credential | None:
        """The version before the one that Secrets Manager has now, None where there is none. Raises as `read` does."""
        secret_id = self._find_secret(name)
        secret = self._read_previous(secret_id, deadline) if self._read_previous is not None else None
        try:
            return None if secret is None else _make_credential(name, secret)
        except BrokerFault:
            return None  # It was never in use: a secret is created without an Auth Key.

    def _find_secret(self, name: str) -> str:
        if name not in self._secret_ids:
            raise BrokerFault("the deployment gives this function no secret for this credential: see docs/deploy.md")
        return self._secret_ids[name]

    def refuse(self, credential: Credential) -> None:
        """Note that Transloadit refused this version. It is not sent again for REFUSED_SECONDS.

        Otherwise each request would send it again, and Transloadit counts calls by our address.
        """
        self._refused = {version: at for version, at in self._refused.items() if self._is_recent(at)}
        self._refused[credential.name, credential.version] = self._clock()

    def is_refused(self, credential: Credential) -> bool:
        """Whether Transloadit refused this version less than REFUSED_SECONDS ago."""
        return self._is_recent(self._refused.get((credential.name, credential.version), float("-inf")))

    def _is_recent(self, refused_at: float) -> bool:
        return 0 <= self._clock() - refused_at < REFUSED_SECONDS


def _make_credential(name: str, secret: Secret) -> Credential:
    return Credential(name, secret.arn, secret.version, *parse_secret(secret.text), secret.created_at)


def parse_secret(text: str) -> tuple[str, str]:
    """Auth Key and Auth Secret of a secret's text, `{"auth_key": …, "auth_secret": …}`. Raises BrokerFault."""
    try:
        document = encoding.read_object(text.encode())
        auth_key, auth_secret = document["auth_key"], document["auth_secret"]
        # A colon would end the user name of HTTP Basic (RFC 7617 section 2), and the rest be taken for the password.
        if not _VISIBLE.fullmatch(auth_key) or ":" in auth_key or not _VISIBLE.fullmatch(auth_secret):
            raise ValueError("not visible ASCII")
    except (ValueError, KeyError, TypeError):
        # Without the cause: the parser's message could quote the secret.
        raise BrokerFault("secret is malformed: needs auth_key and auth_secret") from None
    return auth_key, auth_secret
