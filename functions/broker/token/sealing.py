"""Bearer tokens sealed for the shared table, which is trusted with nothing: not to read, not to write.

Both keys come from the Auth Secret by HKDF (RFC 5869): who lacks it can neither open nor make an entry, and a new
version of the secret has other entries. What names an entry is authenticated with it (AES-256-GCM).
"""

import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from broker.base.encoding import frame
from broker.token.credentials import Credential

FORMAT = b"1"
_PRODUCT = b"transloadit-token-broker"
_NONCE, _TAG = 12, 16  # bytes, NIST SP 800-38D sections 5.2.1.1 and 5.2.1.2


class Seal:
    """The seal of one version of a credential, for tokens of one api2."""

    def __init__(self, credential: Credential, origin: str) -> None:
        """`origin`: of api2."""
        self._origin = origin.encode()
        self._cipher = AESGCM(_derived(credential, b"seal"))
        self._index_key = _derived(credential, b"index")

    def row_id(self, kind: str, key: bytes) -> str:
        """What a row is found by: it tells whoever has no key nothing of the cache key."""
        return f"{kind}/{hmac.digest(self._index_key, frame(kind.encode(), key), 'sha256').hex()}"

    def seal(self, token: bytes, key: bytes, expires: int) -> bytes:
        """A token's bytes, to be opened with the same cache key and `expires` alone."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, token, self._named(key, expires))

    def open(self, sealed: bytes, key: bytes, expires: int) -> bytes | None:
        """The bytes that were sealed under this cache key and `expires`, or None."""
        if len(sealed) < _NONCE + _TAG:
            return None
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], self._named(key, expires))
        except InvalidTag:
            return None

    def _named(self, key: bytes, expires: int) -> bytes:
        return frame(FORMAT, self._origin, key, str(expires).encode())


def _derived(credential: Credential, purpose: bytes) -> bytes:
    salt = frame(credential.arn.encode(), credential.version.encode())
    info = frame(_PRODUCT, purpose, FORMAT)
    return HKDF(hashes.SHA256(), 32, salt, info).derive(credential.auth_secret.encode())
