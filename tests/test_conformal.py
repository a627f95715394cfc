"""Split conformal intervals: the guarantee on exchangeable data, and the closed form."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from search.trained.conformal import LEAST, LEVEL, calibrate, centred, coverage, half_width, intervals, share_of
from search.trained.measures import as_ages

Drawn = tuple[np.ndarray, np.ndarray, np.ndarray]


def drawn(count: int, random: np.random.Generator) -> Drawn:
    """Predictions, labels and sex, with errors that depend on both and are far from normal."""
    male = random.integers(0, 2, count)
    predicted = random.uniform(10, 220, count)
    error = random.standard_t(3, count) * (2 + predicted / 40) * (1 + male)
    return predicted, predicted + error, male


def test_new_cases_lie_inside_as_often_as_promised() -> None:
    """Over 60 calibrations; each covers about `level` on average, and no more than ties and the +1 add."""
    random = np.random.default_rng(1)
    inside = []
    for _ in range(60):
        predicted, label, male = drawn(800, random)
        made = calibrate(predicted, label, male)
        new_predicted, new_label, new_male = drawn(400, random)
        inside.append(coverage(made, new_predicted, new_label, new_male)["share"])

    # The share inside varies with the calibration too (beta distributed): n = 800 of 60 draws.
    error = 4 * np.sqrt(LEVEL * (1 - LEVEL) * (1 / 400 + 8 / 800) / 60)
    assert LEVEL - error < np.mean(inside) < LEVEL + 8 / 800 + error


def test_every_group_with_enough_cases_is_covered_by_itself() -> None:
    random = np.random.default_rng(2)
    predicted, label, male = drawn(20_000, random)
    made = calibrate(predicted, label, male)
    predicted, label, male = drawn(20_000, random)
    low, high = intervals(made, predicted, male)

    for sex in (0, 1):
        for start, end in ((0, 60), (60, 120), (120, 180), (180, 1000)):
            rows = (male == sex) & (predicted >= start) & (predicted < end)
            inside = int(((low <= label) & (label <= high))[rows].sum())
            # the calibration's own chance doubles the variance
            at_least, at_most = binom.interval(0.99999, rows.sum(), LEVEL)
            slack = 0.5 * (at_most - at_least)
            # Ages below 0 are cut off the interval, which can only lose labels below 0, of which there are some here.
            assert at_least - slack < inside < at_most + slack or start == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=200), st.sampled_from([0.5, 0.8, 0.9]))
def test_the_half_width_is_the_smallest_error_that_covers_enough(errors: list[float], level: float) -> None:
    found = half_width(np.array(errors), level)

    wanted = np.ceil((len(errors) + 1) * level)
    if found is None:
        assert wanted > len(errors)
    else:
        assert sum(error <= found for error in errors) >= wanted
        assert sum(error < found for error in errors) < wanted


def test_a_group_of_few_takes_the_width_of_its_sex_and_then_of_all() -> None:
    random = np.random.default_rng(3)
    predicted = np.concatenate([np.full(100, 90.0), np.full(LEAST - 1, 30.0), np.full(LEAST - 1, 130.0)])
    male = np.array([0] * 100 + [0] * (LEAST - 1) + [1] * (LEAST - 1))
    label = predicted + random.normal(0, 10, len(predicted))
    made = calibrate(predicted, label, male)
    groups = {(group["sex"], group["from_months"]): group for group in made["groups"]}
    errors = np.abs(centred(made["centre"], predicted) - label)

    assert groups["F", 60]["of"] == "sex and predicted age"
    assert groups["F", 60]["half_width"] == half_width(errors[:100])
    assert groups["F", 0]["of"] == "sex"
    assert groups["F", 0]["half_width"] == half_width(errors[male == 0])
    assert groups["M", 120]["of"] == "all"
    assert groups["M", 120]["half_width"] == half_width(errors)


@pytest.mark.parametrize(("cases", "of"), [(29, "sex"), (30, "sex and predicted age")])
def test_a_group_has_a_width_of_its_own_from_thirty_cases_on(cases: int, of: str) -> None:
    """With fewer, 90 % is the largest or second largest of a handful of errors."""
    predicted = np.concatenate([np.full(100, 90.0), np.full(cases, 30.0)])
    label = predicted + np.random.default_rng(6).normal(0, 10, len(predicted))
    groups = {
        (group["sex"], group["from_months"]): group for group in calibrate(predicted, label, 0 * predicted)["groups"]
    }

    assert groups["F", 0]["of"] == of


def test_so_few_cases_that_nothing_can_be_promised_have_no_limit() -> None:
    predicted, label, male = drawn(8, np.random.default_rng(4))
    low, high = intervals(calibrate(predicted, label, male), predicted, male)

    assert np.isinf(high).all()
    assert (low == 0).all()
    assert coverage(calibrate(predicted, label, male), predicted, label, male)["median_width"] is None


def test_a_model_without_the_sex_has_intervals_without_it() -> None:
    predicted, label, _ = drawn(400, np.random.default_rng(5))
    made = calibrate(predicted, label, None)

    assert {group["sex"] for group in made["groups"]} == {None}
    low, high = intervals(made, predicted, None)
    assert ((low <= predicted) & (predicted <= high)).all()
    assert coverage(made, predicted, label, None)["share"] == pytest.approx(LEVEL, abs=0.03)


def shrunken(count: int, random: np.random.Generator) -> Drawn:
    """A network that draws ages to the middle by a seventh, as real ones do."""
    label = np.clip(random.normal(127, 42, count), 1, 228)
    return 127 + 0.86 * (label - 127) + random.normal(0, 10, count), label, random.integers(0, 2, count)


def test_the_youngest_and_the_oldest_are_covered_as_others_are_though_ages_are_drawn_to_the_middle() -> None:
    random = np.random.default_rng(4)
    made = calibrate(*shrunken(3000, random))
    without = made | {"centre": None}
    predicted, label, male = shrunken(40_000, random)

    found, before = (coverage(of, predicted, label, male) for of in (made, without))

    def shares(of: dict[str, Any]) -> list[float]:
        return [band["share"] for band in of["by_true_age"]]

    assert min(shares(before)) < 0.8  # which is what the centre is for
    assert min(shares(found)) > 0.86
    assert abs(found["share"] - LEVEL) < 0.03
    assert [band["n"] for band in found["by_true_age"]] == np.histogram(label, [0, 60, 120, 180, 999])[0].tolist()


def test_a_network_that_does_not_shrink_or_has_learned_little_keeps_its_predictions_as_the_middle() -> None:
    random = np.random.default_rng(5)
    label = random.uniform(10, 220, 5000)

    near = calibrate(label + random.normal(0, 8, 5000), label, None)["centre"]

    assert near["slope"] == pytest.approx(1, abs=0.02)
    assert calibrate(np.full(500, 127.0) + random.normal(0, 1, 500), label[:500], None)["centre"] is None
    assert calibrate(label[:50] * 0.8, label[:50], None)["centre"] is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 240), st.floats(0, 240)), min_size=1, max_size=300))
def test_every_prediction_lies_inside_its_own_interval(pairs: list[tuple[float, float]]) -> None:
    predicted, label = (np.array(values) for values in zip(*pairs, strict=True))

    low, high = intervals(calibrate(predicted, label, None), predicted, None)

    assert (low <= predicted).all()
    assert (predicted <= high).all()
    assert (low >= 0).all()


def test_intervals_of_models_of_before_are_as_they_were() -> None:
    made = calibrate(*drawn(200, np.random.default_rng(3)))
    old = {name: value for name, value in made.items() if name != "centre"}
    predicted = np.array([50.0, 100.0])
    reach = [
        next(g["half_width"] for g in old["groups"] if g["sex"] == "F" and g["from_months"] == at) for at in (0, 60)
    ]

    low, high = intervals(old, predicted, np.zeros(2))

    np.testing.assert_allclose(high - predicted, reach)
    np.testing.assert_allclose(predicted - low, np.minimum(reach, predicted))


@pytest.mark.parametrize("line", [None, {"offset_months": -25.0, "slope": 1.2}], ids=["", "with a centre"])
@pytest.mark.parametrize("reach", [0.0, 1.5, 40.0, None])
def test_an_interval_holds_its_prediction_as_an_age_also_where_the_network_answers_below_0(
    line: dict[str, float] | None, reach: float | None
) -> None:
    groups = [{"sex": None, "from_months": start, "half_width": reach} for start in (0, 60, 120, 180)]
    answered = np.array([-60.0, -30.8, -0.004, -0.0, 0.0, 0.3, 90.0], np.float32)
    low, high = intervals({"groups": groups, "centre": line}, answered, None)
    ages = as_ages(answered)

    assert (low <= ages).all()
    assert (ages <= high).all()
    assert not np.signbit([*low, *ages, *high]).any()


def test_labels_of_one_patient_tell_of_the_coverage_no_more_than_one_and_those_of_many_what_the_exact_test_says() -> (
    None
):
    inside = np.array([True] * 46 + [False] * 4)
    exact = binomtest(46, 50).proportion_ci()
    alone, several = share_of(inside, np.arange(50)), share_of(np.repeat(inside, 3), np.repeat(np.arange(50), 3))

    assert (alone["low"], alone["high"]) == pytest.approx((exact.low, exact.high), abs=1e-4)
    assert several == alone | {"n": 150}
    assert share_of(np.ones(5, bool), np.arange(5))["high"] == 1.0
    assert share_of(np.zeros(5, bool), np.arange(5))["low"] == 0.0


def test_a_few_patients_with_many_films_make_the_interval_of_the_coverage_as_wide_as_it_has_to_be() -> None:
    """36 patients with a film each, 4 with twenty, all films of one inside or none: by the number of patients it would hold in 84 %.
    300 repetitions: 95 % of them is 285 ± 4, so 273 is three of these below it."""
    whose, held = np.concatenate([np.arange(36), np.repeat(np.arange(36, 40), 20)]), 0
    for seed in range(300):
        inside = np.random.default_rng(seed).random(40) < 0.9
        found = share_of(inside[whose], whose)
        held += found["low"] <= 0.9 <= found["high"]

    assert held >= 273
