"""A day of a fleet in virtual time: environments with the real caches start, answer requests, and end."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from broker.aws.dynamodb import Table
from broker.aws.secretsmanager import SecretsManager
from broker.base.audit import Notes
from broker.base.errors import BrokerError
from broker.base.net import BoundedHttp
from broker.base.progress import Deadline, Progress
from broker.caller.caller import Caller
from broker.decision import Grant, decide
from broker.request.proof import Proof, ProofForm
from broker.request.request import TokenRequest
from broker.token.bearer import BearerToken, CacheKey
from broker.token.budget import MintBudget
from broker.token.credentials import Credentials
from broker.token.memory import TokenCache
from broker.token.mint import Minter
from broker.token.obtain import BearerTokens
from broker.token.shared import SharedCache
from broker.token.transloadit import TokenEndpoint

from tests.bench.fleet.timeline import Timeline
from tests.bench.fleet.world import AWAY, WELL, Api2, Distant, Failures, Metered, read_secret
from tests.kit.brokers import aws_by
from tests.kit.policies import ISSUER, UPSTREAM, policy

DAY, HOUR, MINUTE = 86_400, 3_600, 60
LIFETIME = 2 * HOUR  # of an environment that is kept busy
Life = list[float]  # the seconds of the day at which one environment is asked


def steady(size: int, chance: random.Random) -> Iterable[Life]:
    """So many environments all day. Each gets a request every ten minutes or so and is replaced after its lifetime."""
    for _ in range(size):
        born = -chance.uniform(0, LIFETIME)
        while born < DAY:
            now, life = born, []
            while (now := now + chance.expovariate(1 / (10 * MINUTE))) < min(born + LIFETIME, DAY):
                if now >= 0:
                    life.append(now)
            yield life
            born += LIFETIME


def bursts(size: int, chance: random.Random) -> Iterable[Life]:
    """Every two hours as many requests in a second, each in a new environment, which gets two more and ends."""
    for begins in range(0, DAY, 2 * HOUR):
        for _ in range(size):
            first = begins + chance.uniform(0, 1)
            yield [first, first + chance.uniform(10, 60), first + chance.uniform(60, 120)]


CURVES: dict[str, Callable[[int, random.Random], Iterable[Life]]] = {"steady": steady, "bursts": bursts}


@dataclass
class Day:
    """The counts of a day. `waits`: seconds of virtual time that each environment's first answer took."""

    caches: Counter[str] = field(default_factory=Counter)  # as in the audit record
    refused: int = 0
    mints: int = 0
    waits: list[float] = field(default_factory=list)
    waited: float = 0  # seconds, all answers together
    reads: float = 0  # the table's
    writes: int = 0

    @property
    def hits(self) -> float:
        """The share answered from an environment's own memory."""
        return self.caches["hit"] / self.caches.total()


def a_day(lives: Iterable[Life], table_url: str | None, failures: Failures = WELL) -> Day:
    """`table_url`: of the table that all share; None: a deployment without."""
    fleet = Fleet(Timeline(), table_url, failures)
    for life in lives:
        if life:
            fleet.timeline.at(life[0], partial(fleet.live, life))
    fleet.timeline.run()
    fleet.day.mints, fleet.day.reads, fleet.day.writes = fleet.api2.mints, fleet.table.reads, fleet.table.writes
    return fleet.day


class Fleet:
    """Environments as `wiring` makes them, all that is outside far away and the same for all."""

    def __init__(self, timeline: Timeline, table_url: str | None, failures: Failures) -> None:
        self.timeline = timeline
        self.day = Day()
        self.api2 = Api2(timeline, failures.crashes)
        self.table = Metered(BoundedHttp(time.time, allow_loopback=True))
        self._read_secret = SecretsManager(aws_by(Distant(timeline, AWAY["aws"], read_secret), timeline)).read
        self._to_api2 = Distant(timeline, AWAY["api2"], self.api2.answer, failures.api2)
        to_table = Distant(timeline, AWAY["table"], self.table.answer, failures.table)
        self._to_table = table_url and aws_by(to_table, timeline, table_url)
        self._grant, self._caller = _grant()

    def live(self, life: Life) -> None:
        """One environment, from its first request to its last."""
        credentials = Credentials({"default": "transloadit/default"}, self._read_secret, self.timeline)
        credentials.read("default", Deadline(self.timeline, 15))  # while it starts
        tokens = self._tokens(credentials)
        for at in life:
            self.timeline.sleep(max(0.0, at - self.timeline.elapsed))
            notes, asked_at = Notes(), self.timeline.now
            try:
                tokens.obtain(self._grant, self._caller, Progress(Deadline(self.timeline, 15), notes))
            except BrokerError:
                self.day.refused += 1
            self.day.caches[notes.cache or "none"] += 1
            self.day.waited += self.timeline.now - asked_at
            if at == life[0]:
                self.day.waits.append(self.timeline.now - asked_at)

    def _tokens(self, credentials: Credentials) -> BearerTokens:
        shared = None
        if self._to_table:
            shared = SharedCache(Table(self._to_table, "fleet"), UPSTREAM, self.timeline, self.timeline.sleep)
        endpoint = TokenEndpoint(self._to_api2, self.timeline, self.timeline.sleep, UPSTREAM)
        memory = TokenCache[CacheKey, BearerToken]()
        minter = Minter(credentials, endpoint, MintBudget(self.timeline), memory, shared, self.timeline)
        return BearerTokens(credentials, minter, memory, shared, self.timeline)


def _grant() -> tuple[Grant, Caller]:
    """The one grant that all callers get, and one of them."""
    caller = Caller("site", ISSUER, "alice", {"groups": ["editors"]})
    decision = decide(policy(), caller, TokenRequest(Proof(ProofForm.HEADER, ""), None, "api2", "default"))
    assert isinstance(decision, Grant)
    return decision, caller
