"""The proof becomes a `Caller`, or is refused. No network before trust: the issuer must be a configured one first."""

import re
from collections.abc import Mapping
from typing import Any

from broker import jwt
from broker.audit import Notes
from broker.conditions import Condition
from broker.deadline import Clock
from broker.errors import AccessDenied, CallerRefused
from broker.jwk import Jwk
from broker.jwt import UnverifiedJwt
from broker.keys import KeySets
from broker.progress import Progress
from broker.request import IamProof, InvokeProof, Proof, ProofForm
from broker.values import Value

# Reserved names of issuers: callers who come without a JWT.
IAM, INVOKE = "aws-iam", "invoke"
_PRINCIPAL = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?:sts::(?P<a>[0-9]{12}):assumed-role/(?P<role>[\w+=,.@-]+)/(?P<session>[\w+=,.@-]+)"
    r"|iam::(?P<b>[0-9]{12}):user/(?P<path>(?:[\x21-\x2e\x30-\x7e]+/)*)(?P<user>[\w+=,.@-]+))",
    re.ASCII,
)

MAX_JTI = 256  # characters

_TYPES = frozenset({"jwt", "at+jwt"})  # RFC 7519 section 5.1, RFC 9068 section 2.1
# Bound to a key that was not shown (RFC 7800), or a logout token (OpenID Connect Back-Channel Logout 1.0).
_REFUSED_CLAIMS = frozenset({"cnf", "events"})
_ASSERTION_TYPES = _TYPES | {"client-authentication+jwt"}  # draft-ietf-oauth-rfc7523bis


class Issuer(Value, frozen=True):
    """One entry of the trust policy: whom to believe, and on what conditions. Times in seconds."""

    name: str
    issuer: str
    audiences: frozenset[str]
    algorithms: frozenset[str]
    inline_keys: tuple[Jwk, ...] | None
    keys_url: str | None
    max_age: float | None
    leeway: float
    require: tuple[Condition, ...]
    types: frozenset[str] | None
    audience_claim: str
    subject_claim: str
    once: bool


class Once(Value, frozen=True):
    """A JWT that is good once, by its issuer and `jti` (RFC 7519 section 4.1.7)."""

    issuer: str
    jti: str
    expires_at: float  # its `exp` and the leeway: until then it would be accepted again


class Caller(Value, frozen=True):
    """Who asks, verified. `entry` is the name of the issuer's entry in the policy."""

    hidden = ("claims",)

    entry: str
    issuer: str
    subject: str
    claims: Mapping[str, Any]
    once: Once | None = None  # where the issuer's entry says so


class Verifier:
    """Believes the configured issuers alone."""

    def __init__(self, issuers: Mapping[str, tuple[Issuer, ...]], keys: KeySets, clock: Clock) -> None:
        """`issuers`: the policy's entries by the exact `iss` that they accept."""
        self._issuers = issuers
        self._keys = keys
        self._clock = clock

    def identify(self, proof: Proof, progress: Progress) -> Caller:
        """The caller that the proof shows. Raises CallerRefused, or TemporarilyUnavailable when keys are out of reach.

        RFC 7519 section 7.2 and RFC 8725. All that can be refused without a key is refused before one is looked for.
        """
        try:
            token = jwt.parse(proof.jwt)
        except ValueError as error:
            # Its words are fixed, and quote nothing.
            raise CallerRefused(f"malformed JWT: {error}") from error
        entries = self._accepting(token, proof, progress.notes)
        self._keys.verify(entries[0], token, progress)
        return _caller(entries, token, progress.notes)

    def _accepting(self, token: UnverifiedJwt, proof: Proof, notes: Notes) -> list[Issuer]:
        """The entries that would accept this token if its signature is good."""
        issuer = token.claims.get("iss")
        entries = self._issuers.get(issuer) if isinstance(issuer, str) else None
        if not entries:
            raise CallerRefused("issuer is not configured")
        notes.issuer = issuer
        now = self._clock()
        problems = [problem(entry, token, proof, now) for entry in entries]
        accepting = [entry for entry, found in zip(entries, problems, strict=True) if found is None]
        if not accepting:
            raise CallerRefused("; ".join(dict.fromkeys(found for found in problems if found)))
        return accepting


class IamIdentifier:
    """Believes API Gateway's IAM authorizer, which is before this function alone."""

    def identify(self, proof: IamProof, progress: Progress) -> Caller:
        """The IAM principal. Raises AccessDenied for root and for what is neither a role nor a user.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
        """
        identity = proof.identity
        progress.notes.issuer = IAM
        arn = _PRINCIPAL.fullmatch(str(identity.get("userArn")))
        if arn is None:
            raise AccessDenied("neither a role nor a user")
        # A role's ARN as IAM has it, without the session, whose name its user chooses.
        kind, name = ("role", arn["role"]) if arn["role"] else ("user", arn["user"])
        account = arn["a"] or arn["b"]
        subject = f"arn:{arn['partition']}:iam::{account}:{kind}/{arn['path'] or ''}{name}"
        progress.notes.subject = subject
        claims = {
            "sub": subject,
            "account": account,
            "type": kind,
            kind: name,
            "principal_id": str(identity.get("userId")).partition(":")[0],
            "org_id": identity.get("principalOrgId"),
            "session": arn["session"],
            "cognito": identity.get("cognitoIdentity") is not None,
        }
        present = {claim: value for claim, value in claims.items() if value is not None}
        return Caller(IAM, IAM, subject, present)


class InvokeIdentifier:
    """Believes the template, which names who may invoke; nothing in the event."""

    def identify(self, proof: InvokeProof, progress: Progress) -> Caller:
        progress.notes.issuer, progress.notes.subject = INVOKE, proof.name
        return Caller(INVOKE, INVOKE, proof.name, {"sub": proof.name})


def _caller(entries: list[Issuer], token: UnverifiedJwt, notes: Notes) -> Caller:
    """The caller by the one entry whose requirements hold."""
    notes.subject = str(token.claims[entries[0].subject_claim])
    held = [entry for entry in entries if all(condition.holds(token.claims) for condition in entry.require)]
    if len(held) != 1:
        raise CallerRefused("the issuer's requirements" if not held else "more than one entry accepts this JWT")
    entry, claims = held[0], token.claims
    once = Once(entry.issuer, claims["jti"], claims["exp"] + entry.leeway) if entry.once else None
    return Caller(entry.name, entry.issuer, claims[entry.subject_claim], claims, once)


def problem(entry: Issuer, token: UnverifiedJwt, proof: Proof, now: float) -> str | None:
    """Why this entry does not accept the token, in fixed words; None if it does."""
    if token.algorithm not in entry.algorithms:
        return "algorithm"
    if not _type_fits(entry, token.header, proof):
        return "type"
    if not _REFUSED_CLAIMS.isdisjoint(token.claims):
        return "not meant as a bearer proof"
    subject = token.claims.get(entry.subject_claim)
    if not isinstance(subject, str) or not subject:
        return "no subject"
    if not _audience_fits(entry, token.claims, proof):
        return "audience"
    if proof.client_id not in (None, token.claims.get("sub")):
        return "client_id"
    if entry.once and not _is_jti(token.claims.get("jti")):
        return "jti"
    return _time_problem(entry, token.claims, now)


def _is_jti(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= MAX_JTI


def _type_fits(entry: Issuer, header: Mapping[str, Any], proof: Proof) -> bool:
    """A `typ` that is present must be an expected one (RFC 8725 section 3.11); an entry that names types demands it."""
    if "typ" not in header:
        return entry.types is None
    try:
        expected = _ASSERTION_TYPES if proof.form is ProofForm.CLIENT_ASSERTION else _TYPES
        return jwt.media_type(header["typ"]) in (entry.types or expected)
    except ValueError:
        return False


def _audience_fits(entry: Issuer, claims: Mapping[str, Any], proof: Proof) -> bool:
    """The audience claim names one of ours; an `aud` beside another audience claim must as well.

    A client assertion is for the broker itself and nobody else (draft-ietf-oauth-rfc7523bis section 4).
    """
    names = {entry.audience_claim} | ({"aud"} & claims.keys())
    if proof.form is ProofForm.CLIENT_ASSERTION:
        if _strings(claims.get("aud")) != [proof.audience]:
            return False
        # Another audience claim tells which client it is, so it counts in this form, too.
        names -= {"aud"}
    return all(not entry.audiences.isdisjoint(_strings(claims.get(name))) for name in names)


def _strings(value: Any) -> list[str]:
    """A string or an array of strings as a list (RFC 7519 section 4.1.3); empty for anything else."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    return []


def _time_problem(entry: Issuer, claims: Mapping[str, Any], now: float) -> str | None:
    """RFC 7519 sections 4.1.4 to 4.1.6, with the entry's leeway."""
    expires, issued, begins = (_number(claims.get(name)) for name in ("exp", "iat", "nbf"))
    if expires is None:
        return "no expiry"
    if any(name in claims and value is None for name, value in (("iat", issued), ("nbf", begins))):
        return "time is not a number"
    if now >= expires + entry.leeway:
        return "expired"
    if begins is not None and begins > now + entry.leeway:
        return "not yet valid"
    if issued is not None and issued > now + entry.leeway:
        return "issued in the future"
    if entry.max_age is not None and (issued is None or issued < now - entry.max_age - entry.leeway):
        return "too old"
    return None


def _number(value: Any) -> float | None:
    """A NumericDate; a bool is no number."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
