"""The id of an Assembly. An event that comes twice has one id: api2 makes one Assembly of it, and no table is needed.

Nobody without the pipeline key can compute it: an Assembly's id is the right to read and to cancel it.
"""

import hashlib
import hmac

from broker.assembly.decision import Assembling
from broker.base.encoding import frame

_BYTES = 16


def make_id(key: bytes, function_name: str, assembling: Assembling) -> str:
    """32 hex digits: a UUIDv4 without dashes, as api2 wants it. `key`: the pipeline key."""
    parts = (
        function_name,
        assembling.grant.credential,
        assembling.template,
        assembling.key,
        str(assembling.attempt),
    )
    # Joined plainly, the key of one event could spell the attempt of another, and one of them would get no Assembly.
    digest = bytearray(hmac.digest(key, frame(b"assembly-v1", *(part.encode() for part in parts)), "sha256")[:_BYTES])
    digest[6] = digest[6] & 0x0F | 0x40  # version 4 and the variant: RFC 9562 section 5.4
    digest[8] = digest[8] & 0x3F | 0x80
    return digest.hex()


def hash_id(assembly_id: str) -> str:
    """Hex of SHA-256 over an id: what records and messages show of it."""
    return hashlib.sha256(assembly_id.encode()).hexdigest()
