"""Issuers' public keys: fetched when needed, kept when the issuer is down, never fetched more often than said here."""

from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlsplit

from msgspec import Struct

from broker import jwk, strict_json
from broker.audit import Notes
from broker.deadline import Clock, Deadline
from broker.errors import CallerRefused, TemporarilyUnavailable
from broker.flight import SingleFlight
from broker.jwk import Jwk
from broker.net import Http, OutOfReach

FRESH_SECONDS = 10 * 60
KEEP_SECONDS = 6 * 60 * 60
COOL_DOWN_SECONDS = 30
FETCH_SECONDS = 2.0  # discovery and JWKS together
MAX_BYTES = 64 * 1024


class KeySource(Protocol):
    """Where an issuer's keys are: inline, at a URL, or else by discovery."""

    @property
    def issuer(self) -> str: ...
    @property
    def inline_keys(self) -> tuple[Jwk, ...] | None: ...
    @property
    def keys_url(self) -> str | None: ...


class _Held(Struct):
    """What is known of one issuer's keys; times are seconds since the epoch."""

    keys: tuple[Jwk, ...] = ()
    fetched_at: float = float("-inf")
    tried_at: float = float("-inf")
    succeeded: bool = False


class KeySets:
    """The key sets of all issuers. Entries that share an issuer share its set."""

    def __init__(self, http: Http, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._flights = SingleFlight[tuple[Jwk, ...]]()

    def find(self, source: KeySource, algorithm: str, key_id: str | None, deadline: Deadline, notes: Notes) -> Jwk:
        """The one key that fits. Raises CallerRefused when there is none or more than one, TemporarilyUnavailable when
        the issuer could not be asked.
        """
        if source.inline_keys is not None:
            return _pick(source.inline_keys, algorithm, key_id) or _unknown()
        held = self._held.setdefault(source.issuer, _Held())
        known = _pick(self._current(source, held, deadline, notes), algorithm, key_id)
        if known is not None:
            return known
        # A new key, or an invented id: asked for at most once in a cool-down.
        return _pick(self._fetched(source, held, deadline), algorithm, key_id) or _unknown()

    def fetch(self, source: KeySource, deadline: Deadline) -> None:
        """Fetch a set ahead of its first caller. Raises TemporarilyUnavailable."""
        self._fetched(source, self._held.setdefault(source.issuer, _Held()), deadline)

    def _current(self, source: KeySource, held: _Held, deadline: Deadline, notes: Notes) -> tuple[Jwk, ...]:
        age = self._clock() - held.fetched_at
        if 0 <= age < FRESH_SECONDS:
            return held.keys
        if not 0 <= age < KEEP_SECONDS:
            return self._fetched(source, held, deadline)
        if self._cools(held) or self._flights.is_running(source.issuer):
            kept = held.keys
        else:
            try:
                return self._fetched(source, held, deadline)
            except TemporarilyUnavailable:
                kept = held.keys
        if not held.succeeded:
            notes.alarms.add("StaleKeys")
        return kept

    def _cools(self, held: _Held) -> bool:
        return 0 <= self._clock() - held.tried_at < COOL_DOWN_SECONDS

    def _fetched(self, source: KeySource, held: _Held, deadline: Deadline) -> tuple[Jwk, ...]:
        """The set as the issuer has it now, or had it within the cool-down."""

        def work() -> tuple[Jwk, ...]:
            if not self._cools(held):
                self._fetch(source, held, deadline)
            if not held.succeeded:
                left = held.tried_at + COOL_DOWN_SECONDS - self._clock()
                raise TemporarilyUnavailable("issuer's keys out of reach", retry_after=left)
            return held.keys

        return self._flights.run(source.issuer, work, deadline.left())

    def _fetch(self, source: KeySource, held: _Held, deadline: Deadline) -> None:
        ends_at = self._clock() + deadline.left(FETCH_SECONDS)
        try:
            url = source.keys_url or self._discovered(source.issuer, ends_at)
            keys = jwk.load_set(self._json(url, ends_at))
        except (OutOfReach, ValueError):
            keys = ()
        # An empty set never replaces a good one; a good one replaces the old as a whole.
        held.succeeded = bool(keys)
        held.tried_at = self._clock()
        if keys:
            held.keys, held.fetched_at = keys, held.tried_at

    def _discovered(self, issuer: str, ends_at: float) -> str:
        """`jwks_uri` by OpenID Connect Discovery 1.0 section 4. Raises OutOfReach, ValueError."""
        metadata = self._json(issuer.rstrip("/") + "/.well-known/openid-configuration", ends_at)
        if metadata.get("issuer") != issuer:
            raise ValueError("metadata of another issuer")
        url = metadata.get("jwks_uri")
        if not isinstance(url, str) or _origin(url) != _origin(issuer):
            raise ValueError("keys at another origin")
        return url

    def _json(self, url: str, ends_at: float) -> Mapping[str, object]:
        answer = self._http("GET", url, seconds=max(ends_at - self._clock(), 0.001), limit=MAX_BYTES)
        if answer.status != 200:
            raise OutOfReach("status")
        return strict_json.loads_object(answer.body)


def _pick(keys: tuple[Jwk, ...], algorithm: str, key_id: str | None) -> Jwk | None:
    """The one key of this id, or of any where the JWT names none, that may verify the algorithm."""
    fitting = [key for key in keys if algorithm in key.algorithms and key_id in (None, key.key_id)]
    if len(fitting) > 1:
        raise CallerRefused("more than one key fits")
    return fitting[0] if fitting else None


def _unknown() -> Jwk:
    raise CallerRefused("no key fits")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
