"""The input and the result of a measure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tests.bench.figures import Spread
from tests.bench.outside import Outside
from tests.bench.parties import Parties


@dataclass(frozen=True, slots=True)
class Bench:
    outside: Outside
    parties: Parties
    quick: bool

    def count(self, full: int, quick: int) -> int:
        """How often to do something in this form of the bench."""
        return quick if self.quick else full


@dataclass(frozen=True, slots=True)
class Table:
    head: Sequence[str]
    lines: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Plot:
    """Bars, or lines: the values of each series, one a label."""

    title: str
    labels: Sequence[str]
    series: Mapping[str, Sequence[float]]
    unit: str
    is_line: bool = False
    is_logarithmic: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """A section of the page. `figures`: the results by the name of their row."""

    title: str
    how: str
    figures: Mapping[str, Spread]
    tables: Sequence[Table] = ()
    plots: Sequence[Plot] = ()


class Measure(Protocol):
    async def __call__(self, bench: Bench) -> Report: ...
