"""`obtain`: a bearer token for a grant. Here it is decided whether a new one is needed; `mint` makes it.

The order is memory, shared table, mint. They cannot be layers around one another: a renewal needs the held token when
it asks the shared table, and a refused credential empties memory and table from below.
"""

from typing import TYPE_CHECKING

from broker.base.errors import BrokerError
from broker.base.progress import Clock, Progress, jitter
from broker.base.single_flight import SingleFlight
from broker.caller.caller import Caller
from broker.decision import Grant
from broker.token.bearer import BearerToken, CacheKey
from broker.token.credentials import Credential, Credentials
from broker.token.memory import TokenCache
from broker.token.mint import MIN_LEFT, Minter, Order

if TYPE_CHECKING:  # Loading its ciphers takes 6 ms, and deployments without a shared table do not need them.
    from broker.token.shared import SharedCache

RENEW_SHARE = 0.2  # of its life left: then one caller renews it
RENEW_JITTER = 0.05  # of its life, so that environments do not renew together
RENEW_RETRY = 30  # seconds from a renewal's start to the next try


class BearerTokens:
    """Bearer tokens of this environment."""

    def __init__(
        self,
        credentials: Credentials,
        minter: Minter,
        memory: TokenCache[CacheKey, BearerToken],
        shared: "SharedCache | None",
        clock: Clock,
    ) -> None:
        """`shared`: between the memory cache and the mint, where the deployment has it."""
        self._credentials = credentials
        self._minter = minter
        self._memory = memory
        self._shared = shared
        self._clock = clock
        self._flights = SingleFlight[BearerToken]()
        self._versions: dict[str, str] = {}

    def obtain(self, grant: Grant, caller: Caller, progress: Progress) -> BearerToken:
        """A token for this grant with at least MIN_LEFT seconds left. Raises a BrokerError."""
        order = Order(grant, caller, progress)
        credential = self._credentials.current(grant.credential, progress)
        self._drop_older_versions(credential)
        key, now = order.key(credential), self._clock()
        held = self._memory.get(key)
        if held is None or held.expires_at - now < MIN_LEFT:
            progress.notes.cache = "miss"
            # A request that named its scopes must not join a mint for one that named none: that one accepts a
            # narrower token. Nor may it share the error for a scope that only the other one invented.
            flight = key, grant.by_name, grant.unlisted
            return self._flights.run(flight, lambda: self._find_or_mint(order, credential), progress.deadline.left())
        if self._memory.claim_renewal(key, now, now + RENEW_RETRY):
            return self._renew(order, credential, held)
        progress.notes.cache = "hit"
        return held

    def _drop_older_versions(self, credential: Credential) -> None:
        """A new version of the secret empties the cache: this is the documented flush."""
        if self._versions.get(credential.name) != credential.version:
            self._memory.drop(lambda key: key.credential == credential.name and key.version != credential.version)
            self._versions[credential.name] = credential.version

    def _renew(self, order: Order, credential: Credential, held: BearerToken) -> BearerToken:
        """A new token, or the held one where none can be had just now."""
        order.progress.notes.cache = "renewed"
        try:
            return self._find_or_mint(order, credential, held)
        except BrokerError:
            # If the mint failed because Transloadit refused the credential, the held token was dropped too.
            # Then it must not be handed out again.
            if self._memory.get(order.key(credential)) is None:
                raise
            order.progress.notes.cache = "kept"
            return held

    def _find_or_mint(self, order: Order, credential: Credential, held: BearerToken | None = None) -> BearerToken:
        """A token that another environment left, or a minted one; or the held one while another renews it."""
        if self._shared is None:
            return self._mint(order, credential)
        key = order.key(credential)

        def fits(found: BearerToken) -> bool:
            is_newer = held is None or found.expires_at > held.expires_at
            return is_newer and found.expires_at - self._clock() >= MIN_LEFT

        with self._shared.turn(credential, key.canonical(), order.progress) as turn:
            found = turn.find(fits)
            if found is None:
                # The budget comes before the lease, so that a caller over budget does not make others wait.
                self._minter.check_budget(order)
                if held is None:
                    found = turn.wait(fits)
                elif not turn.claim():
                    order.progress.notes.cache = "hit"
                    return held
            if found is not None:
                order.progress.notes.cache = "shared"
                self._keep(key, found)
                return found
            token = self._mint(order, credential)
            if self._memory.get(key) is token:  # neither a narrower token, nor one of a newer version
                turn.leave(token)
            return token

    def _mint(self, order: Order, credential: Credential) -> BearerToken:
        new = self._minter.mint(order, credential)
        if not new.is_narrower:
            self._keep(order.key(new.credential), new.token)
        return new.token

    def _keep(self, key: CacheKey, token: BearerToken) -> None:
        share = RENEW_SHARE - RENEW_JITTER * jitter()
        self._memory.put(key, token, token.expires_at - share * (token.expires_at - token.minted_at))
