"""The first exchange in a cold environment while the issuer, Secrets Manager and api2 are far away."""

from collections.abc import Mapping

from tests.bench.figures import Spread, text
from tests.bench.measure import Bench, Report, Table
from tests.bench.measures.cold_start import first_answer
from tests.bench.parties import health_event, token_event

AWAY = {"issuer": 0.060, "aws": 0.030, "api2": 0.150}  # seconds
HOW = """\
The cold start's first exchange again, with the issuer 60 ms, Secrets Manager 30 ms and api2 150 ms away, is compared
with the start of an empty function, measured in turn, and the critical path: the longer of key set and secret, then the
mint. The issuer is asked twice, for its metadata and for its keys. Two meanings of "away":

- **answer**: each answer comes that much later, a connection costs nothing: max(2 * 60, 30) + 150 = 270 ms.
- **round trip**: each flight takes half of it, so a new connection costs two round trips more, TCP's and that of
  TLS 1.3: the keys 4 * 60, the secret 3 * 30, the connection to api2 2 * 150 meanwhile, then the mint:
  max(240, 90, 300) + 150 = 450 ms. Whoever connects to api2 only then needs 240 + 450 = 690 ms.

The rest is work of the start that nothing can overlap: imports before the first call, and boto3's before the secret."""


def critical_path(kind: str, away: Mapping[str, float]) -> float:
    """The seconds that remain if everything that can overlap does."""
    issuer, secrets, api2 = away["issuer"], away["aws"], away["api2"]
    if kind == "answer":
        return max(2 * issuer, secrets) + api2
    return max(4 * issuer, 3 * secrets, 2 * api2) + api2


async def measure(bench: Bench) -> Report:
    kinds = ("answer", "trip")
    measured = [bench.parties.ours] if bench.quick else [bench.parties.ours, bench.parties.conventional]
    empty: list[float] = []
    taken: dict[tuple[str, str], list[float]] = {(party.name, kind): [] for kind in kinds for party in measured}
    for _ in range(bench.count(full=10, quick=4)):
        empty.append(await first_answer(bench.parties.empty, health_event()))
        for party in measured:
            for kind in kinds:
                _move(bench, kind, AWAY)
                taken[party.name, kind].append(await first_answer(party, token_event(bench.outside.jwt())))
                _move(bench, kind, dict.fromkeys(AWAY, 0.0))
    # Noise only adds time, so the fastest start of the empty function is the truest.
    paths = {kind: min(empty) + critical_path(kind, AWAY) for kind in kinds}
    shares = {(name, kind): [seconds / paths[kind] for seconds in found] for (name, kind), found in taken.items()}
    lines = [
        (
            name,
            kind,
            text([s * 1000 for s in found], ".0f", " ms"),
            f"{paths[kind] * 1000:.0f} ms",
            text(shares[name, kind], ".2f"),
        )
        for (name, kind), found in taken.items()
    ]
    return Report(
        "First exchange, all parties far",
        HOW,
        {f"far-{kind}": Spread.of(shares["ours", kind]) for kind in kinds},
        [Table(("", "away", "first exchange", "empty's start and the critical path", "of it"), lines)],
    )


def _move(bench: Bench, kind: str, away: Mapping[str, float]) -> None:
    """`kind`: answer or trip."""
    for name, seconds in away.items():
        setattr(bench.outside.relays[name].distance, kind, seconds)
