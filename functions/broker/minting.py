"""`obtain`: a bearer token for a grant, from the cache or newly minted. The only module that makes a `BearerToken`."""

import os

from broker.audit import Notes, token_hash
from broker.budget import MintBudget
from broker.cache import TokenCache
from broker.caller import Caller
from broker.credentials import Credential, Credentials
from broker.deadline import Clock, Deadline
from broker.errors import BrokerError, UpstreamRefused
from broker.flight import SingleFlight
from broker.policy import ALL, Grant, Scopes
from broker.transloadit import CredentialRefused, Minted, TokenEndpoint
from broker.values import Value

MIN_LEFT = 5 * 60  # seconds that a token handed out still has
RENEW_SHARE = 0.2  # of its life left: then one caller renews it
RENEW_JITTER = 0.05  # of its life, so that environments do not renew together
RENEW_RETRY = 30  # seconds from a renewal's start to the next try


class BearerToken(Value, frozen=True):
    """`expires_at` in seconds since the epoch, counted from before the mint."""

    hidden = ("secret",)

    secret: str
    scopes: frozenset[str]
    expires_at: float
    sha256: str


class CacheKey(Value, frozen=True):
    """All that is sent upstream; and the caller, where the grant says `share: caller`."""

    credential: str
    version: str
    scopes: Scopes
    aud: str
    caller: tuple[str, str] | None


class Minter:
    def __init__(
        self,
        credentials: Credentials,
        endpoint: TokenEndpoint,
        cache: TokenCache[CacheKey, BearerToken],
        budget: MintBudget,
        clock: Clock,
    ) -> None:
        self._credentials = credentials
        self._endpoint = endpoint
        self._cache = cache
        self._budget = budget
        self._clock = clock
        self._flights = SingleFlight[BearerToken]()
        self._versions: dict[str, str] = {}

    def obtain(self, grant: Grant, caller: Caller, deadline: Deadline, notes: Notes) -> BearerToken:
        """A token for this grant with at least MIN_LEFT seconds left. Raises a BrokerError."""
        credential = self._credentials.current(grant.credential, deadline, notes)
        if self._versions.get(credential.name) != credential.version:
            # A new version of the secret empties the cache: the documented flush.
            self._cache.drop(lambda key: key.credential == credential.name and key.version != credential.version)
            self._versions[credential.name] = credential.version
        key = _key(grant, caller, credential)
        now = self._clock()
        held = self._cache.get(key)
        if held is None or held.expires_at - now < MIN_LEFT:
            notes.cache = "miss"
            # Who named no scopes may get a narrower token; who named them may not share it.
            token = self._flights.run(
                (key, grant.by_name),
                lambda: self._mint(grant, caller, credential, deadline, notes),
                deadline.left(),
            )
        elif self._cache.claim_renewal(key, now, now + RENEW_RETRY):
            token = self._renew(held, grant, caller, credential, deadline, notes)
        else:
            notes.cache = "hit"
            token = held
        notes.token_sha256 = token.sha256
        return token

    def _renew(
        self, held: BearerToken, grant: Grant, caller: Caller, credential: Credential, deadline: Deadline, notes: Notes
    ) -> BearerToken:
        """A new token, or the held one where none can be had just now."""
        notes.cache = "renewed"
        try:
            return self._mint(grant, caller, credential, deadline, notes)
        except BrokerError:
            # Gone from the cache: Transloadit refused its credential, so it is not handed out again.
            if self._cache.get(_key(grant, caller, credential)) is None:
                raise
            notes.cache = "kept"
            return held

    def _mint(
        self, grant: Grant, caller: Caller, credential: Credential, deadline: Deadline, notes: Notes
    ) -> BearerToken:
        """A new token, kept for the next. A refused credential is read afresh once, and tried again only if new."""
        self._budget.take((caller.issuer, caller.subject), credential.name)
        usable = self._not_refused(credential, deadline, notes)
        try:
            return self._ask(grant, caller, usable, deadline, notes)
        except CredentialRefused:
            self._refuse(usable)
        usable = self._not_refused(usable, deadline, notes)
        try:
            return self._ask(grant, caller, usable, deadline, notes)
        except CredentialRefused:
            self._refuse(usable)
            notes.alarms.add("CredentialRefused")
            raise UpstreamRefused("Transloadit refuses two versions of the credential") from None

    def _not_refused(self, credential: Credential, deadline: Deadline, notes: Notes) -> Credential:
        """This version, or a newer one in its place if Transloadit has refused it."""
        if self._credentials.is_refused(credential):
            credential = self._credentials.fresh(credential.name, deadline)
            if self._credentials.is_refused(credential):
                notes.alarms.add("CredentialRefused")
                raise UpstreamRefused("Transloadit refuses the credential")
        return credential

    def _refuse(self, credential: Credential) -> None:
        self._credentials.refuse(credential)
        self._cache.drop(lambda key: (key.credential, key.version) == (credential.name, credential.version))

    def _ask(
        self, grant: Grant, caller: Caller, credential: Credential, deadline: Deadline, notes: Notes
    ) -> BearerToken:
        asked_at = self._clock()
        scope = None if grant.scopes is ALL else " ".join(sorted(grant.scopes))
        if scope == "":
            raise AssertionError("a grant without scopes would ask for all of them")
        minted = self._endpoint.mint(credential, scope, grant.aud, deadline, notes)
        if minted.lifetime < MIN_LEFT:
            raise UpstreamRefused("nonsense: expires_in")
        is_narrower = _compare(grant, minted, notes)
        token = BearerToken(minted.token, minted.scopes, asked_at + minted.lifetime, token_hash(minted.token))
        if not is_narrower:
            share = RENEW_SHARE - RENEW_JITTER * int.from_bytes(os.urandom(2)) / 2**16
            self._cache.put(_key(grant, caller, credential), token, token.expires_at - share * minted.lifetime)
        return token


def _key(grant: Grant, caller: Caller, credential: Credential) -> CacheKey:
    own = (caller.entry, caller.subject) if grant.for_each_caller else None
    return CacheKey(credential.name, credential.version, grant.scopes, grant.aud, own)


def _compare(grant: Grant, minted: Minted, notes: Notes) -> bool:
    """Whether the token is narrower than asked. Raises UpstreamRefused if wider, or narrower than asked by name."""
    if grant.scopes is ALL:
        return False
    if any(not _covers(grant.scopes, scope) for scope in minted.scopes):
        notes.alarms.add("ScopeMismatch")
        raise UpstreamRefused("Transloadit returned wider scopes than asked")
    is_narrower = any(not _is_met(scope, minted.scopes) for scope in grant.scopes)
    if is_narrower:
        notes.alarms.add("ScopeMismatch")
        if grant.by_name:
            raise UpstreamRefused("Transloadit returned narrower scopes than asked")
    return is_narrower


def _covers(asked: frozenset[str], scope: str) -> bool:
    """Whether a scope is among those asked, or under a coarse one that was: `read` is all reads, `write` all writes."""
    return scope in asked or scope.rpartition(":")[2] in asked & {"read", "write"}


def _is_met(asked: str, scopes: frozenset[str]) -> bool:
    """Whether a scope was given, or a coarse one was given as the scopes that it stands for."""
    return asked in scopes or (asked in {"read", "write"} and any(scope.endswith(f":{asked}") for scope in scopes))
