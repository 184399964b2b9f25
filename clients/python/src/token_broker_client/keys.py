"""An identity by a private key of one's own (`private_key_jwt`, RFC 7523 section 2.2)."""

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from token_broker_client.errors import TokenError
from token_broker_client.proof import Jwt

SECONDS = 120  # the life of such a JWT, which is used at once


def private_key(
    path: str | os.PathLike[str],
    client_id: str,
    *,
    key_id: str | None = None,
    audience: str | None = None,
    clock: Callable[[], float] = time.time,
) -> Jwt:
    """A JWT signed with the private key (PEM) in a file, for `client_id` as issuer and subject.

    The broker knows the public key from its policy, by `key_id` if it has several. `audience` is the broker's URL if
    left out, which must be its metadata's `issuer`. Needs the extra `private-key`.
    """
    source = f"the private key {os.fspath(path)}"

    def ask(audience: str) -> str:
        now = int(clock())
        claims = {"iss": client_id, "sub": client_id, "aud": audience, "iat": now, "exp": now + SECONDS}
        return _sign({**claims, "jti": secrets.token_urlsafe(16)}, Path(path), key_id, source)

    return Jwt(source, ask, audience, is_assertion=True)


def _sign(claims: dict[str, object], path: Path, key_id: str | None, source: str) -> str:
    try:
        import jwt
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        extra = "transloadit-token-broker-client[private-key]"
        raise TokenError("no_library", f"private_key() needs PyJWT: pip install '{extra}'") from None
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise TokenError("bad_identity", f"{source} cannot be read: {error.strerror}") from None
    # The library's words are replaced: they may quote the file.
    except (ValueError, TypeError):
        raise TokenError("bad_identity", f"{source} is no private key in PEM without a password") from None
    headers = {"kid": key_id} if key_id else None
    match key:
        case rsa.RSAPrivateKey():
            return jwt.encode(claims, key, "RS256", headers)
        case ec.EllipticCurvePrivateKey() if isinstance(key.curve, ec.SECP256R1):
            return jwt.encode(claims, key, "ES256", headers)
        case ed25519.Ed25519PrivateKey():
            return jwt.encode(claims, key, "EdDSA", headers)
    raise TokenError("bad_identity", f"{source} is neither RSA nor P-256 nor Ed25519, which the broker knows")
