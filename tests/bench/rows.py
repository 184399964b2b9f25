"""The rows of the bench: a figure each, with its target and the ceiling of the quick form."""

from dataclasses import dataclass

from tests.bench.figures import Spread, number


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the page's table.

    `target` is the promise. `ceiling` is wider, with room for a noisy machine: past it, the quick form fails.
    """

    name: str
    measure: str
    target: float
    ceiling: float
    at_least: bool = False
    unit: str = ""

    def meets(self, figure: Spread, bound: float | None = None) -> bool:
        """Whether a figure is within `bound`, else within the target."""
        bound = self.target if bound is None else bound
        return figure.median >= bound if self.at_least else figure.median <= bound

    def bound(self, value: float) -> str:
        if value == 0 and not self.at_least:
            return "0"
        return f"{'≥' if self.at_least else '≤'} {number(value)}{self.unit}"


ROWS = {
    row.name: row
    for row in (
        Row("cold-start", "cold start, process to the answer of the first exchange, of conventional's", 0.28, 0.36),
        Row(
            "far-answer",
            "first exchange with all parties far (answer), of empty's start and the waits",
            1.4,
            1.7,
        ),
        Row(
            "far-trip",
            "first exchange with all parties far (round trip), of empty's start and the waits",
            1.2,
            1.45,
        ),
        Row("warm-p50", "warm exchange, cache hit: p50, of empty's", 1.4, 2),
        Row("warm-p99", "warm exchange, cache hit: p99, of empty's p99", 3, 5),
        Row("throughput", "exchanges a second, of PyJWT's verify alone", 0.5, 0.35, at_least=True),
        Row("signature-p50", "one signed URL, warm: p50, of empty's", 1.3, 2),
        Row("signature-hundred", "a hundred signed URLs in one request: p50, of one's", 2, 2.5),
        Row("signature-calls", "calls of api2 for signatures", 0, 0),
        Row("event-p50", "a warm event of a pipeline: p50, of conventional's", 0.2, 0.3),
        Row("event-batches", "events a second in batches of ten, of conventional's", 8, 4, at_least=True),
        Row("event-cold-start", "start and first event of a pipeline, of conventional's", 0.4, 0.55),
        Row("upstream-hit", "calls upstream for 20 hits", 0, 0),
        Row("upstream-miss", "calls upstream for a miss", 1, 1),
        Row("upstream-refused", "calls upstream for refusals", 0, 0),
        Row("unpacked", "artifact, unpacked", 30, 30, unit=" MB"),
        Row("zipped", "artifact, zipped", 10, 10, unit=" MB"),
        Row("memory", "peak resident memory, of 1.3 of empty's plus 40 MB", 1, 1),
        Row("flood", "refusals a second in a flood of invalid JWTs, of exchanges a second", 1, 0.8, at_least=True),
        Row("flood-calls", "calls of api2 and Secrets Manager during the flood", 0, 0),
        Row("flood-memory", "memory more after the flood", 2, 4, unit=" MB"),
        Row("starts", "mints for all environments that start within a minute, one grant, shared cache", 2, 2),
        Row("sandbox-token", "sandbox on one core: POST /token a second", 500, 50, at_least=True),
        Row("sandbox-bearer", "sandbox on one core: bearer checks a second", 500, 50, at_least=True),
        Row("cost", "cost of a million exchanges, of an empty function's", 1.05, 1.08),
        Row("event-cost", "cost of a million events of a pipeline, of conventional's", 0.45, 0.55),
        Row("growth-tokens", "an exchange with 10,000 cached tokens, of one with 10", 1.1, 1.3),
        Row("growth-issuers", "an exchange with 10,000 issuers, of one with 10", 1.1, 1.3),
        Row("growth-rules", "an exchange with 10,000 rules of other issuers, of one with 10", 1.1, 1.3),
    )
}
