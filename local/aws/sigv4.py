"""Signature Version 4 (SigV4): checks that a principal of the stack signed a request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.aws.account import REGION, Principal
from local.loopback.guard import Headers

SKEW_SECONDS = 5 * 60
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/, ]+)/([0-9]{8})/([^/, ]+)/([^/, ]+)/aws4_request, ?"
    r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it arrived."""

    method: str
    url: str
    headers: Headers
    body: bytes = field(repr=False)


def read_access_key(sent: Sent) -> str | None:
    """The access key that a request names. Whether it is signed with it, `is_signed` says."""
    found = _AUTHORIZATION.fullmatch(sent.headers.get("Authorization") or "")
    return found[1] if found else None


def is_signed(sent: Sent, service: str, principal: Principal) -> bool:
    """Whether the principal signed this request for this service of the Region, less than five minutes ago."""
    found = _AUTHORIZATION.fullmatch(sent.headers.get("Authorization") or "")
    if found is None:
        return False
    access_key, day, region, named, names, signature = found.groups()
    time, signed = sent.headers.get("X-Amz-Date") or "", names.split(";")
    if (access_key, region, named) != (principal.access_key, REGION, service) or not _is_now(time, day):
        return False
    # A header that is not signed could be changed by another sender: the date to replay, the host to reach another API.
    if "host" not in signed or "x-amz-date" not in signed or not _has_hash_of_body(sent):
        return False
    return hmac.compare_digest(_sign(sent, signed, service, principal, time), signature)


def _is_now(time: str, day: str) -> bool:
    try:
        signed_at = datetime.strptime(time, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return time[:8] == day and abs((datetime.now(UTC) - signed_at).total_seconds()) < SKEW_SECONDS


def _has_hash_of_body(sent: Sent) -> bool:
    named = sent.headers.get("X-Amz-Content-SHA256")
    return named is None or hmac.compare_digest(named, hashlib.sha256(sent.body).hexdigest())


def _sign(sent: Sent, names: list[str], service: str, principal: Principal, time: str) -> str:
    """Compute the signature with AWS's own SDK, so that this check and AWS's clients agree."""
    headers = {name: sent.headers.get(name) or "" for name in names}
    signed = AWSRequest(sent.method, sent.url, headers=headers, data=sent.body)
    signed.context["timestamp"] = time
    scheme = S3SigV4Auth if service == "s3" else SigV4Auth  # S3 does not encode the path a second time
    auth = scheme(Credentials(principal.access_key, principal.secret_key), service, REGION)
    return str(auth.signature(auth.string_to_sign(signed, auth.canonical_request(signed)), signed))
