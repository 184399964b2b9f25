"""HTTP to others, with limits: https only, no redirects, capped in size and in time as a whole."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

import urllib3

from broker.deadline import Clock

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
CONNECT_SECONDS = 2.0
IDLE_SECONDS = 20.0  # that a connection is kept for the next call


class OutOfReach(Exception):
    """No answer that can be used: refused, reset, too slow, too large, or not to be asked at all. Fixed words only."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Http(Protocol):
    def __call__(
        self, method: str, url: str, *, seconds: float, limit: int, headers: Mapping[str, str] = ..., body: bytes = ...
    ) -> Answer: ...


class BoundedHttp:
    """`Http` on urllib3. A call ends within its seconds whatever name service, peer and network do."""

    def __init__(self, clock: Clock, *, allow_loopback: bool = False) -> None:
        """`allow_loopback`: admits http to this machine; only a policy compiled for the local stack sets it."""
        self._clock = clock
        self._allow_loopback = allow_loopback
        self._pool = urllib3.PoolManager(retries=False, maxsize=4)
        self._used_at = clock()

    def __call__(
        self,
        method: str,
        url: str,
        *,
        seconds: float,
        limit: int,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """The answer, whatever its status, redirects included, with at most `limit` bytes of body.

        Raises OutOfReach.
        """
        self._check(url)
        self._forget_old_connections()
        outcome: list[Answer | Exception] = []

        def work() -> None:
            try:
                outcome.append(self._send(method, url, seconds, limit, headers, body))
            except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
                outcome.append(error)

        # urllib3 limits one address and one read; a peer that drips, or a slow name service, outlasts that.
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(seconds)
        if not outcome:
            raise OutOfReach("timeout")
        if isinstance(outcome[0], Exception):
            raise outcome[0]
        return outcome[0]

    def _forget_old_connections(self) -> None:
        """A peer hangs up on who is silent, and an environment that was frozen meanwhile has not noticed."""
        now = self._clock()
        if not 0 <= now - self._used_at < IDLE_SECONDS:
            self._pool.clear()
        self._used_at = now

    def _check(self, url: str) -> None:
        parts = urlsplit(url)
        is_local = self._allow_loopback and parts.scheme == "http" and parts.hostname in LOOPBACK
        if parts.scheme != "https" and not is_local:
            raise OutOfReach("not https")

    def _send(
        self, method: str, url: str, seconds: float, limit: int, headers: Mapping[str, str] | None, body: bytes | None
    ) -> Answer:
        timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), total=seconds)
        try:
            response = self._pool.request(
                method, url, headers=headers, body=body, timeout=timeout, redirect=False, preload_content=False
            )
            try:
                data = b""
                # To the end, since urllib3 tells that a body was cut short only at the next read.
                while len(data) <= limit and (more := response.read(limit + 1 - len(data), decode_content=False)):
                    data += more
                if len(data) > limit:
                    response.close()
                    raise OutOfReach("answer too large")
            finally:
                response.release_conn()
            return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, data)
        except urllib3.exceptions.NewConnectionError as error:  # a kind of timeout to urllib3
            raise OutOfReach("connection") from error
        except urllib3.exceptions.TimeoutError as error:
            raise OutOfReach("timeout") from error
        except urllib3.exceptions.SSLError as error:
            raise OutOfReach("tls") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise OutOfReach("connection") from error
