"""Signatures: one signed URL after another in one environment, and a hundred of them in one request."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from local.aws.services import secret_name
from local.emulator.pool import Environment
from tests.bench.figures import Spread, percentile, ratios, text
from tests.bench.measure import Bench, Report, Table
from tests.bench.parties import Party, signature_event

HOW = """\
One environment each, in turn: the empty handler, a request for one Smart CDN URL, and one for a hundred. Every caller
has a JWT of its own; the secret is held. Medians of each round are compared with one another."""
CALLERS, MANY = 32, 100
ONE, HUNDRED = "one URL", f"{MANY} URLs"


async def measure(bench: Bench) -> Report:
    events = _make_events(bench)
    ours, empty = _signing(bench.parties.ours).environment(), bench.parties.empty.environment()
    environments = {"empty": empty, ONE: ours, HUNDRED: ours}
    before = bench.outside.calls()["api2"]
    try:
        for environment in (ours, empty):
            await environment.start()
        await _round(environments, events)
        rounds = [await _round(environments, events) for _ in range(bench.count(full=24, quick=6))]
    finally:
        for environment in (ours, empty):
            await environment.stop()
    p50 = {name: [percentile(taken[name], 50) for taken in rounds] for name in environments}
    figures = {
        "signature-p50": ratios(p50[ONE], p50["empty"]),
        "signature-hundred": ratios(p50[HUNDRED], p50[ONE]),
        "signature-calls": Spread.of([bench.outside.calls()["api2"] - before]),
    }
    lines = [(name, text(p50[name], ".2f", " ms")) for name in environments]
    return Report("Signatures", HOW, figures, [Table(("", "p50"), lines)])


def _signing(ours: Party) -> Party:
    """Ours with a secret for the credential that signs: the one that is there already."""
    names = {"CREDENTIALS": "default,pictures", "CREDENTIAL_SECRETS": ",".join([secret_name("default")] * 2)}
    return replace(ours, name="signing", variables={**ours.variables, **names})


def _make_events(bench: Bench) -> dict[str, list[bytes]]:
    """The events of each caller, by what is asked for."""
    events: dict[str, list[bytes]] = {ONE: [], HUNDRED: []}
    for number in range(CALLERS):
        sub = f"caller-{number}"
        jwt = bench.outside.jwt(sub=sub)
        inputs = [f"users/{sub}/picture-{place}.jpg" for place in range(MANY)]
        wish = {"kind": "smart_cdn", "template": "thumbnail", "params": {"w": 200}}
        events[ONE].append(json.dumps(signature_event(jwt, wish | {"input": inputs[0]})).encode())
        events[HUNDRED].append(json.dumps(signature_event(jwt, wish | {"inputs": inputs})).encode())
    return events | {"empty": events[ONE]}


async def _round(environments: dict[str, Environment], events: Mapping[str, Sequence[bytes]]) -> dict[str, list[float]]:
    """Milliseconds of each call, one party after the other for each caller."""
    taken: dict[str, list[float]] = {name: [] for name in environments}
    for caller in range(CALLERS):
        for name, environment in environments.items():
            started = time.perf_counter()
            outcome = await environment.invoke(events[name][caller])
            taken[name].append((time.perf_counter() - started) * 1000)
            assert b'"statusCode": 200' in outcome.payload, outcome.payload
    return taken
