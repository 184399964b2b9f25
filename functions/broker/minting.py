"""`obtain`: a bearer token for a grant, from the cache or newly minted. The only module that makes a `BearerToken`."""

import os
from typing import TYPE_CHECKING

from broker.audit import Notes, token_hash
from broker.budget import MintBudget
from broker.cache import TokenCache
from broker.caller import Caller
from broker.credentials import Credential, Credentials
from broker.deadline import Clock
from broker.errors import BrokerError, InvalidScope, UpstreamRefused
from broker.flight import SingleFlight
from broker.framing import framed
from broker.policy import ALL, Grant, Scopes
from broker.progress import Progress
from broker.transloadit import CredentialRefused, Minted, ScopeRefused, TokenEndpoint
from broker.values import Value

if TYPE_CHECKING:  # its ciphers cost start-up, which nobody pays who has no shared table
    from broker.sealing import Opened
    from broker.shared_cache import SharedCache

MIN_LEFT = 5 * 60  # seconds that a token handed out still has
RENEW_SHARE = 0.2  # of its life left: then one caller renews it
RENEW_JITTER = 0.05  # of its life, so that environments do not renew together
RENEW_RETRY = 30  # seconds from a renewal's start to the next try


class BearerToken(Value, frozen=True):
    """Times in seconds since the epoch. `minted_at`: before the mint; `expires_at` is counted from it."""

    hidden = ("secret",)

    secret: str
    scopes: frozenset[str]
    minted_at: float
    expires_at: float
    sha256: str


class CacheKey(Value, frozen=True):
    """All that is sent upstream; and the caller, where the grant says `share: caller`."""

    credential: str
    version: str
    scopes: Scopes
    aud: str
    caller: tuple[str, str] | None

    def canonical(self) -> bytes:
        """The same bytes for the same key, and for no other."""
        scopes = [b"all"] if self.scopes is ALL else [b"these", *(scope.encode() for scope in sorted(self.scopes))]
        caller = [b"any"] if self.caller is None else [b"one", *(name.encode() for name in self.caller)]
        credential, version, aud = (text.encode() for text in (self.credential, self.version, self.aud))
        return framed(credential, version, framed(*scopes), aud, framed(*caller))


class _Order(Value, frozen=True):
    """What one request wants a token for."""

    grant: Grant
    caller: Caller
    progress: Progress

    def key(self, credential: Credential) -> CacheKey:
        own = (self.caller.entry, self.caller.subject) if self.grant.for_each_caller else None
        return CacheKey(credential.name, credential.version, self.grant.scopes, self.grant.aud, own)


class Minter:
    def __init__(
        self,
        credentials: Credentials,
        endpoint: TokenEndpoint,
        cache: TokenCache[CacheKey, BearerToken],
        budget: MintBudget,
        clock: Clock,
        shared: "SharedCache | None" = None,
    ) -> None:
        """`shared`: between the memory cache and the mint, where the deployment has it."""
        self._credentials = credentials
        self._endpoint = endpoint
        self._cache = cache
        self._budget = budget
        self._clock = clock
        self._shared = shared
        self._flights = SingleFlight[BearerToken]()
        self._versions: dict[str, str] = {}

    def obtain(self, grant: Grant, caller: Caller, progress: Progress) -> BearerToken:
        """A token for this grant with at least MIN_LEFT seconds left. Raises a BrokerError."""
        order = _Order(grant, caller, progress)
        credential = self._credentials.current(grant.credential, progress)
        if self._versions.get(credential.name) != credential.version:
            # A new version of the secret empties the cache: the documented flush.
            self._cache.drop(lambda key: key.credential == credential.name and key.version != credential.version)
            self._versions[credential.name] = credential.version
        key, now = order.key(credential), self._clock()
        held = self._cache.get(key)
        if held is None or held.expires_at - now < MIN_LEFT:
            progress.notes.cache = "miss"
            # Who named no scopes may get a narrower token; who named them may not share it, nor its errors.
            flight = key, grant.by_name, grant.unlisted
            return self._flights.run(flight, lambda: self._new(order, credential, None), progress.deadline.left())
        if self._cache.claim_renewal(key, now, now + RENEW_RETRY):
            return self._renew(order, credential, held)
        progress.notes.cache = "hit"
        return held

    def _renew(self, order: _Order, credential: Credential, held: BearerToken) -> BearerToken:
        """A new token, or the held one where none can be had just now."""
        order.progress.notes.cache = "renewed"
        try:
            return self._new(order, credential, held)
        except BrokerError:
            # Gone from the cache: Transloadit refused its credential, so it is not handed out again.
            if self._cache.get(order.key(credential)) is None:
                raise
            order.progress.notes.cache = "kept"
            return held

    def _new(self, order: _Order, credential: Credential, held: BearerToken | None) -> BearerToken:
        """A token that another environment left, or a minted one; or the held one while another renews it."""
        if self._shared is None:
            return self._mint(order, credential)
        key = order.key(credential)

        def fits(found: "Opened") -> bool:
            is_newer = held is None or found.expires_at > held.expires_at
            return is_newer and found.expires_at - self._clock() >= MIN_LEFT

        with self._shared.turn(credential, key.canonical(), order.progress) as turn:
            found = turn.find(fits)
            if found is None:
                # Who is over budget holds nobody up by a lease.
                self._budget.check(_payer(order), credential.name)
                if held is None:
                    found = turn.wait(fits)
                elif not turn.claim():
                    order.progress.notes.cache = "hit"
                    return held
            if found is not None:
                order.progress.notes.cache = "shared"
                return self._keep(key, _bearer(found))
            token = self._mint(order, credential)
            if self._cache.get(key) is token:  # not a narrower one, nor one of another version
                turn.leave(token)
            return token

    def _mint(self, order: _Order, credential: Credential) -> BearerToken:
        """A new token, kept for the next. A refused credential is read afresh once, and tried again only if new."""
        self._budget.take(_payer(order), credential.name)
        usable = self._not_refused(order, credential)
        try:
            return self._ask(order, usable)
        except CredentialRefused:
            self._refuse(order, usable)
        usable = self._not_refused(order, usable)
        try:
            return self._ask(order, usable)
        except CredentialRefused:
            self._refuse(order, usable)
            order.progress.notes.alarms.add("CredentialRefused")
            raise UpstreamRefused("Transloadit refuses two versions of the credential") from None

    def _not_refused(self, order: _Order, credential: Credential) -> Credential:
        """This version, or a newer one in its place if Transloadit has refused it."""
        if self._credentials.is_refused(credential):
            credential = self._credentials.fresh(credential.name, order.progress.deadline)
            if self._credentials.is_refused(credential):
                order.progress.notes.alarms.add("CredentialRefused")
                raise UpstreamRefused("Transloadit refuses the credential")
        return credential

    def _refuse(self, order: _Order, credential: Credential) -> None:
        self._credentials.refuse(credential)
        self._cache.drop(lambda key: (key.credential, key.version) == (credential.name, credential.version))
        if self._shared is not None:
            self._shared.refuse(credential, order.progress)

    def _ask(self, order: _Order, credential: Credential) -> BearerToken:
        grant, asked_at = order.grant, self._clock()
        scope = None if grant.scopes is ALL else " ".join(sorted(grant.scopes))
        if scope == "":
            raise AssertionError("a grant without scopes would ask for all of them")
        try:
            minted = self._endpoint.mint(credential, scope, grant.aud, order.progress)
        except ScopeRefused as refusal:
            if grant.unlisted:  # the caller's own invention, and no fault of policy or Auth Key
                raise InvalidScope("Transloadit refuses a scope that no rule names") from refusal
            raise UpstreamRefused("Transloadit refused what the policy grants") from refusal
        if minted.lifetime < MIN_LEFT:
            raise UpstreamRefused("nonsense: expires_in")
        is_narrower = _compare(grant, minted, order.progress.notes)
        expires_at = asked_at + minted.lifetime
        token = BearerToken(minted.token, minted.scopes, asked_at, expires_at, token_hash(minted.token))
        return token if is_narrower else self._keep(order.key(credential), token)

    def _keep(self, key: CacheKey, token: BearerToken) -> BearerToken:
        share = RENEW_SHARE - RENEW_JITTER * int.from_bytes(os.urandom(2)) / 2**16
        self._cache.put(key, token, token.expires_at - share * (token.expires_at - token.minted_at))
        return token


def _payer(order: _Order) -> tuple[str, str]:
    """Whose mint budget it is."""
    return order.caller.issuer, order.caller.subject


def _bearer(found: "Opened") -> BearerToken:
    return BearerToken(found.secret, found.scopes, found.minted_at, found.expires_at, token_hash(found.secret))


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
