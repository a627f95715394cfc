"""Flips, intervals and Holm, each beside its closed form, a count of all flips, or the library's."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from studies.statistics.resampling import FLIPS, attainable, flips_of_images, flips_of_seeds, holm, interval, mean

MARGIN = 1.0  # months
MONTHS = st.integers(-40, 40).map(lambda tenths: tenths / 8)  # eighths: scaling and sums are exact
SAMPLES = st.lists(MONTHS, min_size=6, max_size=9).map(tuple)


def differences(changes: Sequence[float], margin: float = MARGIN) -> tuple[float, float]:
    return flips_of_seeds(tuple(float(change) for change in changes), margin)


@pytest.mark.parametrize("seeds", [6, 8, 11])
def test_changes_of_one_sign_have_the_least_p(seeds: int) -> None:
    changes = np.linspace(1.5, 2.5, seeds)

    assert differences(changes)[0] == pytest.approx(2 / 2**seeds)
    assert differences(-changes)[0] == pytest.approx(2 / 2**seeds)
    assert differences(changes / 10)[1] == pytest.approx(1 / 2**seeds)


def test_no_change_at_all_is_no_difference_and_surely_within_the_margin() -> None:
    assert differences([0.0] * 6) == (1.0, pytest.approx(1 / 2**6))


@settings(max_examples=25, deadline=None)
@given(SAMPLES)
def test_p_is_the_share_of_all_flips_that_reach_the_mean(changes: tuple[float, ...]) -> None:
    signs = np.array(np.meshgrid(*[[-1, 1]] * len(changes))).reshape(len(changes), -1)

    def share(values: np.ndarray) -> float:
        return float(np.mean(values @ signs >= values.sum()))

    values = np.array(changes)
    expected = min(1.0, 2 * min(share(values), share(-values)))
    assert differences(changes) == (
        pytest.approx(expected),
        pytest.approx(max(share(values + MARGIN), share(MARGIN - values))),
    )


@settings(max_examples=25, deadline=None)
@given(SAMPLES, st.sampled_from([0.25, 2.0, 8.0]))
def test_p_knows_neither_the_direction_nor_the_unit(changes: tuple[float, ...], scale: float) -> None:
    here = differences(changes)

    assert differences([-change for change in changes]) == pytest.approx(here)
    assert differences([change * scale for change in changes], MARGIN * scale) == pytest.approx(here)


@settings(max_examples=25, deadline=None)
@given(SAMPLES)
def test_a_wider_margin_is_never_harder_to_keep_within(changes: tuple[float, ...]) -> None:
    p = [differences(changes, margin)[1] for margin in (0.5, 1.0, 2.0, 8.0)]

    assert p == sorted(p, reverse=True)


def test_at_the_margin_no_difference_and_equivalence_ask_the_same() -> None:
    """Moved by the margin, the one-sided test that decides is that of a mean of 0."""
    changes = np.array([0.3, -0.9, 1.4, 0.2, -0.6, -1.1, -0.8])

    assert differences(changes + MARGIN)[1] == pytest.approx(
        stats.permutation_test((changes,), np.mean, permutation_type="samples", alternative="less").pvalue
    )


def test_flips_of_images_are_those_of_scipy() -> None:
    values = np.random.default_rng(5).normal(0.1, 1, 300)
    expected = [
        stats.permutation_test(
            (values + shift,),
            mean,
            permutation_type="samples",
            n_resamples=9_999,
            alternative=alternative,
            rng=np.random.default_rng(1),
        ).pvalue
        for shift, alternative in ((0.0, "two-sided"), (0.2, "greater"), (-0.2, "less"))
    ]

    found = flips_of_images(tuple(values.tolist()), 0.2)

    # Both are drawn: 9,999 flips tell p to within 0.005, two-sided ones twice that; four of these apart is a fault.
    assert found == (pytest.approx(expected[0], abs=0.04), pytest.approx(max(expected[1:]), abs=0.02))


@pytest.mark.parametrize("images", [20, 60, 400])
def test_p_over_few_images_is_that_of_the_t_test(images: int) -> None:
    """Of normal changes, on average: the means that a bootstrap draws from 20 images are too narrow, and 0.05 would be 0.03."""
    random = np.random.default_rng(images)
    normal = random.normal(0, 4, (20, images))
    spread = normal.std(axis=1, ddof=1, keepdims=True) / np.sqrt(images)
    shifted = normal - normal.mean(axis=1, keepdims=True) + stats.t.isf(0.025, images - 1) * spread

    found = [flips_of_images(tuple(each.tolist()), MARGIN)[0] for each in shifted]

    assert stats.ttest_1samp(shifted[0], 0).pvalue == pytest.approx(0.05)
    assert np.mean(found) == pytest.approx(0.05, abs=0.005)


def test_images_without_any_difference_are_no_difference() -> None:
    assert flips_of_images((0.0,) * 50, MARGIN) == (1.0, pytest.approx(1e-4))


# the interval


@pytest.mark.parametrize("size", [6, 12, 200])
def test_the_interval_is_bca_of_scipy(size: int) -> None:
    values = np.random.default_rng(size).exponential(1, size)
    found = stats.bootstrap(
        (values,), np.mean, method="BCa", n_resamples=9_999, batch=1000, rng=np.random.default_rng(0)
    ).confidence_interval

    assert interval(tuple(values.tolist())) == pytest.approx((found.low, found.high))


@settings(max_examples=20, deadline=None)
@given(SAMPLES, st.sampled_from([-4.0, 0.5, 16.0]), st.sampled_from([0.5, 4.0]))
def test_the_interval_moves_and_stretches_with_its_values(
    changes: tuple[float, ...], moved: float, scale: float
) -> None:
    """Up to a resample: ties between resampled means are rounded either way."""
    low, high = interval(changes)
    elsewhere = interval(tuple(change * scale + moved for change in changes))

    assert low <= np.mean(changes) <= high
    tolerance = 0.05 * np.ptp(changes) * scale + 1e-9
    assert elsewhere == pytest.approx((low * scale + moved, high * scale + moved), abs=tolerance)


def test_values_that_do_not_vary_have_a_point_and_no_values_have_none() -> None:
    assert interval((0.1,) * 7) == (pytest.approx(0.1), pytest.approx(0.1))
    assert interval((0.0,) * 7) == (0.0, 0.0)
    assert all(math.isnan(end) for end in interval(()))


@pytest.mark.parametrize(
    ("seeds", "least"),
    [(6, 0.80), *(pytest.param(*each, marks=pytest.mark.slow) for each in ((12, 0.86), (16, 0.88)))],
)
def test_intervals_of_few_seeds_hold_the_truth_somewhat_less_often_than_they_say(seeds: int, least: float) -> None:
    random = np.random.default_rng(seeds)
    studies = 600

    found = (interval(tuple(random.normal(size=seeds).tolist())) for _ in range(studies))
    held = sum(low <= 0 <= high for low, high in found)

    assert least < held / studies < 0.95


# families


def test_holm_is_what_it_is_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@settings(max_examples=5, deadline=None)  # statsmodels collects garbage each time
@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_holm_is_that_of_statsmodels(p: list[float]) -> None:
    assert holm(p) == pytest.approx(list(multipletests(p, method="holm")[1]))


def test_levels_are_multiples_of_the_least_p() -> None:
    assert attainable(0.05, 6) == pytest.approx(2 / 64)
    assert attainable(0.05, 6, sides=1) == pytest.approx(3 / 64)
    assert attainable(2 / 64, 6) == pytest.approx(2 / 64)
    assert attainable(0.05, 5) == 0


@pytest.mark.parametrize("seeds", [6, 13, 14, 15, 20, 40])
def test_changes_of_one_sign_attain_the_least_level_of_however_many_seeds(seeds: int) -> None:
    """Beyond FLIPS flips are drawn, and no p is below 1 of those, though 2^K would be more."""
    least = differences(np.linspace(1.5, 2.5, seeds).tolist(), 0.1)[0]

    assert attainable(least, seeds) == pytest.approx(least)
    assert attainable(least * 0.99, seeds) == 0
    assert least >= 2 / (FLIPS + 1)
