"""The rows and their bounds."""

import pytest

from tests.bench.figures import Spread
from tests.bench.page import explanations
from tests.bench.rows import ROWS, Row

AT_MOST = Row("a", "a", 0.25, 0.5)
AT_LEAST = Row("a", "a", 0.5, 0.25, at_least=True)


@pytest.mark.parametrize(
    ("row", "figure", "met"),
    [(AT_MOST, 0.25, True), (AT_MOST, 0.26, False), (AT_LEAST, 0.5, True), (AT_LEAST, 0.49, False)],
)
def test_a_row_is_met_up_to_its_target(row: Row, figure: float, met: bool) -> None:
    assert row.meets(Spread.of([figure])) is met


@pytest.mark.parametrize(("row", "figure"), [(AT_MOST, 0.5), (AT_LEAST, 0.25)])
def test_the_quick_form_holds_it_to_its_ceiling(row: Row, figure: float) -> None:
    assert not row.meets(Spread.of([figure]))
    assert row.meets(Spread.of([figure]), row.ceiling)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_ceiling_leaves_room_for_noise_and_is_never_tighter_than_the_target(row: Row) -> None:
    assert row.meets(Spread.of([row.target]), row.ceiling)


def test_every_explanation_belongs_to_a_row() -> None:
    assert explanations().keys() <= ROWS.keys()
