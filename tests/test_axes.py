"""Logarithmic axes that a person reads."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from search.show.axes import LEAST_SHOWN, MOST_SHOWN, logarithmic, round_numbers


@pytest.mark.parametrize(("low", "high"), [(0.02, 1.1), (21.8, 70.0), (0.0017, 0.005), (1.0, 1.0), (0.01, 90.0)])
def test_ticks_of_a_size_axis_surround_what_is_shown(low: float, high: float) -> None:
    ticks = round_numbers(low, high)

    assert ticks == sorted(ticks)
    assert ticks[0] <= low
    assert ticks[-1] >= high


@given(st.floats(1e-4, 1e5), st.floats(1.01, 1e6))
@example(1.0, 1.0000000001 * 1.01)
@example(0.06, 1.015625)  # whose first tick, 120 times 0.0005, a division rounds to more than itself
def test_each_range_shows_a_few_short_numbers(low: float, times: float) -> None:
    high = low * times
    axis = logarithmic(low, high)
    shown = [text for tick, text in zip(axis["tickvals"], axis["ticktext"], strict=True) if low <= tick <= high]

    assert LEAST_SHOWN <= len(shown) <= MOST_SHOWN
    assert len({*axis["ticktext"]}) == len(axis["ticktext"])


@given(st.integers(0, 3), st.integers(1, 8))
def test_ticks_are_few_digits_and_no_powers(power: int, more: int) -> None:
    """Over a decade and more."""
    for tick in round_numbers(10**power, 10 ** (power + more)):
        assert tick / 10 ** math.floor(math.log10(tick)) == pytest.approx(
            round(tick / 10 ** math.floor(math.log10(tick)))
        )


def test_epochs_are_read_in_ones_twos_and_fives() -> None:
    assert logarithmic(1, 120)["ticktext"] == ["1", "2", "5", "10", "20", "50", "100", "200"]
    assert logarithmic(1, 10_000)["ticktext"] == ["1", "10", "100", "1,000", "10,000"]


@pytest.mark.parametrize(("low", "high"), [(0.1, 1000.0000000000001), (1, 1.0000000001), (1.7, 1.948), (5, 5)])
def test_ranges_whose_ends_no_short_number_meets_have_an_axis_all_the_same(low: float, high: float) -> None:
    assert all(tick > 0 for tick in logarithmic(low, high)["tickvals"])
