"""One exchange: an identity goes to the broker, and a bearer token comes back."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from token_broker_client.errors import TokenError
from token_broker_client.proof import Identity, Request
from token_broker_client.refusal import refusal
from token_broker_client.wire import FORM, Reply, send

TRIES = 4  # the first, and three more for 429 and 503
LONGEST_WAIT = 60  # seconds; a broker that asks for more is not waited for
_JITTER = random.SystemRandom()

Clock = Callable[[], float]


@dataclass(frozen=True)
class Token:
    """A bearer token. `expires_at` is by this machine's wall clock, counted from before the request.

    `answer` is all that the broker said.
    """

    value: str = field(repr=False)
    asked_at: float
    expires_at: float
    answer: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Exchange:
    """Trades an identity for a token. `fields` are scope, aud and credential, as far as they are asked for."""

    origin: str
    identity: Identity
    fields: Mapping[str, str]
    clock: Clock
    sleep: Callable[[float], None]

    def __call__(self, tries: int = TRIES) -> Token:
        """A new token. Raises TokenError.

        429 and 503 are tried again, each time with a new JWT: a JWT that is good once may be spent by a 503.
        """
        for left in reversed(range(tries)):
            try:
                return self._ask()
            except TokenError as error:
                wait = error.retry_after or 1
                if not left or error.status not in (429, 503) or wait > LONGEST_WAIT:
                    raise
            # Later than it asks, and never earlier; all at the same moment would be refused again.
            self.sleep(wait * _JITTER.uniform(1, 1.25))
        raise AssertionError("an exchange has at least one try")

    def _ask(self) -> Token:
        request = self.identity.prove(Request(self.origin, {"grant_type": "client_credentials", **self.fields}))
        headers = {"content-type": FORM, "accept": "application/json", **request.headers}
        asked_at = self.clock()
        reply = send("POST", self.origin + request.path, headers, urlencode(request.fields), self.origin)
        if reply.status != 200:
            raise refusal(reply, request, self.clock())
        return _read_token(reply, asked_at, self.origin)


def _read_token(reply: Reply, asked_at: float, origin: str) -> Token:
    """The token of an answer. Raises TokenError (`bad_answer`)."""
    try:
        answer = json.loads(reply.body)
        value, kind, seconds = answer["access_token"], answer["token_type"], answer["expires_in"]
        is_token = isinstance(value, str) and value.isascii() and value.isprintable() and " " not in value and value
        if is_token and str(kind).lower() == "bearer" and 0 < int(seconds) <= 86_400:
            return Token(value, asked_at, asked_at + int(seconds), answer)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        pass
    raise TokenError("bad_answer", f"{origin} answered without a bearer token; is it the broker's URL?", status=200)
