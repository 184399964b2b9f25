"""GetSecretValue of AWS Secrets Manager, signed by Signature Version 4.

boto3's client would cost more start-up than all the rest of the function; `docs/decisions/` has the figures.
"""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

from broker import strict_json
from broker.deadline import Clock, Deadline
from broker.errors import BrokerFault, TemporarilyUnavailable
from broker.net import Answer, Http, OutOfReach
from broker.settings import AwsAccess
from broker.values import Value

READ_SECONDS = 3.0
MAX_BYTES = 256 * 1024  # a secret has at most 65,536 bytes, JSON may escape each
_TYPE = "application/x-amz-json-1.1"
_TARGET = "secretsmanager.GetSecretValue"
# Errors that pass by themselves; all others are a fault in the deployment.
_PASSING = frozenset({"ThrottlingException", "InternalServiceError", "InternalServiceErrorException"})


class Secret(Value, frozen=True):
    hidden = ("text",)

    version: str
    text: str


class SecretsManager:
    """Reads secrets. https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html"""

    def __init__(self, http: Http, clock: Clock, access: AwsAccess, endpoint: str | None = None) -> None:
        """`endpoint`: of the local stack; None means the Region's own."""
        suffix = "amazonaws.com.cn" if access.region.startswith("cn-") else "amazonaws.com"
        self._http = http
        self._clock = clock
        self._access = access
        self._url = endpoint or f"https://secretsmanager.{access.region}.{suffix}"

    def read(self, secret_id: str, deadline: Deadline) -> Secret:
        """The current version of a secret. Raises TemporarilyUnavailable, or BrokerFault where a retry is no use."""
        body = json.dumps({"SecretId": secret_id}).encode()
        headers = signed_headers(self._access, self._url.partition("://")[2], body, self._clock())
        try:
            answer = self._http(
                "POST",
                f"{self._url}/",
                seconds=deadline.left(READ_SECONDS),
                limit=MAX_BYTES,
                headers=headers,
                body=body,
            )
        except OutOfReach as error:
            raise TemporarilyUnavailable("Secrets Manager out of reach") from error
        return _secret(answer)


def _secret(answer: Answer) -> Secret:
    try:
        document = strict_json.loads_object(answer.body)
    except ValueError:
        document = {}
    if answer.status == 200:
        version, text = document.get("VersionId"), document.get("SecretString")
        if isinstance(version, str) and isinstance(text, str):
            return Secret(version, text)
        raise BrokerFault("secret has no text")
    kind = _error_type(document)
    if answer.status >= 500 or answer.status == 429 or kind in _PASSING:
        raise TemporarilyUnavailable("Secrets Manager does not answer")
    raise BrokerFault(f"secret cannot be read: {kind}")


def _error_type(document: dict[str, Any]) -> str:
    """The exception's short name, such as ResourceNotFoundException, letters only."""
    name = str(document.get("__type", "unknown")).rpartition("#")[2]
    return name if name.isascii() and name.isalpha() and len(name) < 64 else "unknown"


def signed_headers(access: AwsAccess, host: str, body: bytes, now: float) -> dict[str, str]:
    """The headers of a signed POST to the root of `host`; `now` in seconds since the epoch.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    time = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {"content-type": _TYPE, "host": host, "x-amz-date": time, "x-amz-target": _TARGET}
    if access.session_token:
        headers["x-amz-security-token"] = access.session_token
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{time[:8]}/{access.region}/secretsmanager/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{access.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    mark = f"AWS4-HMAC-SHA256 Credential={access.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "authorization": mark}
