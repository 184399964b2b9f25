"""A bearer token, the key under which it is cached, and the bytes as which environments share it."""

import hashlib
import json

from broker.base.encoding import frame
from broker.base.values import Value
from broker.decision import Scopes
from broker.policy.model import ALL


class BearerToken(Value, frozen=True):
    """Times in seconds since the epoch. `minted_at` is before the mint, and `expires_at` is counted from it."""

    hidden = ("secret",)

    secret: str
    scopes: frozenset[str]
    minted_at: float
    expires_at: float

    @property
    def sha256(self) -> str:
        """Hex of SHA-256 over its bytes: finds the audit record of a token that turned up somewhere."""
        return hashlib.sha256(self.secret.encode()).hexdigest()

    def to_bytes(self) -> bytes:
        """The whole token, secret included. Only to be sealed."""
        return json.dumps([self.secret, sorted(self.scopes), self.minted_at, self.expires_at]).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "BearerToken":
        """The token that `to_bytes` wrote. Only for bytes that a seal has authenticated: nothing is checked here."""
        secret, scopes, minted_at, expires_at = json.loads(data)
        return cls(secret, frozenset(scopes), minted_at, expires_at)


class CacheKey(Value, frozen=True):
    """All that is sent to api2, so that requests that would send the same share a token; and the caller (entry of the
    policy and subject) where the grant says `share: caller`.
    """

    credential: str
    version: str  # of the credential's secret
    scopes: Scopes
    aud: str
    caller: tuple[str, str] | None

    def to_bytes(self) -> bytes:
        """The same bytes for the same key, and for no other."""
        # Joined plainly, the scopes of one grant could spell the aud of another, and a token be handed to the wrong
        # caller. So each part has its length in front, and a word says which kind of part it is.
        scopes = [b"all"] if self.scopes is ALL else [b"these", *(scope.encode() for scope in sorted(self.scopes))]
        caller = [b"any"] if self.caller is None else [b"one", *(name.encode() for name in self.caller)]
        credential, version, aud = (text.encode() for text in (self.credential, self.version, self.aud))
        return frame(credential, version, frame(*scopes), aud, frame(*caller))
