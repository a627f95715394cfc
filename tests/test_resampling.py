"""Flips, intervals and Holm, each beside its closed form or the library's."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from data.holm import holm
from studies.statistics.resampling import FEW, flips_of_images, interval, mean, of_patients

MONTHS = st.integers(-40, 40).map(lambda tenths: tenths / 8)  # eighths: scaling and sums are exact


def test_flips_of_images_are_those_of_scipy() -> None:
    values = np.random.default_rng(5).normal(0.1, 1, 300)
    expected = stats.permutation_test(
        (values,), mean, permutation_type="samples", n_resamples=9_999, rng=np.random.default_rng(1)
    ).pvalue

    # Both are drawn: 9,999 flips tell p to within 0.01; four of these apart is a fault.
    assert flips_of_images(tuple(values.tolist())) == pytest.approx(expected, abs=0.04)


@pytest.mark.parametrize("images", [20, 60, 400])
def test_p_over_few_images_is_that_of_the_t_test(images: int) -> None:
    """Of normal changes, on average: the means that a bootstrap draws from 20 images are too narrow, and 0.05 would be 0.03."""
    random = np.random.default_rng(images)
    normal = random.normal(0, 4, (20, images))
    spread = normal.std(axis=1, ddof=1, keepdims=True) / np.sqrt(images)
    shifted = normal - normal.mean(axis=1, keepdims=True) + stats.t.isf(0.025, images - 1) * spread

    found = [flips_of_images(tuple(each.tolist())) for each in shifted]

    assert stats.ttest_1samp(shifted[0], 0).pvalue == pytest.approx(0.05)
    assert np.mean(found) == pytest.approx(0.05, abs=0.005)


def test_images_without_any_difference_are_no_difference() -> None:
    assert flips_of_images((0.0,) * 50) == 1.0


# the interval


@pytest.mark.parametrize("size", [FEW + 1, 200])
def test_the_interval_of_many_values_is_bca_of_scipy(size: int) -> None:
    values = np.random.default_rng(size).exponential(1, size)
    found = stats.bootstrap(
        (values,), np.mean, method="BCa", n_resamples=9_999, batch=1000, rng=np.random.default_rng(0)
    ).confidence_interval

    assert interval(tuple(values.tolist())) == pytest.approx((found.low, found.high))


@settings(max_examples=20, deadline=None)
@given(st.lists(MONTHS, min_size=2, max_size=FEW).filter(lambda values: len(set(values)) > 1))
def test_the_interval_of_few_values_is_students_and_agrees_with_its_test(changes: list[float]) -> None:
    low, high = interval(tuple(changes))
    test = stats.ttest_1samp(changes, 0.0)
    expected = test.confidence_interval()

    assert (low, high) == pytest.approx((expected.low, expected.high))
    assert (low <= 0 <= high) == (test.pvalue >= 0.05)


# several films of one patient


@settings(max_examples=20, deadline=None)
@given(st.lists(MONTHS, min_size=2, max_size=FEW), st.integers(2, 5))
def test_films_of_one_patient_that_are_all_alike_tell_no_more_than_one(changes: list[float], films: int) -> None:
    several = tuple(np.repeat(changes, films).tolist())
    whose = tuple(np.repeat(np.arange(len(changes)), films).tolist())

    assert interval(several, whose) == pytest.approx(interval(tuple(changes)))


def test_films_of_many_patients_that_are_all_alike_tell_no_more_than_one_of_each() -> None:
    changes = np.random.default_rng(4).exponential(1, 60)
    several, whose = tuple(np.repeat(changes, 3).tolist()), tuple(np.repeat(np.arange(60), 3).tolist())

    assert interval(several, whose) == pytest.approx(interval(tuple(changes.tolist())))
    assert np.ptp(interval(several)) < 0.7 * np.ptp(interval(several, whose))


def test_where_every_film_is_another_patients_the_numbers_change_nothing() -> None:
    values = tuple(np.random.default_rng(5).normal(0, 1, 50).tolist())

    assert interval(values, tuple(range(7, 57))) == interval(values)


@pytest.mark.slow
@pytest.mark.parametrize(("patients", "least"), [(10, 0.91), (40, 0.91)])
def test_intervals_over_patients_with_unlike_numbers_of_films_hold_the_mean_as_often_as_they_say(
    patients: int, least: float
) -> None:
    """Half of an error's variance is its patient's. 200 repetitions: 95 % of them is 190 ± 3, so 182 is three of these below it."""
    held = {"with patients": 0, "without": 0}
    for seed in range(200):
        random = np.random.default_rng(seed)
        whose = np.repeat(np.arange(patients), random.integers(1, 12, patients))
        values = 10 + random.normal(0, 3, patients)[whose] + random.normal(0, 3, len(whose))
        for name, of in (("with patients", tuple(whose.tolist())), ("without", ())):
            low, high = interval(tuple(values.tolist()), of)
            held[name] += low <= 10 <= high

    assert held["with patients"] / 200 >= least
    assert held["without"] / 200 < 0.8


@pytest.mark.slow
def test_flips_over_the_sums_of_patients_find_no_difference_that_is_their_films_likeness() -> None:
    """Twenty patients with ten films each, no difference. 400 repetitions: 5 % of them is 20 ± 4.4, so 33 is three of these above it."""
    found = {"patients": 0, "films": 0}
    for seed in range(400):
        random = np.random.default_rng(seed)
        whose = np.repeat(np.arange(20), 10)
        changes = random.normal(0, 1, 20)[whose] + random.normal(0, 1, 200)
        sums, films = of_patients(changes, tuple(whose.tolist()))
        assert films.tolist() == [10] * 20
        found["patients"] += flips_of_images(tuple(sums.tolist())) <= 0.05
        found["films"] += flips_of_images(tuple(changes.tolist())) <= 0.05

    assert found["patients"] <= 33
    assert found["films"] > 100


def test_values_that_do_not_vary_have_a_point_and_no_values_have_none() -> None:
    assert interval((0.1,) * 7) == (pytest.approx(0.1), pytest.approx(0.1))
    assert interval((0.0,) * 7) == (0.0, 0.0)
    assert all(math.isnan(end) for end in (*interval(()), *interval((3.0,))))


@pytest.mark.parametrize("seeds", [2, 3, 6, 16])
def test_intervals_of_few_seeds_hold_the_truth_as_often_as_they_say(seeds: int) -> None:
    random = np.random.default_rng(seeds)
    studies = 2000

    found = (interval(tuple(random.normal(size=seeds).tolist())) for _ in range(studies))
    held = sum(low <= 0 <= high for low, high in found)

    assert 0.93 < held / studies < 0.97


# families


def test_holm_is_what_it_is_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.slow
@settings(max_examples=5, deadline=None)  # statsmodels collects garbage each time
@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_holm_is_that_of_statsmodels(p: list[float]) -> None:
    assert holm(p) == pytest.approx(list(multipletests(p, method="holm")[1]))
