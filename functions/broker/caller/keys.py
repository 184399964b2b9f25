"""Issuers' public keys: fetched when needed, kept when the issuer is down, never fetched more often than said here."""

from collections.abc import Mapping
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

_MEND = "name its key set: keys: {url: https://...}"


class _Held(Struct):
    """What is known of one issuer's keys; times are seconds since the epoch."""

    keys: tuple[Jwk, ...] = ()
    fetched_at: float = float("-inf")
    tried_at: float = float("-inf")
    failure: str | None = None  # of the last try, in fixed words


class KeySets:
    """The key sets of all issuers. Entries that share an issuer share its set."""

    def __init__(self, http: Http, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._flights = SingleFlight[tuple[Jwk, ...]]()

    def verify(self, source: Issuer, token: UnverifiedJwt, progress: Progress) -> VerifiedJwt:
        """Verify the JWT's signature by the one key of its issuer that fits.

        Raises CallerRefused when there is no such key, more than one, or the signature is not its own, and
        TemporarilyUnavailable when the issuer could not be asked.
        """
        if source.inline_keys is not None:
            return _accept(token, _problem(source.inline_keys, token))
        held = self._held.setdefault(source.issuer, _Held())
        known = self._current(source, held, progress)
        problem = _problem(known, token)
        if problem is None:
            return _accept(token, None)
        # A new key, one made anew under its old name, or a forgery: asked for at most once in a cool-down.
        newest = self._fetched(source, held, progress.deadline)
        return _accept(token, problem if newest is known else _problem(newest, token))

    def fetch(self, source: Issuer, deadline: Deadline) -> tuple[Jwk, ...]:
        """Fetch a set ahead of its first caller. Raises TemporarilyUnavailable, whose reason says what failed."""
        return self._fetched(source, self._held.setdefault(source.issuer, _Held()), deadline)

    def _current(self, source: Issuer, held: _Held, progress: Progress) -> tuple[Jwk, ...]:
        age = self._clock() - held.fetched_at
        if 0 <= age < FRESH_SECONDS:
            return held.keys
        if not 0 <= age < KEEP_SECONDS:
            return self._fetched(source, held, progress.deadline)
        if self._cools(held) or self._flights.is_running(source.issuer):
            kept = held.keys
        else:
            try:
                return self._fetched(source, held, progress.deadline)
            except TemporarilyUnavailable:
                kept = held.keys
        if held.failure is not None:
            progress.notes.alarms.add("StaleKeys")
        return kept

    def _cools(self, held: _Held) -> bool:
        return 0 <= self._clock() - held.tried_at < COOL_DOWN_SECONDS

    def _fetched(self, source: Issuer, held: _Held, deadline: Deadline) -> tuple[Jwk, ...]:
        """The set as the issuer has it now, or had it within the cool-down."""

        def work() -> tuple[Jwk, ...]:
            if not self._cools(held):
                self._fetch(source, held, deadline)
            if held.failure is not None:
                left = held.tried_at + COOL_DOWN_SECONDS - self._clock()
                raise TemporarilyUnavailable(f"issuer's keys out of reach: {held.failure}", retry_after=left)
            return held.keys

        return self._flights.run(source.issuer, work, deadline.left())

    def _fetch(self, source: Issuer, held: _Held, deadline: Deadline) -> None:
        ends_at = self._clock() + deadline.left(FETCH_SECONDS)
        keys: tuple[Jwk, ...] = ()
        try:
            url = source.keys_url or self._discovered(source.issuer, ends_at)
            keys = self._key_set(url, source.issuer, ends_at)
            failure = None
        except _Failed as error:
            failure = str(error)
        # An empty set never replaces a good one; a good one replaces the old as a whole.
        held.failure = failure
        held.tried_at = self._clock()
        if keys:
            held.keys, held.fetched_at = keys, held.tried_at

    def _discovered(self, issuer: str, ends_at: float) -> str:
        """`jwks_uri` by OpenID Connect Discovery 1.0 section 4."""
        try:
            metadata = self._json(issuer.rstrip("/") + "/.well-known/openid-configuration", ends_at)
        except _Missing as error:
            raise _Failed(f"issuer has no discovery document; {_MEND}") from error
        except (OutOfReach, ValueError) as error:
            raise _Failed(f"discovery document: {error}") from error
        if metadata.get("issuer") != issuer:
            raise _Failed("discovery document of another issuer; mind the slash at the end")
        url = metadata.get("jwks_uri")
        if not isinstance(url, str) or _origin(url) != _origin(issuer):
            raise _Failed(f"discovery document with keys at another origin; {_MEND}")
        return url

    def _key_set(self, url: str, issuer: str, ends_at: float) -> tuple[Jwk, ...]:
        try:
            keys = jwk.load_set(self._json(url, ends_at), issuer)
        except (OutOfReach, ValueError) as error:
            raise _Failed(f"key set: {error}") from error
        if not keys:
            raise _Failed("key set: no usable key")
        return keys

    def _json(self, url: str, ends_at: float) -> Mapping[str, object]:
        """Raises OutOfReach, ValueError, both in fixed words."""
        answer = self._http(Call("GET", url, max(ends_at - self._clock(), 0.001), MAX_BYTES))
        if answer.status in (404, 410):
            raise _Missing("not found")
        if answer.status != 200:
            raise OutOfReach(f"status {answer.status}")
        return encoding.read_object(answer.body)


class _Missing(OutOfReach):
    """There is nothing at this URL."""


class _Failed(Exception):
    """Why an issuer's keys are not to be had, in fixed words."""


def _problem(keys: tuple[Jwk, ...], token: UnverifiedJwt) -> str | None:
    """Why the token's signature is not to be believed by these keys; None if it is.

    The one key counts that has the token's key id, or any where it names none, and may verify its algorithm.
    """
    algorithm, key_id = token.algorithm, token.key_id
    fitting = [key for key in keys if algorithm in key.algorithms and key_id in (None, key.key_id)]
    if len(fitting) != 1:
        return "more than one key fits" if fitting else "no key fits"
    return None if fitting[0].verify(algorithm, token.signature, token.signing_input) else "signature"


def _accept(token: UnverifiedJwt, problem: str | None) -> VerifiedJwt:
    if problem is not None:
        raise CallerRefused(problem)
    return VerifiedJwt(token.claims)


def _origin(url: str) -> tuple[str, str | None, int | None] | None:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return None
