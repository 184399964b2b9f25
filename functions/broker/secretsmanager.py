"""GetSecretValue of AWS Secrets Manager."""

from broker.aws import Aws, Reply, Service
from broker.deadline import Clock, Deadline
from broker.errors import BrokerFault, TemporarilyUnavailable
from broker.net import Http, OutOfReach
from broker.settings import AwsAccess
from broker.values import Value

READ_SECONDS = 3.0
MAX_BYTES = 256 * 1024  # a secret has at most 65,536 bytes, JSON may escape each
SERVICE = Service("secretsmanager", "secretsmanager", "1.1")
# Errors that pass by themselves; all others are a fault in the deployment.
_PASSING = frozenset({"ThrottlingException", "InternalServiceError", "InternalServiceErrorException"})


class Secret(Value, frozen=True):
    hidden = ("text",)

    arn: str
    version: str
    text: str


class SecretsManager:
    """Reads secrets. https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html"""

    def __init__(self, http: Http, clock: Clock, access: AwsAccess, endpoint: str | None = None) -> None:
        """`endpoint`: of the local stack; None means the Region's own."""
        self._aws = Aws(http, clock, access, SERVICE, endpoint)

    def read(self, secret_id: str, deadline: Deadline) -> Secret:
        """The current version of a secret. Raises TemporarilyUnavailable, or BrokerFault where a retry is no use."""
        try:
            reply = self._aws.call("GetSecretValue", {"SecretId": secret_id}, deadline.left(READ_SECONDS), MAX_BYTES)
        except OutOfReach as error:
            raise TemporarilyUnavailable("Secrets Manager out of reach") from error
        return _secret(reply)


def _secret(reply: Reply) -> Secret:
    if reply.status == 200:
        arn, version, text = (reply.get(name) for name in ("ARN", "VersionId", "SecretString"))
        if isinstance(arn, str) and isinstance(version, str) and isinstance(text, str):
            return Secret(arn, version, text)
        raise BrokerFault("secret has no text")
    if reply.status >= 500 or reply.status == 429 or reply.error in _PASSING:
        raise TemporarilyUnavailable("Secrets Manager does not answer")
    raise BrokerFault(f"secret cannot be read: {reply.error}")
