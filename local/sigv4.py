"""API Gateway's IAM authorizer: a request signed by Signature Version 4 becomes an identity, or nothing.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-access-control-iam.html
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.translate import ACCOUNT, REGION

SKEW_SECONDS = 5 * 60
_SERVICE = "execute-api"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/, ]+)/([0-9]{8})/([^/, ]+)/([^/, ]+)/aws4_request, ?"
    r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Principal:
    """A role's session on this machine, and the key that it signs with."""

    access_key: str
    secret_key: str = field(repr=False)
    role: str
    session: str

    def identity(self) -> dict[str, Any]:
        """The `authorizer.iam` block of an event."""
        user_id = f"AROALOCAL:{self.session}"
        return {
            "accessKey": self.access_key,
            "accountId": ACCOUNT,
            "callerId": user_id,
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{self.role}/{self.session}",
            "userId": user_id,
        }


# Good on this machine and nowhere else.
LOCAL = Principal("AKIALOCAL", "local", "local-role", "local-session")


def signer(request: web.Request, body: bytes, principals: Mapping[str, Principal]) -> Principal | None:
    """The principal that signed a request; None where nobody known did, or not this, or not now."""
    found = _AUTHORIZATION.fullmatch(request.headers.get("Authorization", ""))
    if found is None:
        return None
    access_key, day, region, service, names, signature = found.groups()
    principal = principals.get(access_key)
    time, signed = request.headers.get("X-Amz-Date", ""), names.split(";")
    if principal is None or (region, service) != (REGION, _SERVICE) or not _is_now(time, day):
        return None
    if "host" not in signed or "x-amz-date" not in signed or not _is_hash_of(body, request):
        return None
    expected = _signature(request, body, signed, principal, time)
    return principal if hmac.compare_digest(expected, signature) else None


def _is_now(time: str, day: str) -> bool:
    try:
        signed_at = datetime.strptime(time, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return time[:8] == day and abs((datetime.now(UTC) - signed_at).total_seconds()) < SKEW_SECONDS


def _is_hash_of(body: bytes, request: web.Request) -> bool:
    named = request.headers.get("X-Amz-Content-SHA256")
    return named is None or hmac.compare_digest(named, hashlib.sha256(body).hexdigest())


def _signature(request: web.Request, body: bytes, names: list[str], principal: Principal, time: str) -> str:
    """As AWS's own SDK computes it."""
    headers = {name: request.headers.get(name, "") for name in names}
    signed = AWSRequest(request.method, f"http://{request.host}{request.path_qs}", headers=headers, data=body)
    signed.context["timestamp"] = time
    auth = SigV4Auth(Credentials(principal.access_key, principal.secret_key), _SERVICE, REGION)
    return str(auth.signature(auth.string_to_sign(signed, auth.canonical_request(signed)), signed))
