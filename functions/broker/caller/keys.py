"""Issuers' public keys: fetched when needed, kept when the issuer is down, never fetched more often than stated here.

Anybody may send a JWT with an invented key id, or with a bad signature. So an unverified JWT can cause one fetch in a
cool-down, of a configured issuer, and no more: else a flood of such JWTs would become a flood at the issuer, and its
rate limit would lock out the callers with good ones.
"""

from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from msgspec import Struct

from broker.base import encoding
from broker.base.errors import CallerRefused, TemporarilyUnavailable
from broker.base.net import Call, Http, OutOfReach
from broker.base.progress import Clock, Deadline, Progress
from broker.base.single_flight import SingleFlight
from broker.caller.jwt import UnverifiedJwt, VerifiedJwt
from broker.policy import jwk
from broker.policy.jwk import Jwk
from broker.policy.model import Issuer

FRESH_SECONDS = 10 * 60
KEEP_SECONDS = 6 * 60 * 60
COOL_DOWN_SECONDS = 30
FETCH_SECONDS = 2.0  # discovery and JWKS together
MAX_BYTES = 64 * 1024

_SHORTEST_CALL = 0.001  # seconds; no call can be given less
_REMEDY = "name its key set: keys: {url: https://...}"


class _KeySet(Struct):
    """What is known of one issuer's keys. Times are seconds since the epoch; minus infinity if it never happened."""

    keys: tuple[Jwk, ...] = ()
    fetched_at: float = float("-inf")
    tried_at: float = float("-inf")
    failure: str | None = None  # of the last try, in fixed words


class KeySets:
    """The key sets of all issuers. Entries that share an issuer share its set."""

    def __init__(self, http: Http, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self._sets: dict[str, _KeySet] = {}
        self._flights = SingleFlight[tuple[Jwk, ...]]()

    def verify(self, source: Issuer, unverified: UnverifiedJwt, progress: Progress) -> VerifiedJwt:
        """Verify the JWT's signature by the one key of its issuer that fits.

        Raises CallerRefused if no key fits, several fit, or the signature is not that key's; TemporarilyUnavailable if
        the issuer could not be asked.
        """
        inline = source.inline_keys
        known = self._find_current(source, progress) if inline is None else inline
        problem = _explain_failure(known, unverified)
        if problem is not None and inline is None:
            # The issuer has a new key, or a new key under an old id, or somebody made the JWT up. Nobody can tell
            # before the set is fetched again, which `fetch` does once in a cool-down.
            newest = self.fetch(source, progress.deadline)
            problem = problem if newest is known else _explain_failure(newest, unverified)
        if problem is not None:
            raise CallerRefused(problem)
        return VerifiedJwt(unverified.claims)

    def fetch(self, source: Issuer, deadline: Deadline) -> tuple[Jwk, ...]:
        """The issuer's keys as it has them now, or had them within the cool-down.

        Raises TemporarilyUnavailable if the last try failed; its reason says why.
        """
        # Many requests may miss the same key at once. One of them fetches, the others wait for its result.
        return self._flights.run(
            source.issuer, lambda: self._fetch_unless_cooling_down(source, deadline), deadline.left()
        )

    def _find_current(self, source: Issuer, progress: Progress) -> tuple[Jwk, ...]:
        held = self._sets.setdefault(source.issuer, _KeySet())
        age = self._clock() - held.fetched_at
        # A clock that was set back makes an age negative. Such a set counts as too old, never as fresh for ever.
        if 0 <= age < FRESH_SECONDS:
            return held.keys
        # A key that its issuer has withdrawn must stop working one day, even if whoever holds it keeps the issuer
        # unreachable for us. So a set that could not be renewed for six hours is not used any more.
        if not 0 <= age < KEEP_SECONDS:
            return self.fetch(source, progress.deadline)
        # Until then an issuer that is down must not lock everybody out: try to renew the set, and use the old one if
        # that fails, or if another request is trying already.
        if not self._is_cooling_down(held) and not self._flights.is_running(source.issuer):
            with suppress(TemporarilyUnavailable):
                return self.fetch(source, progress.deadline)
        if held.failure is not None:
            progress.notes.alarms.add("StaleKeys")
        return held.keys

    def _is_cooling_down(self, held: _KeySet) -> bool:
        return 0 <= self._clock() - held.tried_at < COOL_DOWN_SECONDS

    def _fetch_unless_cooling_down(self, source: Issuer, deadline: Deadline) -> tuple[Jwk, ...]:
        held = self._sets.setdefault(source.issuer, _KeySet())
        # Failed tries count as well: else an issuer in trouble would be asked again by every request.
        if not self._is_cooling_down(held):
            self._refresh(held, source, self._clock() + deadline.left(FETCH_SECONDS))
        if held.failure is not None:
            left = held.tried_at + COOL_DOWN_SECONDS - self._clock()
            raise TemporarilyUnavailable(f"issuer's keys out of reach: {held.failure}", retry_after=left)
        return held.keys

    def _refresh(self, held: _KeySet, source: Issuer, ends_at: float) -> None:
        try:
            keys = self._download(source.keys_url or self._discover(source.issuer, ends_at), source.issuer, ends_at)
        except _FetchFailed as failure:
            held.failure, held.tried_at = str(failure), self._clock()
        else:
            # Replace the whole set: where new keys were added to the old ones, withdrawn keys stayed valid (jwkset#41).
            held.failure, held.keys, held.fetched_at = None, keys, self._clock()
            held.tried_at = held.fetched_at

    def _discover(self, issuer: str, ends_at: float) -> str:
        """The issuer's `jwks_uri` (OpenID Connect Discovery 1.0 section 4). Raises _FetchFailed."""
        try:
            # The URL is made of the issuer in the policy, and of nothing in the JWT (CVE-2025-52477).
            metadata = self._get_object(issuer.rstrip("/") + "/.well-known/openid-configuration", ends_at)
        except _NotFound as error:
            raise _FetchFailed(f"issuer has no discovery document; {_REMEDY}") from error
        except (OutOfReach, ValueError) as error:
            raise _FetchFailed(f"discovery document: {error}") from error
        # A document of another issuer would let that issuer's keys sign for this one (section 4.3).
        if metadata.get("issuer") != issuer:
            raise _FetchFailed("discovery document of another issuer; mind the slash at the end")
        # A document that somebody could write may name any URL, and the broker would fetch it from inside AWS and trust
        # what it finds. An issuer whose keys are at another origin has its `keys.url` in the policy.
        url = metadata.get("jwks_uri")
        if not isinstance(url, str) or _read_origin(url) != _read_origin(issuer):
            raise _FetchFailed(f"discovery document with keys at another origin; {_REMEDY}")
        return url

    def _download(self, url: str, issuer: str, ends_at: float) -> tuple[Jwk, ...]:
        """The usable keys of the set at this URL, at least one. Raises _FetchFailed."""
        try:
            keys = jwk.load_set(self._get_object(url, ends_at), issuer)
        except (OutOfReach, ValueError) as error:
            raise _FetchFailed(f"key set: {error}") from error
        # A mistake at the issuer must not lock everybody out, so an empty set never replaces a good one.
        if not keys:
            raise _FetchFailed("key set: no usable key")
        return keys

    def _get_object(self, url: str, ends_at: float) -> Mapping[str, object]:
        """The JSON object at a URL. Raises OutOfReach or ValueError, in fixed words that never quote the answer."""
        answer = self._http(Call("GET", url, max(ends_at - self._clock(), _SHORTEST_CALL), MAX_BYTES))
        if answer.status in (404, 410):
            raise _NotFound("not found")
        # A redirect is a failure like any other status: it leads to a host that nobody configured (CVE-2026-102267).
        if answer.status != 200:
            raise OutOfReach(f"status {answer.status}")
        return encoding.read_object(answer.body)


class _NotFound(OutOfReach):
    """There is nothing at this URL."""


class _FetchFailed(Exception):
    """The reason why an issuer's keys could not be fetched, in fixed words."""


def _explain_failure(keys: tuple[Jwk, ...], unverified: UnverifiedJwt) -> str | None:
    """The reason why none of these keys verifies the JWT; None if one does."""
    algorithm, key_id = unverified.algorithm, unverified.key_id
    # A key verifies only the algorithms that its own type and `alg` allow, whatever the JWT's header says: that header
    # made libraries verify with an RSA key as if it were a shared secret (CVE-2026-48523; RFC 8725 section 3.1).
    fitting = [key for key in keys if algorithm in key.algorithms and key_id in (None, key.key_id)]
    # Trying several keys in turn would give a forger several chances, and hides that an id was given away twice.
    # So exactly one must fit: the one with the JWT's key id or, if the JWT names none, the only one for the algorithm.
    if len(fitting) != 1:
        return "more than one key fits" if fitting else "no key fits"
    return None if fitting[0].verify(algorithm, unverified.signature, unverified.signing_input) else "signature"


def _read_origin(url: str) -> tuple[str, str | None, int | None] | None:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return None
