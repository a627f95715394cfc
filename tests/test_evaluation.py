"""The measures against their definitions, and against libraries that compute some of them."""

import numpy as np
import pytest
from scipy import stats

from search.trained.measures import AGE_BANDS_MONTHS, band_of, edges, interval, line, metrics
from studies.statistics.resampling import RESAMPLES


def ages(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predicted, label, male."""
    random = np.random.default_rng(seed)
    label = random.uniform(1, 228, count)
    return label + random.normal(-0.1 * (label - 120), 9), label, random.integers(0, 2, count)


def test_the_measures_are_their_definitions() -> None:
    predicted, label, male = ages(200)
    found = metrics(predicted, label, male, constant_months=130.0)
    error = predicted - label

    fitted = stats.linregress(label, error)
    assert found["mae"] == pytest.approx(np.abs(error).mean(), abs=1e-4)
    assert found["rmse"] == pytest.approx(np.sqrt((error**2).mean()), abs=1e-4)
    assert found["median_ae"] == pytest.approx(np.median(np.abs(error)), abs=1e-4)
    assert (found["slope"], found["intercept"]) == pytest.approx((fitted.slope, fitted.intercept), abs=1e-4)
    limits = error.mean() + np.array([-1.96, 1.96]) * error.std(ddof=1)
    assert (found["loa_low"], found["loa_high"]) == pytest.approx(tuple(limits), abs=1e-4)
    assert found["within_12"] == pytest.approx((np.abs(error) <= 12).mean(), abs=1e-4)
    assert found["constant_mae"] == pytest.approx(np.abs(label - 130).mean(), abs=1e-4)
    assert found["slope"] < 0  # it shrinks towards the middle


def test_the_groups_together_are_all_images() -> None:
    predicted, label, male = ages(300)
    found = metrics(predicted, label, male, 130.0)

    for groups in (found["by_sex"], found["by_age"]):
        assert sum(group["n"] for group in groups) == 300
        pooled = sum(group["n"] * group["mae"] for group in groups) / 300
        assert pooled == pytest.approx(found["mae"], abs=1e-3)
    girls = found["by_sex"][0]
    assert girls["sex"] == "F"
    assert girls["mae"] == pytest.approx(np.abs(predicted - label)[male == 0].mean(), abs=1e-4)


def test_an_age_belongs_to_the_band_it_begins() -> None:
    assert list(band_of(np.array([-5.0, 0, 59.9, 60, 179.9, 180, 228]))) == [0, 0, 0, 1, 2, 3, 3]
    assert [edges(n)["to_months"] for n in range(len(AGE_BANDS_MONTHS))] == [60, 120, 180, None]


def test_the_interval_is_scipys_and_the_same_every_time() -> None:
    values = np.abs(np.random.default_rng(3).normal(0, 8, 120))
    whole = stats.bootstrap((values,), np.mean, n_resamples=RESAMPLES, rng=np.random.default_rng(0)).confidence_interval

    assert interval(values) == pytest.approx((whole.low, whole.high), abs=0.1)  # taken in batches: other resamples
    assert interval(values) == interval(values)


def test_the_interval_of_the_mae_holds_it_about_as_often_as_it_says() -> None:
    """Means of 60 half-normal errors; 120 repetitions, so anything above 88 % is what 95 % looks like."""
    truth, held = 8 * np.sqrt(2 / np.pi), 0
    for seed in range(120):
        low, high = interval(np.abs(np.random.default_rng(seed).normal(0, 8, 60)))
        assert low is not None
        assert high is not None
        held += low <= truth <= high

    assert held / 120 > 0.88


def test_what_few_images_do_not_define_is_none() -> None:
    found = metrics(np.array([100.0]), np.array([90.0]), np.array([1]), 130.0)

    assert found["mae"] == 10
    assert [found[name] for name in ("mae_low", "slope", "intercept", "loa_low")] == [None] * 4
    assert line(np.array([5.0, 5.0]), np.array([1.0, 2.0])) == (None, None)
    assert interval(np.full(20, 3.0)) == (3.0, 3.0)


def test_films_of_one_patient_widen_the_intervals_and_change_no_figure() -> None:
    predicted, label, male = ages(60)
    twice = [np.repeat(values, 4) for values in (predicted, label, male)]
    found = metrics(*twice, 130.0, np.repeat(np.arange(60), 4))
    alone = metrics(*twice, 130.0)
    once = metrics(predicted, label, male, 130.0)

    unlike = {name for name in found if found[name] != alone[name]}
    assert unlike == {"patients", "effective_n", "mae_low", "mae_high", "by_sex", "by_age"}
    assert (found["n"], found["patients"], found["effective_n"], alone["effective_n"]) == (240, 60, 60, 240)
    assert (found["mae_low"], found["mae_high"]) == pytest.approx((once["mae_low"], once["mae_high"]), abs=1e-3)
    assert found["mae_high"] - found["mae_low"] > 1.5 * (alone["mae_high"] - alone["mae_low"])


def test_seven_patients_have_no_interval_however_many_films_they_have() -> None:
    predicted, label, male = ages(70)
    found = metrics(predicted, label, male, 130.0, np.arange(70) % 7)

    assert (found["mae_low"], found["mae_high"]) == (None, None)


def test_seven_values_have_no_interval_and_eight_have() -> None:
    assert interval(np.arange(7.0)) == (None, None)
    assert None not in interval(np.arange(8.0))
