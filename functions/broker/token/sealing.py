"""Bearer tokens sealed for the shared table, which is not trusted: its readers must not learn a token, and its writers
must not forge one.

Both keys come from the Auth Secret by HKDF (RFC 5869). Without that secret no entry can be opened or made, and a new
version of the secret has other entries. AES-256-GCM authenticates the name of an entry together with its token.
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
        self._cipher = AESGCM(_derive_key(credential, b"seal"))
        self._index_key = _derive_key(credential, b"index")

    def name_row(self, kind: str, key: bytes) -> str:
        """The id of a row. Without the index key nothing about the cache key can be learned from it."""
        return f"{kind}/{hmac.digest(self._index_key, frame(kind.encode(), key), 'sha256').hex()}"

    def seal(self, token: bytes, key: bytes, expires: int) -> bytes:
        """A token's bytes, sealed so that they open with the same cache key and `expires` alone."""
        # One nonce used twice would give away the key that authenticates. Random ones of 96 bits are good for 2**32
        # entries (NIST SP 800-38D section 8.3), and each version of the secret has a key of its own.
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, token, self._bind(key, expires))

    def open(self, sealed: bytes, key: bytes, expires: int) -> bytes | None:
        """The bytes that were sealed under this cache key and `expires`, or None."""
        if len(sealed) < _NONCE + _TAG:
            return None
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], self._bind(key, expires))
        except InvalidTag:
            return None

    def _bind(self, key: bytes, expires: int) -> bytes:
        # A writer of the table could move a sealed token to the key of another grant, of another api2, or of a later
        # expiry. All of them are authenticated (the additional data of NIST SP 800-38D), so it would not open there.
        return frame(FORMAT, self._origin, key, str(expires).encode())


def _derive_key(credential: Credential, purpose: bytes) -> bytes:
    salt = frame(credential.arn.encode(), credential.version.encode())
    info = frame(_PRODUCT, purpose, FORMAT)
    return HKDF(hashes.SHA256(), 32, salt, info).derive(credential.auth_secret.encode())
