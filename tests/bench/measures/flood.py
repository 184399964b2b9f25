"""A flood of invalid JWTs: how many are refused a second, and what else they cost."""

import time
from typing import Any

from tests.bench.figures import Spread, rates, ratios, text
from tests.bench.loops import loop_of
from tests.bench.measure import Bench, Report, Table
from tests.bench.parties import token_event
from tests.kit.jwts import Signer

HOW = """\
The handler in a loop as above, exchanges and refusals in turn. The flood has equal parts of the kinds named below,
every JWT another one. Requests outside and memory are counted over the whole flood; the issuer may be asked once in a
cool-down of 30 s for a key that it does not have."""
EACH = 40  # JWTs of a kind
MEGABYTE = 1e6


def bad_events(bench: Bench) -> dict[str, list[Any]]:
    """Requests of each kind that is refused."""
    jwt, now = bench.outside.jwt, int(time.time())
    forger, stranger = Signer(name="forger"), Signer(key_id="unheard-of", name="forger")
    kinds: dict[str, list[str]] = {
        "not a JWT": [f"flood.{number}.x" for number in range(EACH)],
        "unknown issuer": [jwt(sub=f"bad-{number}", iss="https://elsewhere.example") for number in range(EACH)],
        "expired": [jwt(sub=f"bad-{number}", exp=now - 3600) for number in range(EACH)],
        "another audience": [jwt(sub=f"bad-{number}", aud="others") for number in range(EACH)],
        "forged signature": [jwt(sub=f"bad-{number}", signer=forger) for number in range(EACH)],
        "unknown key": [jwt(sub=f"bad-{number}", signer=stranger) for number in range(EACH)],
    }
    return {kind: [token_event(each) for each in jwts] for kind, jwts in kinds.items()}


async def measure(bench: Bench) -> Report:
    kinds = bad_events(bench)
    mixed = [event for events in zip(*kinds.values(), strict=True) for event in events]
    times = bench.count(full=len(mixed) * 5, quick=len(mixed) * 2)
    taken: dict[str, list[float]] = {name: [] for name in ("exchanges", "flood", *kinds)}
    async with loop_of(bench.parties.ours) as loop:
        await loop.keep("exchanges", [token_event(bench.outside.jwt(sub=f"caller-{number}")) for number in range(EACH)])
        for name, events in {"flood": mixed, **kinds}.items():
            await loop.keep(name, events)
        await loop.run("exchanges", EACH)
        before = (await loop.run("flood", times, 401)).resident
        asked = bench.outside.calls()
        for _ in range(bench.count(full=10, quick=4)):
            taken["exchanges"].append((await loop.run("exchanges", times)).seconds / times)
            taken["flood"].append((await loop.run("flood", times, 401)).seconds / times)
        for kind in kinds:
            taken[kind].append((await loop.run(kind, times, 401)).seconds / times)
        grown = (await loop.run("flood", times, 401)).resident - before
    asked = bench.outside.calls() - asked
    lines = [(name, text(rates(seconds), ",.0f")) for name, seconds in taken.items()]
    figures = {
        "flood": ratios(taken["exchanges"], taken["flood"]),
        "flood-calls": Spread.of([asked["aws"] + asked["api2"]]),
        "flood-memory": Spread.of([grown / MEGABYTE]),
    }
    return Report("A flood of invalid JWTs", HOW, figures, [Table(("", "a second"), lines)])
