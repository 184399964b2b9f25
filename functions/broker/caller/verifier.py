"""The JWT of a proof becomes a `Caller`, or is refused. Nothing is fetched before the issuer is a configured one."""

from collections.abc import Mapping
from typing import Any

from broker.base.audit import Notes
from broker.base.deadline import Clock
from broker.base.errors import CallerRefused
from broker.base.progress import Progress
from broker.caller import jwt
from broker.caller.caller import Caller, Once
from broker.caller.jwt import UnverifiedJwt, VerifiedJwt
from broker.caller.keys import KeySets
from broker.policy.model import Issuer
from broker.request.proof import Proof, ProofForm

MAX_JTI = 256  # characters

_TYPES = frozenset({"jwt", "at+jwt"})  # RFC 7519 section 5.1, RFC 9068 section 2.1
_ASSERTION_TYPES = _TYPES | {"client-authentication+jwt"}  # draft-ietf-oauth-rfc7523bis
# A `cnf` binds the JWT to a key that was not shown (RFC 7800); `events` makes it a logout token (OpenID Connect
# Back-Channel Logout 1.0 section 2.4).
_REFUSED_CLAIMS = frozenset({"cnf", "events"})


class Verifier:
    """Verifies JWTs of the configured issuers, and of no others."""

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
        entries = self._find_accepting(token, proof, progress.notes)
        return _make_caller(entries, self._keys.verify(entries[0], token, progress), progress.notes)

    def _find_accepting(self, token: UnverifiedJwt, proof: Proof, notes: Notes) -> list[Issuer]:
        """The entries that would accept this token if its signature is good."""
        issuer = token.claims.get("iss")
        entries = self._issuers.get(issuer) if isinstance(issuer, str) else None
        if not entries:
            raise CallerRefused("issuer is not configured")
        notes.issuer = issuer
        now = self._clock()
        problems = [explain_refusal(entry, token, proof, now) for entry in entries]
        accepting = [entry for entry, found in zip(entries, problems, strict=True) if found is None]
        if not accepting:
            raise CallerRefused("; ".join(dict.fromkeys(found for found in problems if found)))
        return accepting


def _make_caller(entries: list[Issuer], verified: VerifiedJwt, notes: Notes) -> Caller:
    """The caller, by the single entry whose `require` conditions all hold."""
    claims = verified.claims
    notes.subject = str(claims[entries[0].subject_claim])
    held = [entry for entry in entries if all(condition.holds(claims) for condition in entry.require)]
    if len(held) != 1:
        raise CallerRefused("the issuer's requirements" if not held else "more than one entry accepts this JWT")
    entry = held[0]
    once = Once(entry.issuer, claims["jti"], claims["exp"] + entry.leeway) if entry.once else None
    return Caller(entry.name, entry.issuer, claims[entry.subject_claim], claims, once)


def explain_refusal(entry: Issuer, token: UnverifiedJwt, proof: Proof, now: float) -> str | None:
    """Why this entry does not accept the JWT, or None if it does.

    The reason goes to the audit record, before anything is verified: fixed words, which never quote the JWT.
    """
    if token.algorithm not in entry.algorithms:
        return "algorithm"
    if not _fits_type(entry, token.header, proof):
        return "type"
    if not _REFUSED_CLAIMS.isdisjoint(token.claims):
        return "not meant as a bearer proof"
    subject = token.claims.get(entry.subject_claim)
    if not isinstance(subject, str) or not subject:
        return "no subject"
    if not _fits_audience(entry, token.claims, proof):
        return "audience"
    if proof.client_id not in (None, token.claims.get("sub")):
        return "client_id"
    if entry.once and not _is_jti(token.claims.get("jti")):
        return "jti"
    return _explain_time(entry, token.claims, now)


def _is_jti(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= MAX_JTI


def _fits_type(entry: Issuer, header: Mapping[str, Any], proof: Proof) -> bool:
    """A `typ` that is present must be an expected one (RFC 8725 section 3.11); an entry that names types demands it."""
    if "typ" not in header:
        return entry.typ is None
    try:
        expected = _ASSERTION_TYPES if proof.form is ProofForm.CLIENT_ASSERTION else _TYPES
        return jwt.shorten_media_type(header["typ"]) in (entry.typ or expected)
    except ValueError:
        return False


def _fits_audience(entry: Issuer, claims: Mapping[str, Any], proof: Proof) -> bool:
    """The audience claim names one of ours; an `aud` beside another audience claim must as well.

    A client assertion is for the broker itself and nobody else (draft-ietf-oauth-rfc7523bis section 4).
    """
    names = {entry.audience_claim} | ({"aud"} & claims.keys())
    if proof.form is ProofForm.CLIENT_ASSERTION:
        if _list_strings(claims.get("aud")) != [proof.audience]:
            return False
        # Another audience claim tells which client it is, so it counts in this form, too.
        names -= {"aud"}
    return all(not entry.audiences.isdisjoint(_list_strings(claims.get(name))) for name in names)


def _list_strings(value: Any) -> list[str]:
    """A string or an array of strings as a list (RFC 7519 section 4.1.3); empty for anything else."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    return []


def _explain_time(entry: Issuer, claims: Mapping[str, Any], now: float) -> str | None:
    """RFC 7519 sections 4.1.4 to 4.1.6, with the entry's leeway."""
    expires, issued, begins = (_read_number(claims.get(name)) for name in ("exp", "iat", "nbf"))
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


def _read_number(value: Any) -> float | None:
    """A NumericDate; a bool is no number."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
