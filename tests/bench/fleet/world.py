"""What the environments of a fleet share, each some way off: the table over HTTP, api2, Secrets Manager."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from broker.net import Answer, Http, OutOfReach

from tests.bench.fleet.timeline import Timeline
from tests.kit.brokers import minted, secret

# Seconds of a round trip. Every call is one: connections are made while an environment starts.
AWAY = {"table": 0.005, "aws": 0.030, "api2": 0.150}


@dataclass(frozen=True, slots=True)
class Failures:
    """From which second of the day until which the table and api2 are down; how many environments die while minting."""

    table: tuple[float, float] = (0, 0)
    api2: tuple[float, float] = (0, 0)
    crashes: int = 0


WELL = Failures()


@dataclass
class Metered:
    """An `Http` to the table that counts what DynamoDB bills on demand, in its units.

    A read of up to 4 KB is one, half if it may be stale; a write of up to 1 KB is one, also where its condition fails.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
    """

    inner: Http
    reads: float = 0
    writes: int = 0

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
        if not (headers or {})["x-amz-target"].endswith(".GetItem"):
            self.writes += 1
        else:
            self.reads += 1 if json.loads(body or b"")["ConsistentRead"] else 0.5
        return self.inner(method, url, seconds=seconds, limit=limit, headers=headers or {}, body=body or b"")


@dataclass
class Distant:
    """An `Http` as from far away: half of the round trip each way, in virtual time; a timeout while it is down."""

    timeline: Timeline
    trip: float
    inner: Http
    down: tuple[float, float] = (0, 0)

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
        if self.down[0] <= self.timeline.elapsed < self.down[1]:
            self.timeline.sleep(seconds)
            raise OutOfReach("timeout")
        self.timeline.sleep(self.trip / 2)
        answer = self.inner(method, url, seconds=seconds, limit=limit, headers=headers or {}, body=body or b"")
        self.timeline.sleep(self.trip / 2)
        return answer


@dataclass
class Api2:
    """An `Http` that mints; `crashes` of those who ask die before they have the answer."""

    timeline: Timeline
    crashes: int
    mints: int = 0

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
        self.mints += 1
        if self.mints <= self.crashes:
            self.timeline.crash()
        answer: Answer = minted(f"bearer-{self.mints}")
        return answer


def secrets_manager(
    method: str, url: str, *, seconds: float, limit: int, headers: object = None, body: object = None
) -> Answer:
    """An `Http` that knows one secret."""
    answer: Answer = secret()
    return answer
