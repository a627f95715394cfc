"""Labels as people write them, and labels in years that nobody must take for months."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.tables.ages import look_like_years, months_of, mostly_newborn, said_of_years, unclear_marks

PEOPLE = np.random.default_rng(0)
CHILDREN_MONTHS = np.clip(PEOPLE.normal(127, 41, 400), 1, 228)  # as RSNA's


@pytest.mark.parametrize(
    ("text", "months"),
    [
        ("132", 132.0),
        (" 132.5 ", 132.5),
        ("132,5", 132.5),
        ("1e2", 100.0),
        (".5", 0.5),
        ("-3", -3.0),
        ("", math.nan),
        ("twelve", math.nan),
        ("nan", math.nan),
        ("inf", math.nan),
        ("1_000", math.nan),
        ("11y", math.nan),
        ("1,2,3", math.nan),
        ("3,650", math.nan),  # 3.65 or 3650
    ],
)
def test_a_label_is_a_number_in_any_notation_or_nothing(text: str, months: float) -> None:
    assert months_of([text], "months") == pytest.approx([months], nan_ok=True)


def test_a_comma_that_may_part_thousands_is_a_decimal_one_beside_others_that_are() -> None:
    assert months_of(["3,650", "132,5"], "months") == [3.65, 132.5]
    assert all(map(math.isnan, months_of(["3,650", "2,100"], "months")))


def test_a_point_that_may_part_thousands_of_days_is_undecided_and_of_months_it_is_none() -> None:
    assert [math.isnan(age) for age in months_of(["300", "600", "1.200", "1.500"], "days")] == [
        False,
        False,
        True,
        True,
    ]
    assert months_of(["1.200", "1.5"], "days") == pytest.approx([1.2 * 12 / 365.25, 1.5 * 12 / 365.25], abs=1e-4)
    assert months_of(["3652.500", "10.250"], "days") == pytest.approx([120, 10.25 * 12 / 365.25], abs=1e-4)
    assert months_of(["120.125", "96.250", "8.000"], "months") == [120.125, 96.25, 8]
    assert months_of(["10.125", "8.500"], "years") == [121.5, 102]
    assert unclear_marks(["1.200", "1,200"], "days") == (",", ".")


def test_labels_that_are_mostly_below_a_month_are_of_another_unit() -> None:
    assert mostly_newborn(CHILDREN_MONTHS * 12 / 365.25 / 12)
    assert not mostly_newborn(CHILDREN_MONTHS)
    assert not mostly_newborn(np.array([0.0, 0.0]))  # two labels tell nothing


def test_units_are_converted() -> None:
    assert months_of(["10.5", "18"], "years") == [126, 216]
    assert months_of(["3652.5"], "days") == [120]


@pytest.mark.parametrize("step", [None, 1.0, 0.5, 0.25])
@pytest.mark.parametrize("count", [12, 60, 400])
def test_years_are_known_as_years_and_their_months_are_not(step: float | None, count: int) -> None:
    years = CHILDREN_MONTHS[:count] / 12
    written = years if step is None else np.round(years / step) * step

    assert look_like_years(written)
    assert not look_like_years(CHILDREN_MONTHS[:count])


def test_slips_of_the_pen_do_not_hide_years() -> None:
    years = CHILDREN_MONTHS[:100] / 12
    years[:3] = [132.0, 95.0, 155.0]  # three in months

    assert look_like_years(years)


@pytest.mark.parametrize("slips", [[25.0], [22.0], [99.0], [51.0], [99.0] * 6, [99.0, 99.0, 25.0], []])
@pytest.mark.parametrize("count", [6, 12, 60])
def test_one_slip_hides_no_years_nor_does_what_some_write_for_unknown(slips: list[float], count: int) -> None:
    assert look_like_years(np.array([*np.round(CHILDREN_MONTHS[:count] / 12, 1), *slips]))
    assert not look_like_years(np.array([*CHILDREN_MONTHS[:count], *slips]))


@pytest.mark.parametrize("unknown", [77.0, 88.0, 99.0])
def test_codes_for_unknown_hide_no_years(unknown: float) -> None:
    assert look_like_years(np.array([*np.round(CHILDREN_MONTHS[:10] / 12, 1), *[unknown] * 15]))
    assert not look_like_years(np.array([*CHILDREN_MONTHS[:10], *[unknown] * 15]))


@pytest.mark.parametrize("share", [0.15, 0.3, 0.45])
def test_months_beside_years_hide_no_years(share: float) -> None:
    in_months = np.arange(100) < share * 100
    labels = np.where(in_months, CHILDREN_MONTHS[:100], CHILDREN_MONTHS[:100] / 12)

    assert look_like_years(labels)
    assert f"and {(labels > 21).sum()} are above 21; say --age-unit years" in said_of_years(labels)
    assert "if both units occur, write all in one" in said_of_years(labels)


@pytest.mark.parametrize(
    "months",
    [
        np.arange(12, 37),  # toddlers
        np.arange(8, 43),
        np.array([3, 6, 9, 12, 15, 18] * 4),  # on the plates of the atlas
        PEOPLE.uniform(12, 36, 40),
        np.array([*range(2, 22), 25, 30, 36]),
        np.arange(0, 25),
        np.array([*range(4, 22)] * 5 + [24] * 6),
        np.array([4.0, 5.0]),  # two labels tell nothing
    ],
    ids=["12 to 36", "8 to 42", "plates", "uniform", "2 to 36", "0 to 24", "few", "two"],
)
def test_toddlers_in_months_are_not_taken_for_years(months: np.ndarray) -> None:
    assert not look_like_years(months.astype(float))


def test_infants_in_months_are_asked_for_their_unit() -> None:
    """0 to 21 months, and years beside a slip of the pen, are the same numbers."""
    assert look_like_years(np.arange(0.0, 22.0))
    assert look_like_years(np.array([*np.arange(0.0, 22.0), 24, 24]))
    assert look_like_years(np.array([0.5, 1, 1.5, 2, 2.5, 3, 24, 30, 36]))  # in both units
    assert "--age-unit months if they are infants'" in said_of_years(np.arange(0.0, 25.0))


@settings(deadline=None)
@given(st.lists(st.floats(22.5, 76), max_size=60), st.lists(st.floats(0, 21), max_size=60))
def test_most_labels_decide_whatever_the_others_are(beyond: list[float], low: list[float]) -> None:
    beyond.append(77.5)  # no infants'
    most = len(low) > len(beyond) and len(low) >= 5 and any(age % 3 for age in low)

    assert look_like_years(np.array(beyond + low)) == most
