"""The page that `make bench` writes."""

from pathlib import Path

import pytest

from tests.bench import page
from tests.bench.figures import Spread
from tests.bench.measure import Plot, Report, Table
from tests.bench.plots import svg

HERE = page.Circumstances("a processor, 2 cores", "0123456789ab", "2026-11-24")
PLOT = Plot("Bars", ["ours", "empty"], {"p50": [2, 1], "p99": [4, 3]}, "ms")
REPORT = Report(
    "Cold start",
    "How it was measured.",
    {"cold-start": Spread(0.2, 0.3, 0.4, 20)},
    [Table(("", "took"), [("ours", "300 ms")])],
    [PLOT],
)


def written(report: Report, **why: str) -> dict[str, str]:
    return page.written([report], HERE, {name.replace("_", "-"): reason for name, reason in why.items()})


def test_each_row_has_its_target_its_result_and_a_verdict() -> None:
    text = written(REPORT)["performance.md"]
    assert "| ≤ 0.28 | **0.3 (0.2 to 0.4)** | missed |" in text
    assert "How it was measured." in text
    assert "| ours | 300 ms |" in text


def test_the_page_says_where_and_when_of_what_and_how_to_repeat_it() -> None:
    text = written(REPORT)["performance.md"]
    for said in ("a processor, 2 cores", "0123456789ab", "2026-11-24", "`make bench`"):
        assert said in text


def test_a_missed_target_is_explained() -> None:
    assert "≤ 0.28. TLS is slow." in written(REPORT, cold_start="TLS is slow.")["performance.md"]
    assert "not explained yet" in written(REPORT)["performance.md"]


def test_a_target_that_is_met_needs_no_explanation() -> None:
    met = Report(REPORT.title, REPORT.how, {"cold-start": Spread(0.2, 0.2, 0.2, 20)})
    text = written(met, cold_start="TLS is slow.")["performance.md"]
    assert "| met |" in text
    assert "TLS is slow" not in text


def test_each_plot_is_a_file_that_the_page_shows() -> None:
    files = written(Report("Two plots", "", {}, (), [PLOT, PLOT]))
    assert files.keys() == {"performance.md", "performance/two-plots.svg", "performance/two-plots-1.svg"}
    for name in files.keys() - {"performance.md"}:
        assert f"({name})" in files["performance.md"]


@pytest.mark.parametrize("is_line", [True, False])
def test_a_plot_is_the_same_for_the_same_figures_and_has_no_script(is_line: bool) -> None:
    plot = Plot("A plot", ["10", "100"], {"tokens": [1, 2]}, "ms", is_line)
    (one, two) = (svg("name", plot) for _ in range(2))
    assert one == two
    assert one.startswith("<svg")
    assert "<script" not in one
    assert "A plot" in one


def test_the_circumstances_are_found_wherever_it_runs(tmp_path: Path) -> None:
    here = page.Circumstances.here(tmp_path)
    assert here.commit == "unknown"
    assert "Python 3.13" in here.machine
