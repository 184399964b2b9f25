"""The token that a program keeps: when it is renewed, and by whom."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from weakref import WeakSet

from token_broker_client.errors import TokenError
from token_broker_client.exchange import TRIES, Clock, Token

SPARE = 300  # seconds; and a fifth of its life, whichever is more
PAUSE = 30  # seconds between two tries while the broker is down and the old token lives


class KeptToken:
    """Gives a token that lives, and renews it at use: one renewal at a time, for threads and asyncio together.

    Every decision is by the wall clock at the moment of use. Timers and monotonic clocks stand still while a machine
    or an environment sleeps.
    """

    def __init__(self, exchange: Callable[[int], Token], clock: Clock) -> None:
        """`exchange` takes the number of tries."""
        self._exchange = exchange
        self._clock = clock
        self._token: Token | None = None
        self._paused_until = 0.0
        self.forget_flight()
        _ALL.add(self)

    def forget_flight(self) -> None:
        """Begin without a renewal, as a process that was just forked must: its parent's thread does not run in it."""
        self._lock = threading.Lock()
        self._flight: Future[Token] | None = None

    def get(self) -> Token:
        """A token that lives. Raises TokenError."""
        flight, is_ours = self._join()
        if is_ours:
            self._renew(flight)
        return flight.result()

    async def get_async(self) -> Token:
        """The same without blocking the event loop. Raises TokenError."""
        flight, is_ours = self._join()
        if is_ours:
            # Not asyncio's pool: while that is full it would drop the work of a task that is cancelled, and all others
            # would wait for ever.
            thread = threading.Thread(target=self._renew, args=(flight,), daemon=True)
            try:
                thread.start()
            # At the limit of threads there is none for the renewal, which the others would await for ever.
            except RuntimeError as error:
                self._end_flight()
                flight.set_exception(error)
        return await asyncio.wrap_future(flight)

    def _join(self) -> tuple[Future[Token], bool]:
        """The token, or the renewal that will give it; and whether the caller has to do that renewal."""
        with self._lock:
            now = self._clock()
            old = self._living(now)
            if old and (now < self._renew_at(old) or now < self._paused_until):
                return _done(old), False
            if self._flight is None:
                self._flight = Future()
                # The task that waits for it may be cancelled, and would cancel it for all others.
                self._flight.set_running_or_notify_cancel()
                return self._flight, True
            # While another renews, what is good enough for one more request is given at once.
            if old and old.expires_at - now >= SPARE:
                return _done(old), False
            return self._flight, False

    def _living(self, now: float) -> Token | None:
        """The kept token, if it lives. A clock that was set back behind its request tells nothing about its age."""
        token = self._token
        return token if token and token.asked_at <= now < token.expires_at else None

    def _renew_at(self, token: Token) -> float:
        return token.expires_at - max(SPARE, (token.expires_at - token.asked_at) / 5)

    def _renew(self, flight: "Future[Token]") -> None:
        try:
            token = self._exchange_or_keep()
        except BaseException as error:
            self._end_flight()
            # An interruption is for the thread that it reached. The others have been refused nothing.
            stopped = TokenError("unreachable", "the thread that renewed the token was interrupted; ask again")
            flight.set_exception(error if isinstance(error, Exception) else stopped)
            if not isinstance(error, Exception):
                raise
        else:
            self._end_flight()
            flight.set_result(token)

    def _exchange_or_keep(self) -> Token:
        """A new token; the old one while it lives and the broker is down. Raises TokenError."""
        now = self._clock()
        old = self._living(now)
        has_time = old is not None and old.expires_at - now >= SPARE
        try:
            # With time to spare the caller is not made to wait: the next use after the pause tries again.
            token = self._exchange(1 if has_time else TRIES)
        except TokenError as error:
            now = self._clock()
            old = self._living(now)
            if old is None or not error.is_temporary:
                raise
            # At most as long as the last tries of a token have, or it would be given until its last second.
            self._paused_until = now + min(max(PAUSE, error.retry_after or 0), SPARE)
            return old
        self._token, self._paused_until = token, 0.0
        return token

    def _end_flight(self) -> None:
        with self._lock:
            self._flight = None


def _done(token: Token) -> "Future[Token]":
    future: Future[Token] = Future()
    future.set_result(token)
    return future


def _forget_flights() -> None:
    for kept in _ALL:
        kept.forget_flight()


# A fork amid a renewal, as servers make that start with a warm program, would leave the child waiting for ever.
_ALL: WeakSet[KeptToken] = WeakSet()
if hasattr(os, "register_at_fork"):  # which Windows has not
    os.register_at_fork(after_in_child=_forget_flights)
