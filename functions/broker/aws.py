"""Calls of AWS's JSON protocols, signed by Signature Version 4.

boto3's client would cost more start-up than all the rest of the function; `docs/decisions/` has the figures.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from broker import strict_json
from broker.deadline import Clock
from broker.net import Call, Http
from broker.settings import AwsAccess
from broker.values import Value


class Service(Value, frozen=True):
    """As its API reference has it: `target` begins X-Amz-Target, `json` is the protocol's version."""

    name: str
    target: str
    json: str


class Reply(Value, frozen=True):
    """What a service said. `document` is None where it is no JSON object."""

    hidden = ("document",)

    status: int
    document: Mapping[str, Any] | None

    def get(self, member: str) -> Any:
        return None if self.document is None else self.document.get(member)

    @property
    def error(self) -> str:
        """The exception's short name, such as ResourceNotFoundException, letters only."""
        name = str(self.get("__type") or "unknown").rpartition("#")[2]
        return name if name.isascii() and name.isalpha() and len(name) < 64 else "unknown"


class Aws:
    """One service in one Region."""

    def __init__(self, http: Http, clock: Clock, access: AwsAccess, service: Service, endpoint: str | None) -> None:
        """`endpoint`: of the local stack; None means the Region's own."""
        suffix = "amazonaws.com.cn" if access.region.startswith("cn-") else "amazonaws.com"
        self._http = http
        self._clock = clock
        self._access = access
        self._service = service
        self.origin = endpoint or f"https://{service.name}.{access.region}.{suffix}"

    def call(self, operation: str, request: Mapping[str, Any], seconds: float, limit: int) -> Reply:
        """The answer, whatever it is, within `seconds`, of at most `limit` bytes. Raises OutOfReach."""
        body = json.dumps(request).encode()
        host = self.origin.partition("://")[2]
        headers = signed_headers(self._access, self._service, operation, host, body, self._clock())
        answer = self._http(Call("POST", f"{self.origin}/", seconds, limit, headers, body))
        try:
            return Reply(answer.status, strict_json.loads_object(answer.body))
        except ValueError:
            return Reply(answer.status, None)


def signed_headers(
    access: AwsAccess, service: Service, operation: str, host: str, body: bytes, now: float
) -> dict[str, str]:
    """The headers of a signed POST to the root of `host`; `now` in seconds since the epoch.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    time = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {
        "content-type": f"application/x-amz-json-{service.json}",
        "host": host,
        "x-amz-date": time,
        "x-amz-target": f"{service.target}.{operation}",
    }
    if access.session_token:
        headers["x-amz-security-token"] = access.session_token
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{time[:8]}/{access.region}/{service.name}/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{access.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    mark = f"AWS4-HMAC-SHA256 Credential={access.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "authorization": mark}
