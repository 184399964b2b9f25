"""Writes docs/performance.md: the results, the machine, and what they mean. The whole page is generated."""

import os
import platform
import re
import subprocess
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.figures import Spread, number
from tests.bench.measure import Report, Table
from tests.bench.plots import svg
from tests.bench.rows import ROWS, Row

EXPLANATIONS = Path(__file__).with_name("explanations.toml")
HEAD = """\
# Performance

Written by `make bench`; do not edit. Figures are ratios between things measured in turn in the same run, as medians
with the quartiles in brackets; milliseconds are of the machine named below and no promise.
"""
PARTIES = """\
Measured beside **ours**, all of them artifacts under Lambda's own Runtime Interface Emulator:

- **empty**: a handler that returns a constant: the floor.
- **conventional**: what a good engineer would write in an afternoon instead of using this
  ([its code](../tests/bench/conventional/app.py)): Powertools' event handler, Logger, Metrics, `parameters.get_secret`
  and its alpha auth utility, by a plain `sam build`. It performs the same exchange.

All speak TLS to the same issuer, the same Secrets Manager (moto) and the same sandbox of api2.
"""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The machine, the time, and the version that was measured."""

    machine: str
    commit: str
    date: str

    @classmethod
    def here(cls, root: Path) -> "Circumstances":
        processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        machine = (
            f"{processor[1] if processor else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB, "
            f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}"
        )
        commit = _git(root, "rev-parse", "--short=12", "HEAD") or "unknown"
        changed = ", with changes" if _git(root, "status", "--porcelain", "--", ":!docs/performance*") else ""
        return cls(machine, commit + changed, datetime.now(UTC).date().isoformat())


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def explanations() -> Mapping[str, str]:
    """By the name of a row: why it misses its target."""
    return {name: str(text).strip() for name, text in tomllib.loads(EXPLANATIONS.read_text("utf-8")).items()}


def written(reports: Sequence[Report], here: Circumstances, why: Mapping[str, str]) -> dict[str, str]:
    """The page and its plots, by their names in docs/."""
    files = {
        f"performance/{name}.svg": svg(name, plot)
        for report in reports
        for name, plot in zip(plot_names(report), report.plots, strict=True)
    }
    repeat = (
        f"Measured on {here.date} at commit {here.commit}, on {here.machine}.\n\n"
        "Repeat it: `make bench` writes this page anew in some ten minutes; `make bench-quick` takes three, holds the\n"
        "ratios to wider ceilings and runs with the tests. One measure alone: `.venv/bin/python -m tests.bench warm`.\n"
    )
    parts = [HEAD, _summary(reports), PARTIES, repeat, *(_section(report, why) for report in reports)]
    return {"performance.md": "\n".join(parts), **files}


def plot_names(report: Report) -> list[str]:
    """Names of a report's plots, unique on the page."""
    stem = re.sub(r"[^a-z0-9]+", "-", report.title.lower()).strip("-")
    return [f"{stem}-{number}" if number else stem for number in range(len(report.plots))]


def _summary(reports: Iterable[Report]) -> str:
    lines = [
        (row.measure, row.bound(row.target), f"**{found(row, figure)}**", "met" if row.meets(figure) else "missed")
        for report in reports
        for row, figure in _rows(report)
    ]
    return _table(Table(("measure", "target", "result", ""), lines))


def _rows(report: Report) -> Iterator[tuple[Row, Spread]]:
    for name, figure in report.figures.items():
        yield ROWS[name], figure


def found(row: Row, figure: Spread) -> str:
    """What came of a row, as people read it."""
    middle = f"{number(figure.median)}{row.unit}"
    return middle if figure.count == 1 else f"{middle} ({number(figure.low)} to {number(figure.high)})"


def _section(report: Report, why: Mapping[str, str]) -> str:
    parts = [f"## {report.title}\n", f"{report.how.strip()}\n"]
    parts += [
        f"![{plot.title}](performance/{name}.svg)\n"
        for name, plot in zip(plot_names(report), report.plots, strict=True)
    ]
    parts += [_table(table) for table in report.tables]
    for row, figure in _rows(report):
        if not row.meets(figure):
            reason = why.get(row.name, "not explained yet.")
            parts.append(f"**Missed**: {row.measure}: {found(row, figure)}, {row.bound(row.target)}. {reason}\n")
    return "\n".join(parts)


def _table(table: Table) -> str:
    lines = [table.head, ["---"] * len(table.head), *table.lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
