"""What each request leaves behind: one audit record, and the metrics that are counted from it."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from broker.base.values import Value

MAX_TEXT = 256  # characters of any one value whose length a caller decides
MAX_RULES = 20  # refused rules that are named
MAX_ITEMS = 50  # of any list, such as the requested scopes


class SignatureNotes(Value, frozen=True, kw_only=True):
    """What the record says of a signature: kind and name as asked for, the rest once it was given. No signature, and no
    value of a claim.
    """

    hidden = ("auth_key",)

    kind: str
    name: str
    auth_key: str | None = None  # its id, which stands in what was signed
    secret_version: str | None = None
    expires_at: int | None = None  # seconds since the epoch
    credential: str | None = None  # that signed
    template: str | None = None  # the Template of an Assembly or of URLs
    nonce: str | None = None  # of an Assembly: its status shows it, and so leads to the caller
    url_ids: tuple[str, ...] | None = None  # of each URL, the first digits of its signature's SHA-256
    scopes: tuple[str, ...] | None = None  # of a Storage grant
    prefix_sha256: str | None = None  # of a Storage grant


class AssemblyNotes(Value, frozen=True, kw_only=True):
    """What the record says of an Assembly: Template and source as asked for, the rest once it is known. Its id is the
    right to read and to cancel it, so only its hash is here.
    """

    template: str | None = None  # its name in the policy
    source: str | None = None  # invocation, eventbridge, s3; or notification
    attempt: int | None = None
    id_sha256: str | None = None  # hex of SHA-256 over the id's 32 digits
    is_new: bool | None = None  # whether this request made it; else an earlier one with the same key
    status: str | None = None  # api2's code
    callback: str | None = None  # of a notification: completed, failed, late; none where it completes nothing


class Wishes(Value, frozen=True):
    """What a request asked for, as its record shows it."""

    scopes: tuple[str, ...] | None = None
    aud: str | None = None
    credential: str | None = None
    signing: SignatureNotes | None = None
    assembly: AssemblyNotes | None = None


class Notes(Struct, kw_only=True):
    """What the steps of a request add to its audit record on the way. msgspec copies the empty defaults each time."""

    issuer: str | None = None  # only once the caller JWT names a configured one
    subject: str | None = None  # only once verified
    rules: tuple[str, ...] = ()  # that decided a grant
    failed: Mapping[str, tuple[str, ...]] = {}  # rule by rule, the names of the conditions that failed
    cache: str | None = None  # hit, shared, miss, renewed, kept
    upstream_status: int | None = None  # api2's last status
    upstream_error: str | None = None  # api2's last error code
    mints: int = 0  # calls of api2's /token
    alarms: set[str] = set()
    assembly: AssemblyNotes | None = None  # of a request for an Assembly, or of a notification


class AuditRecord(Notes, frozen=True):  # type: ignore[misc] # mypy takes it for a dataclass, which could not
    """One request: the caller, its wishes, the deciding rules, the outcome. No secret, no token, no other claim."""

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
    scopes: tuple[str, ...] | None  # as requested; None: all that the policy gives
    aud: str | None
    credential: str | None
    granted_scopes: tuple[str, ...] | None  # of the token that was given
    token_sha256: str | None  # hex of SHA-256 over the bearer token's bytes
    token_expires_at: int | None  # seconds since the epoch
    milliseconds: float
    signing: SignatureNotes | None = None  # of a request for a signature


# Takes records. `wiring` makes the one that writes to CloudWatch.
Sink = Callable[[AuditRecord], None]


def make_fields(record: AuditRecord) -> dict[str, Any]:
    """The record as JSON members, cut to a size that a caller cannot choose.

    Each is one value: CloudWatch Logs Insights makes a field of every item of a list or an object, so that no query can
    name the whole. https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html
    """
    members = asdict(record)
    del members["signing"], members["assembly"]
    for name in ("subject", "aud", "credential"):
        if text := members[name]:
            members[name] = _cut(text)
    failed = [f"{_cut(rule)}: {_join(', ', names)}" for rule, names in record.failed.items() if names]
    members["scopes"] = _join(" ", record.scopes)
    members["rules"] = _join("; ", record.rules)
    members["failed"] = "; ".join(failed[:MAX_RULES])
    members["granted_scopes"] = _join(" ", record.granted_scopes)
    members["alarms"] = " ".join(sorted(record.alarms))
    if record.signing is not None:
        members |= _make_signature_fields(record.signing)
    if record.assembly is not None:
        members |= _make_assembly_fields(record.assembly)
    return members


def _make_signature_fields(notes: SignatureNotes) -> dict[str, Any]:
    """The members of a signature's record, of which those of a bearer token's have none."""
    ids, scopes = " ".join(notes.url_ids or ()) or None, _join(" ", notes.scopes)
    members = asdict(notes) | {"name": _cut(notes.name), "url_ids": ids, "scopes": scopes}
    return {f"signature_{name}": value for name, value in members.items() if value is not None}


def _make_assembly_fields(notes: AssemblyNotes) -> dict[str, Any]:
    """The members of an Assembly's record."""
    members = asdict(notes) | {"template": notes.template and _cut(notes.template)}
    return {f"assembly_{name}": value for name, value in members.items() if value is not None}


def _join(separator: str, names: tuple[str, ...] | None) -> str | None:
    return None if names is None else separator.join([_cut(name) for name in names[:MAX_ITEMS]])


def _cut(text: str) -> str:
    # A caller could hide its request by a claim that no UTF-8 can hold (half of a surrogate pair): the record must be
    # written whatever the claims are.
    text = text[:MAX_TEXT]
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def count_metrics(record: AuditRecord) -> dict[str, int]:
    """The metrics of a record: how often each thing happened in this request. What did not happen is left out."""
    counts = dict.fromkeys([*_name_outcome(record), *sorted(record.alarms)], 1)
    if record.cache == "hit":
        counts["CacheHit"] = 1
    if record.cache == "shared":
        counts["SharedHit"] = 1
    if record.signing is not None and record.status == 200:
        counts["Signed"] = 1
    if record.upstream_status == 429 or record.upstream_error == "RATE_LIMIT_REACHED":
        counts["UpstreamThrottled"] = 1
    if record.mints:
        counts["Mint"] = record.mints
    return counts


def _name_outcome(record: AuditRecord) -> list[str]:
    kind = _KINDS.get(record.status, "Refused" if record.status < 500 else "Fault")
    if record.assembly is None:
        return ["Exchange", kind]
    if record.assembly.source == "notification":
        # Anybody may send a notification. Strangers must not ring the alarms for callers who are refused, and api2
        # comes again after an answer that a caller would have to live with.
        return ["Notification"] if kind == "Granted" else ["Notification", f"Notification{kind}"]
    # An event comes again, and what is refused for good waits among the dead letters. An hour in which api2 throttles
    # events must not wake somebody, and a file that api2 cannot read is no fault of the broker.
    if kind in ("OverBudget", "Unavailable"):
        return ["Assembly", "AssemblyUnavailable"]
    names = {
        "Granted": [],
        "Refused": ["AssemblyRefused"],
        "Fault": ["Fault" if record.status == 500 else "AssemblyRefused"],
    }
    return ["Assembly", *names[kind]]


_KINDS = {200: "Granted", 429: "OverBudget", 503: "Unavailable"}
