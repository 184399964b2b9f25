"""What is said of samples."""

import pytest

from tests.bench.figures import Spread, number, percentile, rates, ratios, text


def test_a_spread_is_the_median_and_the_quartiles() -> None:
    assert Spread.of([5, 1, 4, 2, 3]) == Spread(2, 3, 4, 5)


def test_one_sample_is_its_own_spread() -> None:
    assert Spread.of([7]) == Spread(7, 7, 7, 1)


def test_no_sample_has_no_spread() -> None:
    with pytest.raises(ValueError, match="no samples"):
        Spread.of([])


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 2.5), (99, 3.97), (100, 4)])
def test_a_percentile_lies_between_two_samples_in_proportion(percent: float, value: float) -> None:
    assert percentile([4, 2, 1, 3], percent) == pytest.approx(value)


def test_ratios_are_of_what_was_measured_together() -> None:
    """A slow moment slows both, so the ratio of each pair is 2, though the medians' is not."""
    assert ratios([2, 20, 6], [1, 10, 3]) == Spread(2, 2, 2, 3)


def test_samples_that_are_not_pairs_have_no_ratios() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratios([1, 2], [1])


def test_seconds_become_rates() -> None:
    assert rates([0.5, 0.25]) == [2, 4]


def test_people_read_the_median_and_the_quartiles() -> None:
    assert text([1000, 2000, 3000], ",.0f", " ms") == "2,000 ms (1,500 to 2,500)"


@pytest.mark.parametrize(("value", "said"), [(0.12345, "0.123"), (17.06, "17.1"), (2201.4, "2,201"), (0, "0")])
def test_a_number_has_three_figures_or_all_before_the_point(value: float, said: str) -> None:
    assert number(value) == said
