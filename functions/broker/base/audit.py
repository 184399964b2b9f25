"""What each request leaves behind: one audit record, and metrics in CloudWatch's embedded format."""

from collections.abc import Mapping
from typing import Any, Protocol, overload

from msgspec import Struct
from msgspec.structs import asdict

MAX_TEXT = 256  # characters of any one value that a caller chose
MAX_RULES = 20  # refused rules that are named
MAX_ITEMS = 50  # of any list, such as the scopes asked for


class Notes(Struct, kw_only=True):
    """What the steps saw on the way, handed down with the request and read once, at its end."""

    issuer: str | None = None  # only once the caller JWT names a configured one
    subject: str | None = None  # only once verified
    rules: tuple[str, ...] = ()  # that decided a grant
    failed: Mapping[str, tuple[str, ...]] = {}  # rule by rule, the names of the conditions that failed
    cache: str | None = None  # hit, shared, miss, renewed, kept
    upstream_status: int | None = None  # api2's last status
    upstream_error: str | None = None  # api2's last error code
    mints: int = 0  # calls of api2's /token
    alarms: set[str] = set()


class AuditRecord(Notes, frozen=True):  # type: ignore[misc] # mypy takes it for a dataclass, which could not
    """One request: who asked for what, what decided it, what came of it. Never a secret, a token or another claim."""

    request_id: str
    function_request_id: str
    cold_start: bool
    xray_trace_id: str | None
    version: str  # of the broker
    policy: str  # SHA-256 of the compiled policy
    outcome: str  # granted, or the code of the refusal's class
    status: int
    reason: str | None
    proof: str | None
    scopes: tuple[str, ...] | None  # as asked; None: all that the policy gives
    aud: str | None
    credential: str | None
    granted_scopes: tuple[str, ...] | None  # of the token that was given
    token_sha256: str | None  # hex of SHA-256 over the bearer token's bytes
    token_expires_at: int | None  # seconds since the epoch
    milliseconds: float


class Sink(Protocol):
    """Takes records; `wiring` makes the one that writes to CloudWatch."""

    def __call__(self, record: AuditRecord, /) -> None: ...


def fields(record: AuditRecord) -> dict[str, Any]:
    """The record as JSON members, cut to a size that a caller cannot choose.

    Each is one value: CloudWatch Logs Insights makes a field of every item of a list or an object, so that no query can
    name the whole. https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html
    """
    failed = [f"{_cut(rule)}: {_joined(', ', names)}" for rule, names in record.failed.items() if names]
    return asdict(record) | {
        "subject": _cut(record.subject),
        "scopes": _joined(" ", record.scopes),
        "aud": _cut(record.aud),
        "credential": _cut(record.credential),
        "rules": _joined("; ", record.rules),
        "failed": "; ".join(failed[:MAX_RULES]),
        "granted_scopes": _joined(" ", record.granted_scopes),
        "alarms": " ".join(sorted(record.alarms)),
    }


def _joined(between: str, names: tuple[str, ...] | None) -> str | None:
    return None if names is None else between.join([_cut(name) for name in names[:MAX_ITEMS]])


@overload
def _cut(text: str) -> str: ...
@overload
def _cut(text: str | None) -> str | None: ...
def _cut(text: str | None) -> str | None:
    # Half a surrogate pair cannot be written, and a record must be.
    return None if text is None else text[:MAX_TEXT].encode("utf-8", "replace").decode()


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
    if record.upstream_status == 429 or record.upstream_error == "RATE_LIMIT_REACHED":
        found["UpstreamThrottled"] = 1
    return found


_KINDS = {200: "Granted", 429: "OverBudget", 503: "Unavailable"}
