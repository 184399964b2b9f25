"""Callbacks sealed into the URL to which api2 posts that an Assembly is done.

Its reader learns nothing and can forge nothing: AES-256-GCM under a key of its own (HKDF, RFC 5869, of the pipeline
key), with the Assembly's id authenticated, so that a callback opens at the notification of its own Assembly alone.
"""

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from msgspec import DecodeError, json

from broker.assembly.keys import Keys
from broker.base.encoding import read_base64url
from broker.base.values import Value
from broker.request.assembly import Callback

MAX_SECONDS = 7 * 24 * 60 * 60  # that a callback is waited for
MAX_TEXT = 6 * 1024  # characters of a sealed callback; API Gateway takes 10,240 bytes of line and headers
_PURPOSE = b"notification v1"
_NONCE, _TAG = 12, 16  # bytes, NIST SP 800-38D sections 5.2.1.1 and 5.2.1.2


class Waiting(Value, frozen=True):
    """What waits for an Assembly, and the credential that made it. `expires_at`: seconds since the epoch.

    `shows_id`: the callback's result may hold the Assembly's id, by which its reader sees the files.
    """

    callback: Callback
    credential: str
    shows_id: bool
    expires_at: int


def seal(key: bytes, assembly_id: str, waiting: Waiting) -> str:
    """The sealed callback in base64url, for the notifications of this Assembly. `key`: the pipeline key."""
    # Random nonces of 96 bits are good for 2**32 callbacks of one key (NIST SP 800-38D section 8.3).
    nonce = os.urandom(_NONCE)
    sealed = nonce + _make_cipher(key).encrypt(nonce, json.encode(waiting), assembly_id.encode())
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def unseal(keys: Keys, assembly_id: str, text: str, now: float) -> Waiting | None:
    """The callback that was sealed for this Assembly by this key or the one before it, and is not expired; or None."""
    if len(text) > MAX_TEXT:
        return None
    try:
        # A path of a stranger's may hold half of a surrogate pair, which has no bytes.
        data, associated = read_base64url(text), assembly_id.encode()
    except ValueError:
        return None
    for key in (keys.current, keys.previous):
        waiting = None if key is None else _open(key, data, associated)
        if waiting is not None:
            return waiting if now < waiting.expires_at else None
    return None


def _open(key: bytes, data: bytes, associated: bytes) -> Waiting | None:
    if len(data) < _NONCE + _TAG:
        return None
    try:
        opened = _make_cipher(key).decrypt(data[:_NONCE], data[_NONCE:], associated)
        return json.decode(opened, type=Waiting)
    except (InvalidTag, DecodeError):
        return None


def _make_cipher(key: bytes) -> AESGCM:
    return AESGCM(HKDF(hashes.SHA256(), 32, None, _PURPOSE).derive(key))
