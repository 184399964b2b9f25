"""Growth: what an exchange costs with 10,000 cached tokens, issuers, or rules of other issuers."""

import time
from collections.abc import Callable

from broker.policy.model import load

from tests.bench.figures import Spread, ratios, text
from tests.bench.measure import Bench, Plot, Report, Table
from tests.kit.brokers import InMemory
from tests.kit.policies import ISSUER, compiled, condition, issuer, rule

HOW = """\
A whole exchange without its log line, by processor time, every answer from the cache, in turn with many and with few
of: tokens in the cache (each caller has its own), issuers in the policy, rules of other issuers. "Start" is what
reading that policy takes when an environment starts; an issuer's rules are read when its first caller comes."""
SIZES = (10, 100, 1_000, 10_000)
OTHERS = 10  # issuers that share the other rules
CALLERS = 10  # that ask in turn, in a block short enough to meet the same moment as its neighbour


class Grown:
    """A broker with a lot of something, and callers whose tokens it holds."""

    def __init__(self, policy: bytes, callers: int = CALLERS) -> None:
        started = time.perf_counter()
        trust = load(policy)
        self.start = time.perf_counter() - started
        self._broker = InMemory(trust)
        self._jwts = [self._fill(number) for number in range(callers)][:: max(1, callers // CALLERS)]

    def _fill(self, number: int) -> str:
        jwt = self._broker.jwt(sub=f"caller-{number}", exp=int(self._broker.clock()) + 86_400)
        assert self._broker.post(jwt).status == 200
        self._broker.clock.advance(1)  # an environment mints one a second
        return jwt

    def exchange(self) -> float:
        """Seconds of processor time that one takes, on average of a few."""
        started = time.process_time()
        for jwt in self._jwts:
            self._broker.post(jwt)
        return (time.process_time() - started) / len(self._jwts)


def tokens(count: int) -> Grown:
    return Grown(compiled(rules=[rule(share="caller")]), callers=count)


def issuers(count: int) -> Grown:
    others = [issuer(name=f"other-{number}", issuer=f"{ISSUER}{number}/") for number in range(count - 1)]
    return Grown(compiled(issuers=[issuer(), *others]))


def rules(count: int) -> Grown:
    """So many rules of other issuers, three conditions each."""
    names = [f"other-{number}" for number in range(OTHERS)]
    theirs = [
        rule(
            name=f"rule {number}",
            issuer=names[number % OTHERS],
            when=[
                condition("groups", ["any", [f"group-{number}"]]),
                condition("tenant", ["one_of", ["ours"]]),
                condition("sub", ["like", f"repo:acme@7/*:ref:refs/heads/{number}"]),
            ],
        )
        for number in range(count)
    ]
    others = [issuer(name=name, issuer=f"{ISSUER}{name}/") for name in names]
    return Grown(compiled(issuers=[issuer(), *others], rules=[rule(), *theirs]))


KINDS: dict[str, tuple[str, Callable[[int], Grown]]] = {
    "growth-tokens": ("cached tokens", tokens),
    "growth-issuers": ("issuers", issuers),
    "growth-rules": ("rules of other issuers", rules),
}


async def measure(bench: Bench) -> Report:
    lines, figures, medians = [], {}, {}
    sizes = (SIZES[0], SIZES[-1]) if bench.quick else SIZES
    for row, (name, make) in KINDS.items():
        grown = {size: make(size) for size in sizes}
        taken: dict[int, list[float]] = {size: [] for size in sizes}
        for _ in range(bench.count(full=300, quick=100)):
            for size, broker in grown.items():
                taken[size].append(broker.exchange() * 1e6)
        figures[row] = ratios(taken[sizes[-1]], taken[sizes[0]])
        medians[name] = [Spread.of(taken[size]).median for size in sizes]
        lines += [
            (f"{size:,} {name}", text(taken[size], ".0f", " µs"), f"{grown[size].start * 1000:.1f} ms")
            for size in sizes
        ]
    return Report(
        "Growth",
        HOW,
        figures,
        [Table(("", "an exchange", "start"), lines)],
        [Plot("Time of an exchange", [f"{size:,}" for size in sizes], medians, "µs", is_line=True)],
    )
