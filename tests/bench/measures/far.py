"""The first exchange in a cold environment while the issuer, Secrets Manager and api2 are far away."""

from collections.abc import Mapping

from tests.bench.figures import Spread, text
from tests.bench.measure import Bench, Report, Table
from tests.bench.measures.cold_start import first_answer
from tests.bench.parties import token_event

AWAY = {"issuer": 0.060, "aws": 0.030, "api2": 0.150}  # seconds
HOW = """\
The cold start's first exchange again, with the issuer 60 ms, Secrets Manager 30 ms and api2 150 ms away; what that adds
to the fastest near one, measured in turn, is compared with the critical path: the longer of key set and secret, then
the mint. The issuer is asked twice, for its metadata and for its keys. Two meanings of "away":

- **answer**: each answer comes that much later, a connection costs nothing: max(2 * 60, 30) + 150 = 270 ms.
- **round trip**: each flight takes half of it, so a new connection costs two round trips more, TCP's and that of
  TLS 1.3: the keys 4 * 60, the secret 3 * 30, the connection to api2 2 * 150 meanwhile, then the mint:
  max(240, 90, 300) + 150 = 450 ms. Whoever connects to api2 only then needs 240 + 450 = 690 ms.

Less than 1 is work of the start that is done while it waits."""


def critical_path(kind: str, away: Mapping[str, float]) -> float:
    """The seconds that remain if everything that can overlap does."""
    issuer, secrets, api2 = away["issuer"], away["aws"], away["api2"]
    if kind == "answer":
        return max(2 * issuer, secrets) + api2
    return max(4 * issuer, 3 * secrets, 2 * api2) + api2


async def measure(bench: Bench) -> Report:
    kinds = ("answer", "trip")
    measured = [bench.parties.ours] if bench.quick else [bench.parties.ours, bench.parties.conventional]
    taken: dict[tuple[str, str], list[float]] = {
        (party.name, kind): [] for kind in ("near", *kinds) for party in measured
    }
    for _ in range(bench.count(full=10, quick=4)):
        for party in measured:
            for kind in ("near", *kinds):
                _move(bench, kind, AWAY)
                taken[party.name, kind].append(await first_answer(party, token_event(bench.outside.jwt())))
                _move(bench, kind, dict.fromkeys(AWAY, 0.0))
    added = {
        (party.name, kind): [
            # Noise only adds time, so the fastest near start is the truest.
            (seconds - min(taken[party.name, "near"])) / critical_path(kind, AWAY)
            for seconds in taken[party.name, kind]
        ]
        for kind in kinds
        for party in measured
    }
    lines = []
    for (name, kind), shares in added.items():
        path = critical_path(kind, AWAY) * 1000
        milliseconds = text([share * path for share in shares], ".0f", " ms")
        lines.append((name, kind, milliseconds, f"{path:.0f} ms", text(shares, ".2f")))
    return Report(
        "First exchange, all parties far",
        HOW,
        {f"far-{kind}": Spread.of(added["ours", kind]) for kind in kinds},
        [Table(("", "away", "added to the cold start", "critical path", "of it"), lines)],
    )


def _move(bench: Bench, kind: str, away: Mapping[str, float]) -> None:
    """`kind`: answer, trip, or near, which moves nothing."""
    if kind == "near":
        return
    for name, seconds in away.items():
        setattr(bench.outside.relays[name].distance, kind, seconds)
