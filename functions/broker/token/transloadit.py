"""api2's `POST /token`. https://transloadit.com/docs/api/token-post/"""

import base64
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from broker.base.api2 import read_answer, read_retry_after
from broker.base.audit import Notes
from broker.base.errors import TemporarilyUnavailable, UpstreamRefused
from broker.base.net import Answer, Call, Http, OutOfReach
from broker.base.progress import Clock, Progress, jitter
from broker.base.values import Value
from broker.token.credentials import Credential

MINT_SECONDS = 5.0  # both tries together
TRIES = 2
MIN_PAUSE, MAX_PAUSE = 0.05, 0.25  # seconds between the two tries
MAX_BYTES = 64 * 1024
MAX_LIFETIME = 24 * 60 * 60  # seconds; api2 says 21600

_CREDENTIAL_CODES = frozenset({"TOKEN_INVALID_CREDENTIALS", "GET_ACCOUNT_UNKNOWN_AUTH_KEY", "SERVER_401"})
_TOKEN = re.compile(r"[\x21-\x7E]{1,8192}")


class CredentialRefused(Exception):
    """api2 refuses this Auth Key or Auth Secret."""


class ScopeRefused(Exception):
    """api2 refuses a scope: it knows none of that name, or the Auth Key does not hold it."""


class Minted(Value, frozen=True):
    """The token that api2 returned, well-formed but not yet compared with what was asked. `lifetime` in seconds."""

    hidden = ("token",)

    token: str
    lifetime: float
    scopes: frozenset[str]


class TokenEndpoint(Value, frozen=True):
    """Calls `POST /token`. A call that fails by itself is sent once more, within MINT_SECONDS for both."""

    http: Http
    clock: Clock
    sleep: Callable[[float], None]
    origin: str  # of api2, compiled into the policy

    def mint(self, credential: Credential, scope: str | None, aud: str, progress: Progress) -> Minted:
        """A new token. `scope`: space-separated; None asks for all that the Auth Key has.

        Raises CredentialRefused, ScopeRefused, UpstreamRefused, TemporarilyUnavailable.
        """
        ends_at = self.clock() + progress.deadline.left(MINT_SECONDS)
        # All environments see the same failure at the same time. The jitter spreads their second tries.
        pause = MIN_PAUSE + (MAX_PAUSE - MIN_PAUSE) * jitter()
        tries = TRIES
        while True:
            tries -= 1
            try:
                return self._try(credential, scope, aud, ends_at, progress.notes)
            except (OutOfReach, _ServerError) as error:
                if not tries or ends_at - self.clock() <= pause:
                    raise TemporarilyUnavailable("Transloadit out of reach") from error
            self.sleep(pause)

    def _try(self, credential: Credential, scope: str | None, aud: str, ends_at: float, notes: Notes) -> Minted:
        pair = f"{credential.auth_key}:{credential.auth_secret}".encode()
        form = {"grant_type": "client_credentials", **({} if scope is None else {"scope": scope}), "aud": aud}
        notes.mints += 1
        headers = {
            "authorization": f"Basic {base64.b64encode(pair).decode()}",
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
        }
        seconds = ends_at - self.clock()
        answer = self.http(Call("POST", f"{self.origin}/token", seconds, MAX_BYTES, headers, urlencode(form).encode()))
        return _read(answer, self.clock(), notes)


class _ServerError(Exception):
    """api2 failed by itself. One more try may succeed."""


def _read(answer: Answer, now: float, notes: Notes) -> Minted:
    """The token in an answer. Raises what it means that there is none."""
    document, code = read_answer(answer, notes)
    if code in _CREDENTIAL_CODES:
        raise CredentialRefused
    if answer.status == 429 or code == "RATE_LIMIT_REACHED":
        raise TemporarilyUnavailable("Transloadit throttles", retry_after=read_retry_after(answer, document, now))
    if answer.status >= 500:
        raise _ServerError
    if code == "TOKEN_INVALID_SCOPE":
        raise ScopeRefused
    if code is not None:
        raise UpstreamRefused("Transloadit refused what the policy grants")
    if answer.status != 200 or "error" in document:
        raise UpstreamRefused("nonsense: status")
    return _check_token(document)


def _check_token(document: dict[str, Any]) -> Minted:
    # A proxy in between may answer 200 with something else. Callers send the token in a header, where a line break
    # would add another header; and a token that claims years would be handed out long after Transloadit forgot it.
    token, kind, lifetime, scope = (
        document.get(name) for name in ("access_token", "token_type", "expires_in", "scope")
    )
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise UpstreamRefused("nonsense: access_token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise UpstreamRefused("nonsense: token_type")
    if isinstance(lifetime, bool) or not isinstance(lifetime, (int, float)) or not 0 < lifetime <= MAX_LIFETIME:
        raise UpstreamRefused("nonsense: expires_in")
    scopes = frozenset(re.split(r"[ ,]+", scope)) - {""} if isinstance(scope, str) else frozenset()
    if not scopes:
        raise UpstreamRefused("nonsense: scope")
    return Minted(token, lifetime, scopes)
