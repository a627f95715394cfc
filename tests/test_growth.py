"""The exponent that the benchmarks report."""

import pytest
from growth import drawn, exponent


@pytest.mark.parametrize("power", [-1.0, 0.0, 0.5, 1.0, 2.0])
def test_a_power_law_has_its_exponent_and_no_deviation(power: float) -> None:
    found, off = exponent([(size, 3 * size**power) for size in (1, 4, 16, 256)])

    assert found == pytest.approx(power, abs=1e-9)
    assert off == pytest.approx(0, abs=1e-9)


def test_what_is_no_power_law_says_how_far_it_is_from_one() -> None:
    assert exponent([(1, 1), (10, 20), (100, 100)])[1] > 0.3


def test_every_point_is_in_the_plot() -> None:
    said = drawn("px", "s", {"a": [(1, 1), (2, 4)], "b": [(1, 2), (2, 2)]})

    assert said.count("<circle") == 4
    assert "a: exponent 2.00" in said
    assert "b: exponent 0.00" in said
