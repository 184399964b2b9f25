"""What each request leaves behind: one audit record, and metrics in CloudWatch's embedded format."""

import hashlib
from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import asdict

from broker.values import Value

MAX_TEXT = 256  # characters of any one value that a caller chose
MAX_RULES = 20  # refused rules that are named
MAX_ITEMS = 50  # of any list, such as the scopes asked for
_CHOSEN = ("subject", "scopes", "aud", "credential", "rules", "failed")  # by a caller, or as many as the policy has


class Notes(Struct):
    """What the steps saw on the way, handed down with the request and read once, at its end."""

    issuer: str | None = None
    subject: str | None = None
    rules: tuple[str, ...] = ()
    failed: Mapping[str, tuple[str, ...]] = {}
    policy: str | None = None
    cache: str | None = None
    upstream_status: int | None = None
    upstream_error: str | None = None
    mints: int = 0
    token_sha256: str | None = None
    alarms: set[str] = set()


class AuditRecord(Value, frozen=True):
    """One request: who asked for what, what decided it, what came of it. Never a secret, a token or another claim."""

    request_id: str
    outcome: str  # granted, or the code of the refusal's class
    status: int
    reason: str | None
    issuer: str | None  # only once the caller JWT names a configured one
    subject: str | None  # only once verified
    scopes: tuple[str, ...] | None  # as asked; None: all that the policy gives
    aud: str | None
    credential: str | None
    proof: str | None
    policy: str | None  # SHA-256 of the compiled policy
    rules: tuple[str, ...]  # that decided a grant
    failed: Mapping[str, tuple[str, ...]]  # rule by rule, the names of the conditions that failed
    cache: str | None  # hit, shared, miss, renewed, kept
    upstream_status: int | None  # api2's last status
    upstream_error: str | None  # api2's last error code
    mints: int  # calls of api2's /token
    token_sha256: str | None  # hex of SHA-256 over the bearer token's bytes
    milliseconds: float
    alarms: tuple[str, ...]


class Sink(Protocol):
    """Takes records; `wiring` makes the one that writes to CloudWatch."""

    def __call__(self, record: AuditRecord, /) -> None: ...


def token_hash(token: str) -> str:
    """Hex of SHA-256 over the token's bytes: what joins an audit record with a token that turned up somewhere."""
    return hashlib.sha256(token.encode()).hexdigest()


def fields(record: AuditRecord) -> dict[str, Any]:
    """The record as JSON members, cut to a size that a caller cannot choose."""
    return asdict(record) | {name: _cut(getattr(record, name)) for name in _CHOSEN}


def _cut(value: Any) -> Any:
    if not value:
        return value
    if isinstance(value, str):
        # Half a surrogate pair cannot be written, and a record must be.
        return value[:MAX_TEXT].encode("utf-8", "replace").decode()
    if isinstance(value, tuple | list):
        return [_cut(item) for item in value[:MAX_ITEMS]]
    if isinstance(value, dict):
        return {name: _cut(value[name]) for name in list(value)[:MAX_RULES]}
    return value


def counts(record: AuditRecord) -> dict[str, int]:
    """The metrics of a record: how often each thing happened in this request."""
    kind = _KINDS.get(record.status, "Refused" if record.status < 500 else "Fault")
    found = {"Exchange": 1, kind: 1, **dict.fromkeys(sorted(record.alarms), 1)}
    if record.mints:
        found["Mint"] = record.mints
    if record.cache == "hit":
        found["CacheHit"] = 1
    if record.cache == "shared":
        found["SharedHit"] = 1
    return found


_KINDS = {200: "Granted", 429: "Unavailable", 503: "Unavailable"}
