"""GetSecretValue of AWS Secrets Manager."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from broker.base.errors import BrokerFault, TemporarilyUnavailable
from broker.base.net import OutOfReach
from broker.base.progress import Deadline
from broker.base.values import Value

if TYPE_CHECKING:
    from broker.aws.client import Aws, Reply

READ_SECONDS = 3.0
MAX_BYTES = 256 * 1024  # a secret has at most 65,536 bytes, and JSON may escape each
# Errors that pass by themselves; all others are a fault in the deployment.
_PASSING = frozenset({"ThrottlingException", "InternalServiceError", "InternalServiceErrorException"})


class Secret(Value, frozen=True):
    """One version of a secret. `version` is its VersionId, by which caches are emptied.

    `created_at`: when this version was made, seconds since the epoch; 0 where the answer does not say it.
    """

    hidden = ("text",)

    arn: str
    version: str
    text: str
    created_at: float = 0.0


class SecretsManager(Value, frozen=True):
    """Reads secrets. https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html"""

    aws: "Callable[[], Aws]"  # makes it when it is first needed

    def read(self, secret_id: str, deadline: Deadline) -> Secret:
        """The current version of a secret. Raises TemporarilyUnavailable, or BrokerFault where a retry is no use."""
        return _read_reply(self._ask({"SecretId": secret_id}, deadline))

    def read_previous(self, secret_id: str, deadline: Deadline) -> Secret | None:
        """The version before the current one, None where there is none. Raises as `read` does."""
        reply = self._ask({"SecretId": secret_id, "VersionStage": "AWSPREVIOUS"}, deadline)
        return None if reply.error == "ResourceNotFoundException" else _read_reply(reply)

    def _ask(self, request: dict[str, str], deadline: Deadline) -> "Reply":
        operation = "secretsmanager.get_secret_value"
        try:
            return self.aws().call(operation, request, deadline, seconds=READ_SECONDS, limit=MAX_BYTES, tries=2)
        except OutOfReach as error:
            raise TemporarilyUnavailable("Secrets Manager out of reach") from error


def _read_reply(reply: "Reply") -> Secret:
    if reply.error is None:
        arn, version, text = (reply.members.get(name) for name in ("ARN", "VersionId", "SecretString"))
        if isinstance(arn, str) and isinstance(version, str) and isinstance(text, str):
            made = reply.members.get("CreatedDate")
            return Secret(arn, version, text, made.timestamp() if isinstance(made, datetime) else 0.0)
        raise BrokerFault("secret has no text")
    if reply.status >= 500 or reply.status == 429 or reply.error in _PASSING:
        raise TemporarilyUnavailable("Secrets Manager does not answer")
    raise BrokerFault(f"secret cannot be read: {reply.error}")
