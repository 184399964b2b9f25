"""Storage grants, byte for byte as the vendor's `signStorageGrant` makes them. Storage is a private preview."""

import base64
from collections.abc import Callable

from msgspec.json import encode

from broker.signing.decision import StorageGrant

_HEADER = {"alg": "HS256", "typ": "JWT"}


def write_grant(order: StorageGrant, now: int, sign: Callable[[str], bytes]) -> str:
    """The grant, a JWT (RFC 7519). `now` in seconds since the epoch; `sign` gives the HMAC."""
    claims = {
        "v": 1,
        "bucket": order.bucket,
        "prefix": order.prefix,
        "scopes": order.scopes,
        "iat": now,
        "exp": now + order.expires,
    }
    signed = f"{_write_base64url(encode(_HEADER))}.{_write_base64url(encode(claims))}"
    return f"{signed}.{_write_base64url(sign(signed))}"


def _write_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
