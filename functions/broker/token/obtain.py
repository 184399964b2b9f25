"""`obtain`: a bearer token for a grant. Here it is decided whether a new one is needed; `mint` makes it.

The order is memory, shared table, mint. They cannot be layers around one another: a renewal needs the held token when
it asks the shared table, and a refused credential empties memory and table from below.
"""

from typing import TYPE_CHECKING

from msgspec import field

from broker.base.errors import BrokerError
from broker.base.progress import Clock, Progress, jitter
from broker.base.single_flight import SingleFlight
from broker.base.values import Value
from broker.caller.caller import Caller
from broker.decision import Grant
from broker.token.bearer import BearerToken, CacheKey
from broker.token.credentials import Credential, Credentials
from broker.token.memory import TokenCache
from broker.token.mint import MIN_LEFT, Minter, Order

if TYPE_CHECKING:  # Loading its ciphers takes 6 ms, and deployments without a shared table do not need them.
    from broker.token.shared import SharedCache

RENEW_SHARE = 0.2  # of a token's life: when no more is left, one request renews it
RENEW_JITTER = 0.05  # of a token's life, by which renewals of environments differ
RENEW_RETRY = 30  # seconds from the start of a renewal to the next


class BearerTokens(Value, frozen=True):
    """The bearer tokens that this environment holds, and the way to new ones."""

    credentials: Credentials
    minter: Minter
    memory: TokenCache[CacheKey, BearerToken]
    shared: "SharedCache | None"  # between memory and mint, where the deployment has it
    clock: Clock
    flights: SingleFlight[BearerToken] = field(default_factory=SingleFlight)
    versions: dict[str, str] = field(default_factory=dict)  # by credential, the one of which memory has tokens

    def obtain(self, grant: Grant, caller: Caller, progress: Progress) -> BearerToken:
        """A token for this grant with at least MIN_LEFT seconds left. Raises a BrokerError."""
        order = Order(grant, caller, progress)
        credential = self.credentials.get(grant.credential, progress)
        self._drop_older_versions(credential)
        key, now = order.make_key(credential), self.clock()
        held = self.memory.get(key)
        if held is None or held.expires_at - now < MIN_LEFT:
            progress.notes.cache = "miss"
            # A request that named its scopes must not join a mint for one that named none: that one accepts a
            # narrower token. It must not get the error for a scope that only another request invented, either.
            flight = key, grant.by_name, grant.unlisted
            return self.flights.run(flight, lambda: self._find_or_mint(order, credential), progress.deadline.left())
        if self.memory.claim_renewal(key, now, now + RENEW_RETRY):
            return self._renew(order, credential, held)
        progress.notes.cache = "hit"
        return held

    def replace(self, refused: BearerToken, grant: Grant, caller: Caller, progress: Progress) -> BearerToken:
        """A new token in place of one that api2 refuses. Raises a BrokerError."""
        order = Order(grant, caller, progress)
        credential = self.credentials.get(grant.credential, progress)
        key = order.make_key(credential)
        held = self.memory.get(key)
        # Many requests may find out at once. One of them mints, and the others take its token.
        if held is not None and held is not refused:
            return held
        self.memory.drop(lambda each: each == key)
        flight = key, grant.by_name, grant.unlisted
        return self.flights.run(flight, lambda: self._mint_and_share(order, credential), progress.deadline.left())

    def _drop_older_versions(self, credential: Credential) -> None:
        """Drop what older versions have minted: a new version of the secret is the documented way to empty caches."""
        if self.versions.get(credential.name) != credential.version:
            self.memory.drop(lambda key: key.credential == credential.name and key.version != credential.version)
            self.versions[credential.name] = credential.version

    def _renew(self, order: Order, credential: Credential, held: BearerToken) -> BearerToken:
        """A new token, or the held one, which is still good, where no new one can be had now."""
        order.progress.notes.cache = "renewed"
        try:
            return self._find_or_mint(order, credential, held)
        except BrokerError:
            # If the mint failed because Transloadit refused the credential, the held token was dropped too.
            # Then it must not be handed out again.
            if self.memory.get(order.make_key(credential)) is None:
                raise
            order.progress.notes.cache = "kept"
            return held

    def _find_or_mint(self, order: Order, credential: Credential, held: BearerToken | None = None) -> BearerToken:
        """A token that another environment stored, or a minted one; or the held one while another renews it."""
        if self.shared is None:
            return self._mint(order, credential)
        key = order.make_key(credential)

        def fits(found: BearerToken) -> bool:
            is_newer = held is None or found.expires_at > held.expires_at
            return is_newer and found.expires_at - self.clock() >= MIN_LEFT

        with self.shared.use(credential, key.to_bytes(), order.progress) as entry:
            found = self.shared.find(entry, fits)
            if found is None:
                # Check the budget before taking the lease, so that a caller over budget does not make others wait.
                self.minter.check_budget(order)
                if held is None:
                    found = self.shared.wait(entry, fits)
                elif not self.shared.claim(entry):
                    order.progress.notes.cache = "hit"
                    return held
            if found is not None:
                order.progress.notes.cache = "shared"
                self._keep(key, found)
                return found
            token = self._mint(order, credential)
            # Not in memory: a token narrower than the grant, which other requests must not get, or one that a newer
            # version of the credential minted, which has another key.
            if self.memory.get(key) is token:
                self.shared.store(entry, token)
            return token

    def _mint_and_share(self, order: Order, credential: Credential) -> BearerToken:
        """A minted token, also where the table has one: that one is refused."""
        token, key = self._mint(order, credential), order.make_key(credential)
        if self.shared is not None and self.memory.get(key) is token:
            # Else each new environment would find the refused one, and mint as well, for as long as its row lives.
            with self.shared.use(credential, key.to_bytes(), order.progress) as entry:
                self.shared.store(entry, token)
        return token

    def _mint(self, order: Order, credential: Credential) -> BearerToken:
        new = self.minter.mint(order, credential)
        if not new.is_narrower:
            self._keep(order.make_key(new.credential), new.token)
        return new.token

    def _keep(self, key: CacheKey, token: BearerToken) -> None:
        # Environments that got the token at the same time would renew it at the same time, hence the jitter.
        share = RENEW_SHARE - RENEW_JITTER * jitter()
        self.memory.put(key, token, token.expires_at - share * (token.expires_at - token.minted_at))
