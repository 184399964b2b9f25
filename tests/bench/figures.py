"""Medians of samples with their spread, and ratios of samples that were measured in turn."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some samples, and the quartiles below and above it."""

    low: float
    median: float
    high: float
    count: int

    @classmethod
    def of(cls, samples: Sequence[float]) -> "Spread":
        """Raises ValueError if there are no samples."""
        if not samples:
            raise ValueError("no samples")
        return cls(percentile(samples, 25), statistics.median(samples), percentile(samples, 75), len(samples))


def percentile(samples: Sequence[float], percent: float) -> float:
    """The sample below or at which `percent` of them lie, between two neighbours in proportion."""
    ordered = sorted(samples)
    place = (len(ordered) - 1) * percent / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """The ratios of pairs. Each pair is measured one after the other, so that a noisy moment affects both."""
    return Spread.of([one / other for one, other in zip(ours, theirs, strict=True)])


def rates(seconds: Sequence[float]) -> list[float]:
    """Calls a second, from the seconds that each call took."""
    return [1 / each for each in seconds]


def number(value: float) -> str:
    """A number with three significant figures, or with all those before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def text(figure: Spread | Sequence[float], form: str, unit: str = "") -> str:
    """The median, and the quartiles in brackets, as people read them."""
    spread = figure if isinstance(figure, Spread) else Spread.of(figure)
    return f"{spread.median:{form}}{unit} ({spread.low:{form}} to {spread.high:{form}})"
