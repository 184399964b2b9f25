"""What the bench must show: one row a figure, with its target, and the ceiling that the quick form holds it to."""

from dataclasses import dataclass

from tests.bench.figures import Spread


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the page's table.

    `target` is the promise. `ceiling` is wider, with room for a noisy machine; None leaves the row to the full form.
    """

    name: str
    measure: str
    target: float
    ceiling: float | None = None
    at_least: bool = False
    unit: str = ""

    def meets(self, figure: Spread, bound: float) -> bool:
        return figure.median >= bound if self.at_least else figure.median <= bound

    def bound(self, value: float) -> str:
        return f"{'≥' if self.at_least else '≤'} {value:g}{self.unit}"


ROWS = {
    row.name: row
    for row in (
        Row("cold-start", "cold start, process to the answer of the first exchange, of conventional's", 0.25, 0.45),
        Row("warm-p50", "warm exchange, cache hit: p50, of empty's", 1.5, 2.2),
        Row("warm-p99", "warm exchange, cache hit: p99, of empty's p99", 3, 6),
    )
}
