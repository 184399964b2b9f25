"""What the environments of a fleet share, each some way off: the table over HTTP, api2, Secrets Manager."""

import json
from collections.abc import Callable
from copy import replace
from dataclasses import dataclass

from broker.base.net import Answer, Call, Http, OutOfReach

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
class Distant:
    """An `Http` from far away: half of the round trip each way, in virtual time; a timeout while the other is down."""

    timeline: Timeline
    trip: float
    answer: Callable[[Call], Answer]
    down: tuple[float, float] = (0, 0)

    def __call__(self, call: Call, /) -> Answer:
        if self.down[0] <= self.timeline.elapsed < self.down[1]:
            self.timeline.sleep(call.seconds)
            raise OutOfReach("timeout")
        self.timeline.sleep(self.trip / 2)
        answer = self.answer(call)
        self.timeline.sleep(self.trip / 2)
        return answer


@dataclass
class Metered:
    """The table by HTTP, and what DynamoDB would bill on demand, in its units.

    A read of up to 4 KB is one, half if it may be stale; a write of up to 1 KB is one, also where its condition fails.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
    """

    http: Http
    reads: float = 0
    writes: int = 0

    def answer(self, call: Call) -> Answer:
        if not call.headers["x-amz-target"].endswith(".GetItem"):
            self.writes += 1
        else:
            self.reads += 1 if json.loads(call.body)["ConsistentRead"] else 0.5
        return self.http(replace(call, seconds=60))  # real ones, which do not count


@dataclass
class Api2:
    """Mints tokens. The first `crashes` environments that ask die before they get the answer."""

    timeline: Timeline
    crashes: int
    mints: int = 0

    def answer(self, call: Call) -> Answer:
        self.mints += 1
        if self.mints <= self.crashes:
            self.timeline.crash()
        answer: Answer = minted(f"bearer-{self.mints}")
        return answer


def read_secret(call: Call) -> Answer:
    """Secrets Manager, which knows one secret."""
    answer: Answer = secret()
    return answer
