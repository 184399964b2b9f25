"""Makes one new bearer token for a grant: within the budget, by a credential that is not refused, of the right scopes.

The only module that makes a `BearerToken`.
"""

from typing import TYPE_CHECKING

from broker.base.errors import InvalidScope, UpstreamRefused
from broker.base.progress import Clock, Progress
from broker.base.values import Value
from broker.caller.caller import Caller
from broker.decision import Grant
from broker.policy.model import ALL
from broker.token.bearer import BearerToken, CacheKey
from broker.token.budget import MintBudget
from broker.token.credentials import Credential, Credentials
from broker.token.memory import TokenCache
from broker.token.transloadit import CredentialRefused, Minted, ScopeRefused, TokenEndpoint

if TYPE_CHECKING:  # Loading its ciphers takes 6 ms, and deployments without a shared table do not need them.
    from broker.token.shared import SharedCache

MIN_LEFT = 5 * 60  # seconds that a token handed out still has


class Order(Value, frozen=True):
    """One request for a token: what is granted, and to whom."""

    grant: Grant
    caller: Caller
    progress: Progress

    @property
    def payer(self) -> tuple[str, str]:
        """The caller whose mint budget pays."""
        return self.caller.issuer, self.caller.subject

    def make_key(self, credential: Credential) -> CacheKey:
        """The key of this order's token, if this version of the credential mints it."""
        own = (self.caller.entry, self.caller.subject) if self.grant.for_each_caller else None
        return CacheKey(credential.name, credential.version, self.grant.scopes, self.grant.aud, own)


class NewToken(Value, frozen=True):
    """A minted token, and the version of the credential that minted it, which may be newer than the one asked for.

    A token that `is_narrower` than its grant answers the one request for which it was minted, and is not kept.
    """

    hidden = ("token",)

    token: BearerToken
    credential: Credential
    is_narrower: bool


class Minter(Value, frozen=True):
    """Makes new tokens, and drops what a refused credential has minted from the caches."""

    credentials: Credentials
    endpoint: TokenEndpoint
    budget: MintBudget
    memory: TokenCache[CacheKey, BearerToken]  # this one and the next: where tokens of a refused credential are dropped
    shared: "SharedCache | None"
    clock: Clock

    def check_budget(self, order: Order) -> None:
        """Raises OverBudget where `mint` would."""
        self.budget.check(order.payer, order.grant.credential)

    def mint(self, order: Order, credential: Credential) -> NewToken:
        """A new token. A refused credential is read afresh once, and tried again only if there is a new version.

        Raises OverBudget, UpstreamRefused, InvalidScope, TemporarilyUnavailable or BrokerFault.
        """
        self.budget.take(order.payer, credential.name)
        for _ in range(2):
            credential = self._replace_refused(order, credential)
            try:
                return self._ask(order, credential)
            except CredentialRefused:
                self._refuse(order, credential)
        order.progress.notes.alarms.add("CredentialRefused")
        raise UpstreamRefused("Transloadit refuses two versions of the credential")

    def _replace_refused(self, order: Order, credential: Credential) -> Credential:
        """This version, or a newer one in its place if Transloadit has refused it."""
        if self.credentials.is_refused(credential):
            credential = self.credentials.read(credential.name, order.progress.deadline)
            if self.credentials.is_refused(credential):
                order.progress.notes.alarms.add("CredentialRefused")
                raise UpstreamRefused("Transloadit refuses the credential")
        return credential

    def _refuse(self, order: Order, credential: Credential) -> None:
        self.credentials.refuse(credential)
        # An Auth Key that Transloadit refuses was withdrawn, perhaps because a stranger knew it. Tokens that it has
        # minted must not be handed out any more.
        self.memory.drop(lambda key: (key.credential, key.version) == (credential.name, credential.version))
        if self.shared is not None:
            self.shared.refuse(credential, order.progress)

    def _ask(self, order: Order, credential: Credential) -> NewToken:
        grant, asked_at = order.grant, self.clock()
        scope = None if grant.scopes is ALL else " ".join(sorted(grant.scopes))
        if scope == "":
            # Asked for no scope api2 gives all that the Auth Key has.
            raise AssertionError("a grant without scopes would ask for all of them")
        try:
            minted = self.endpoint.mint(credential, scope, grant.aud, order.progress)
        except ScopeRefused as refusal:
            if grant.unlisted:  # The caller may have invented the scope. Policy and Auth Key are not at fault.
                raise InvalidScope("Transloadit refuses a scope that no rule names") from refusal
            raise UpstreamRefused("Transloadit refused what the policy grants") from refusal
        if minted.lifetime < MIN_LEFT:
            raise UpstreamRefused("nonsense: expires_in")
        is_narrower = _compare_scopes(grant, minted, order.progress)
        # Counted from before the call. Counted from the answer, a slow one would make the token seem to live longer.
        token = BearerToken(minted.token, minted.scopes, asked_at, asked_at + minted.lifetime)
        return NewToken(token, credential, is_narrower)


def _compare_scopes(grant: Grant, minted: Minted, progress: Progress) -> bool:
    """Whether the token is narrower than asked. Raises UpstreamRefused if wider, or narrower than asked by name."""
    if grant.scopes is ALL:
        return False
    # api2 may give wider scopes than asked, by a fault or by a change of its rules. The policy granted what was asked.
    if any(not _covers(grant.scopes, scope) for scope in minted.scopes):
        progress.notes.alarms.add("ScopeMismatch")
        raise UpstreamRefused("Transloadit returned wider scopes than asked")
    is_narrower = any(not _is_met(scope, minted.scopes) for scope in grant.scopes)
    if is_narrower:
        progress.notes.alarms.add("ScopeMismatch")
        if grant.by_name:
            raise UpstreamRefused("Transloadit returned narrower scopes than asked")
    return is_narrower


def _covers(asked: frozenset[str], scope: str) -> bool:
    """Whether a scope is among those asked, or under a coarse one that was: `read` is all reads, `write` all writes."""
    return scope in asked or scope.rpartition(":")[2] in asked & {"read", "write"}


def _is_met(asked: str, scopes: frozenset[str]) -> bool:
    """Whether a scope was given, or a coarse one was given as the scopes that it stands for."""
    return asked in scopes or (asked in {"read", "write"} and any(scope.endswith(f":{asked}") for scope in scopes))
