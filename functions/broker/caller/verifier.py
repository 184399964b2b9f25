"""The JWT of a proof becomes a `Caller`, or is refused. Nothing is fetched before the issuer is a configured one."""

from collections.abc import Mapping
from typing import Any

from broker.base.audit import Notes
from broker.base.errors import CallerRefused
from broker.base.progress import Clock, Progress
from broker.caller import jwt
from broker.caller.caller import Caller, Once
from broker.caller.jwt import UnverifiedJwt, VerifiedJwt
from broker.caller.keys import KeySets
from broker.policy.model import Issuer
from broker.request.proof import Proof, ProofForm

MAX_JTI = 256  # characters

_TYPES = frozenset({"jwt", "at+jwt"})  # RFC 7519 section 5.1, RFC 9068 section 2.1
_ASSERTION_TYPES = _TYPES | {"client-authentication+jwt"}  # draft-ietf-oauth-rfc7523bis
# A JWT with `cnf` is good only together with a key, of which the sender has shown no possession (RFC 7800): a thief of
# the JWT alone could use it. A JWT with `events` tells of a logout (OpenID Connect Back-Channel Logout 1.0 section 2.4)
# and goes to every application that the user had open: no proof that the user asks for anything.
_REFUSED_CLAIMS = frozenset({"cnf", "events"})


class Verifier:
    """Verifies JWTs of the configured issuers, and of no others."""

    def __init__(self, issuers: Mapping[str, tuple[Issuer, ...]], keys: KeySets, clock: Clock) -> None:
        """`issuers`: the policy's entries by the exact `iss` that they accept."""
        self._issuers = issuers
        self._keys = keys
        self._clock = clock

    def identify(self, proof: Proof, progress: Progress) -> Caller:
        """The caller that the proof shows (RFC 7519 section 7.2, RFC 8725).

        Raises CallerRefused, or TemporarilyUnavailable if the issuer's keys are out of reach.
        """
        try:
            unverified = jwt.parse(proof.jwt)
        except ValueError as error:
            raise CallerRefused(f"malformed JWT: {error}") from error
        # Refuse whatever can be refused without a key before a key is looked for: an expired JWT, or one for another
        # service, must not cause a fetch.
        entries = self._find_accepting(unverified, proof, progress.notes)
        return _make_caller(entries, self._keys.verify(entries[0], unverified, progress), progress.notes)

    def _find_accepting(self, unverified: UnverifiedJwt, proof: Proof, notes: Notes) -> list[Issuer]:
        """The entries that accept this JWT if its signature is good. Raises CallerRefused if there is none."""
        issuer = unverified.claims.get("iss")
        # The sender of a JWT chooses its `iss`. Fetching keys from there let strangers choose the broker's next request
        # (CVE-2025-52477), and comparing by prefix or substring let `https://ci.example@evil` pass (CVE-2026-14336,
        # CVE-2024-53861). So only an issuer of the policy counts, equal byte for byte.
        entries = self._issuers.get(issuer) if isinstance(issuer, str) else None
        if not entries:
            raise CallerRefused("issuer is not configured")
        notes.issuer = issuer
        now = self._clock()
        problems = {entry.name: explain_refusal(entry, unverified, proof, now) for entry in entries}
        accepting = [entry for entry in entries if problems[entry.name] is None]
        if not accepting:
            raise CallerRefused("; ".join(dict.fromkeys(filter(None, problems.values()))))
        return accepting


def _make_caller(entries: list[Issuer], verified: VerifiedJwt, notes: Notes) -> Caller:
    """The caller, by the single entry whose `require` conditions all hold."""
    claims = verified.claims
    notes.subject = str(claims[entries[0].subject_claim])
    held = [entry for entry in entries if all(condition.holds(claims) for condition in entry.require)]
    # Taking the first of several entries would make their order in the file decide what a caller may do.
    if len(held) != 1:
        raise CallerRefused("more than one entry accepts this JWT" if held else "the issuer's requirements")
    entry = held[0]
    once = Once(entry.issuer, claims["jti"], claims["exp"] + entry.leeway) if entry.once else None
    return Caller(entry.name, entry.issuer, claims[entry.subject_claim], claims, once)


def explain_refusal(entry: Issuer, unverified: UnverifiedJwt, proof: Proof, now: float) -> str | None:
    """The reason why this entry does not accept the JWT, or None if it does. `now`: seconds since the epoch.

    Callers get one answer for all reasons (CVE-2026-105770). The reason goes to the audit record, and nothing is
    verified yet: it is made of fixed words, and must never quote the JWT.
    """
    # The policy says which algorithms count, not the JWT (RFC 8725 section 3.1): so `none` is never one.
    if unverified.algorithm not in entry.algorithms:
        return "algorithm"
    if not _fits_type(entry, unverified.header, proof):
        return "type"
    if not _REFUSED_CLAIMS.isdisjoint(unverified.claims):
        return "not meant as a bearer proof"
    subject = unverified.claims.get(entry.subject_claim)
    if not isinstance(subject, str) or not subject:
        return "no subject"
    if not _fits_audience(entry, unverified.claims, proof):
        return "audience"
    # A `client_id` beside the assertion names the same client, or one of the two was swapped (RFC 7521 section 4.2).
    if proof.client_id not in (None, unverified.claims.get("sub")):
        return "client_id"
    # Replay control remembers a JWT by its `jti`, so a JWT without one, or with a huge one, would escape it.
    jti = unverified.claims.get("jti")
    if entry.once and not (isinstance(jti, str) and 1 <= len(jti) <= MAX_JTI):
        return "jti"
    return _explain_time(entry, unverified.claims, now)


def _fits_type(entry: Issuer, header: Mapping[str, Any], proof: Proof) -> bool:
    """Whether the JWT's `typ` is an expected one. An entry that names types demands one of them."""
    # An issuer signs many kinds of JWTs with one key (logout tokens, security events, receipts). Without this check one
    # kind passes for another (RFC 8725 sections 2.8 and 3.11).
    if "typ" not in header:
        return entry.typ is None
    try:
        expected = _ASSERTION_TYPES if proof.form is ProofForm.CLIENT_ASSERTION else _TYPES
        typ = jwt.shorten_media_type(header["typ"])
        return typ in (entry.typ or expected) and typ not in proof.refused_types
    except ValueError:
        return False


def _fits_audience(entry: Issuer, claims: Mapping[str, Any], proof: Proof) -> bool:
    """Whether the JWT is meant for this broker."""
    # A service that gets a JWT for itself could pass it on to the broker, and would be taken for its owner. So the
    # audience claim must name one of the entry's audiences, and an `aud` beside another audience claim must as well.
    names = {entry.audience_claim} | ({"aud"} & claims.keys())
    if proof.form is ProofForm.CLIENT_ASSERTION:
        # A client assertion with a second audience could be replayed by that audience's owner: the broker alone must be
        # in its `aud` (draft-ietf-oauth-rfc7523bis section 4).
        if _list_strings(claims.get("aud")) != [proof.audience]:
            return False
        # A separate audience claim (such as `client_id`) must match for client assertions as well.
        names -= {"aud"}
    return all(not entry.audiences.isdisjoint(_list_strings(claims.get(name))) for name in names)


def _list_strings(value: Any) -> list[str]:
    """A string, or an array of strings, as a list (RFC 7519 section 4.1.3). Empty for anything else."""
    # One form that is checked otherwise than the other let JWTs of other audiences in (GO-2024-2921).
    values = [value] if isinstance(value, str) else value
    return values if isinstance(values, list) and all(isinstance(item, str) for item in values) else []


def _explain_time(entry: Issuer, claims: Mapping[str, Any], now: float) -> str | None:
    """The reason why the JWT is not valid now, or None (RFC 7519 sections 4.1.4 to 4.1.6).

    Clocks differ, so `entry.leeway` seconds are granted at either end.
    """
    # A stolen JWT without an end would be good for ever.
    expires, issued, begins = (_read_number(claims.get(name)) for name in ("exp", "iat", "nbf"))
    if expires is None:
        return "no expiry"
    # A time that cannot be read must not count as a time that is not there.
    if (issued is None and "iat" in claims) or (begins is None and "nbf" in claims):
        return "time is not a number"
    if now >= expires + entry.leeway:
        return "expired"
    if begins is not None and begins > now + entry.leeway:
        return "not yet valid"
    # Made ahead, to be used after its maker has lost the key or the right to it.
    if issued is not None and issued > now + entry.leeway:
        return "issued in the future"
    if entry.max_age is not None and (issued is None or issued < now - entry.max_age - entry.leeway):
        return "too old"
    return None


def _read_number(value: Any) -> float | None:
    """A NumericDate (RFC 7519 section 2). `true` is none, though Python counts it as 1."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
