"""The surrogate: what a Gaussian process must do whatever the trainings, and that it is one, by formula."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from studies.knowledge.acquisition import below, knowledge_gradient
from studies.knowledge.surrogate import LENGTH, LEVEL, LINEAR, NOISE, NOISE_PRIOR, SMOOTH, Array, fit

POINTS = nps.arrays(float, (6, 3), elements=st.integers(0, 3).map(float))
SLOPES = nps.arrays(float, 3, elements=st.sampled_from((-1.5, 0.0, 0.5)))
VALUES = nps.arrays(float, 6, elements=st.floats(8, 30))
ELSEWHERE = np.array(list(product((0.0, 1.5, 4.0), repeat=3)))


def by_formula(points: Array, values: Array, extra: Array, slopes: Array, asked: Array) -> tuple[Array, Array]:
    """Every combination of the grid by plain inverses and determinants, and their mixture."""
    level, centre = values.mean(), points.mean(0)
    found = []
    for linear, smooth, noise in product(LINEAR, SMOOTH, NOISE):

        def kernel(one: Array, other: Array, linear: float = linear, smooth: float = smooth) -> Array:
            apart = np.array([[((a - b) ** 2).sum() for b in other] for a in one])
            straight = np.array([[(a - centre) @ (b - centre) for b in other] for a in one])
            return np.asarray(linear**2 * straight + smooth**2 * np.exp(-apart / 2 / LENGTH**2) + LEVEL**2)

        covariance = kernel(points, points) + np.diag(noise**2 + extra**2)
        inverse, between = np.linalg.inv(covariance), kernel(asked, points)
        plane, left = linear * (asked - centre) @ slopes, values - level - linear * (points - centre) @ slopes
        mean = level + plane + between @ inverse @ left
        variance = np.diag(kernel(asked, asked) - between @ inverse @ between.T)
        fitted = -0.5 * left @ inverse @ left - 0.5 * np.linalg.slogdet(covariance)[1]
        believed = -0.5 * sum(
            (np.log(value / around) / spread) ** 2
            for value, around, spread in ((linear, 1.0, 0.8), (smooth, 0.6, 0.6), (noise, *NOISE_PRIOR))
        )
        found.append((fitted + believed, mean, variance))
    weights = np.exp([each[0] - max(other[0] for other in found) for each in found])
    weights = weights / weights.sum()
    mean = sum(weight * each[1] for weight, each in zip(weights, found, strict=True))
    variance = sum(weight * (each[2] + (each[1] - mean) ** 2) for weight, each in zip(weights, found, strict=True))
    return np.asarray(mean), np.sqrt(variance)


@pytest.mark.slow
@settings(max_examples=20)
@given(POINTS, VALUES, nps.arrays(float, 6, elements=st.sampled_from((0.0, 0.5, 2.0))), SLOPES)
def test_it_is_the_mixture_of_gaussian_processes_that_the_formula_gives(
    points: Array, values: Array, extra: Array, slopes: Array
) -> None:
    mean, sd = fit(points, values, extra, slopes).mean_sd(ELSEWHERE)
    their_mean, their_sd = by_formula(points, values, extra, slopes, ELSEWHERE)

    assert mean == pytest.approx(their_mean, abs=1e-4)
    assert sd == pytest.approx(their_sd, abs=1e-4)


@settings(max_examples=20)
@given(POINTS, VALUES, SLOPES)
def test_what_one_network_costs_beside_another_is_the_gaussian_of_their_difference(
    points: Array, values: Array, slopes: Array
) -> None:
    surrogate, reference = fit(points, values, slopes=slopes), points[0]
    cost, sd = surrogate.beside(np.vstack([ELSEWHERE, reference]), reference)
    mean, each = surrogate.mean_sd(np.vstack([ELSEWHERE, reference]))

    assert cost == pytest.approx(mean - mean[-1], abs=1e-6)
    assert (sd[-1], cost[-1]) == pytest.approx((0.0, 0.0), abs=1e-3)
    assert (sd <= each + each[-1] + 1e-6).all()
    assert (sd >= np.abs(each - each[-1]) - 1e-6).all()


@settings(max_examples=20)
@given(POINTS, VALUES, st.permutations(range(6)))
def test_the_order_of_the_trainings_does_not_matter(points: Array, values: Array, order: list[int]) -> None:
    for one, other in zip(
        fit(points, values).mean_sd(ELSEWHERE), fit(points[order], values[order]).mean_sd(ELSEWHERE), strict=True
    ):
        assert one == pytest.approx(other, abs=1e-6)


@settings(max_examples=20)
@given(POINTS, VALUES, SLOPES, st.integers(1, 3))
def test_trainings_that_run_change_no_mean_and_make_nothing_less_sure(
    points: Array, values: Array, slopes: Array, running: int
) -> None:
    surrogate = fit(points, values, slopes=slopes)
    mean, sd = surrogate.mean_sd(ELSEWHERE)
    then_mean, then_sd = surrogate.believing(ELSEWHERE[:running]).mean_sd(ELSEWHERE)

    assert then_mean == pytest.approx(mean, abs=1e-4)
    assert (then_sd <= sd + 1e-6).all()
    assert (then_sd[:running] < sd[:running]).all()
    assert surrogate.believing(np.empty((0, 3))) is surrogate


def test_it_recovers_a_linear_truth_from_noisy_trainings() -> None:
    random = np.random.default_rng(1)
    points = random.integers(0, 3, (40, 4)).astype(float)
    slopes = np.array([-2.0, 0.0, 1.0, 0.5])
    surrogate = fit(points, 20 + points @ slopes + random.normal(0, 0.5, 40))
    mean, sd = surrogate.mean_sd(ELSEWHERE_4)

    truth = 20 + ELSEWHERE_4 @ slopes
    assert np.abs(mean - truth).mean() < 0.3
    assert np.mean(np.abs(mean - truth) < 2 * sd) > 0.9
    assert 0.3 < surrogate.noise < 0.7


def test_a_known_slope_says_which_way_what_was_not_trained_goes_and_trainings_turn_it_round() -> None:
    """Of the first feature it is known that it lowers the MAE; of the second nothing."""
    slopes = np.array([-1.5, 0.0])
    alone = fit(np.array([[0.0, 0.0]]), np.array([20.0]), slopes=slopes)
    mean, _ = alone.mean_sd(np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]))
    points = np.array(list(product((0.0, 1.0, 2.0), repeat=2)))
    corrected, _ = fit(points, 20 + points @ np.array([1.0, -0.5]), slopes=slopes).mean_sd(points + 1)

    assert mean[0] - mean[1] == pytest.approx(mean[1] - mean[2])
    assert mean[0] > mean[1] + 0.5
    assert mean[3] == pytest.approx(mean[0])
    assert corrected == pytest.approx(20 + (points + 1) @ np.array([1.0, -0.5]), abs=0.5)


ELSEWHERE_4 = np.array(list(product((0.0, 1.0, 2.0), repeat=4)))


def test_the_more_trainings_of_a_network_the_surer_it_is_of_that() -> None:
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    at = np.array([[1.0, 0.0]])
    seen = [fit(np.vstack([points, *[at] * more]), np.full(3 + more, 20.0)).mean_sd(at)[1][0] for more in range(4)]

    assert seen == sorted(seen, reverse=True)
    assert seen[3] < 0.8 * seen[0]


@pytest.mark.parametrize("sd_months", [0.4, 1.5, 3.0])
def test_it_finds_out_how_far_seeds_lie_apart(sd_months: float) -> None:
    random = np.random.default_rng(3)
    points = np.repeat(ELSEWHERE[:10], 3, axis=0)
    found = [fit(points, 12 + random.normal(0, sd_months, len(points))).noise for _ in range(10)]

    # Neighbours of the grid are twofold, so the nearest is off by the root of two at most.
    assert sd_months / 2**0.5 <= np.median(found) <= sd_months * 2**0.5


def test_a_value_with_noise_of_its_own_counts_less() -> None:
    points = np.array([[0.0], [1.0], [2.0]])
    values = np.array([20.0, 20.0, 10.0])
    [sure], [unsure] = (fit(points, values, np.array([0, 0, own])).mean_sd(points[2:])[0] for own in (0.0, 5.0))

    assert sure < unsure


def test_without_a_training_there_is_no_surrogate() -> None:
    with pytest.raises(ValueError, match="one at least"):
        fit(np.empty((0, 2)), np.empty(0))


@settings(max_examples=20)
@given(POINTS, VALUES)
def test_a_training_is_expected_to_gain_something_and_less_while_it_runs(points: Array, values: Array) -> None:
    surrogate = fit(points, values)
    gains = knowledge_gradient(surrogate, ELSEWHERE, np.empty((0, 3)))
    best = int(gains.argmax())
    then = knowledge_gradient(surrogate, ELSEWHERE, ELSEWHERE[[best]])

    assert (gains >= 0).all()
    assert then[best] < gains[best]


def test_the_knowledge_gradient_is_what_a_simulated_training_gains() -> None:
    """Of one point whose own mean alone moves: by how much the best mean falls, on average."""
    random = np.random.default_rng(3)
    surrogate = fit(np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]]), np.array([20.0, 19.0, 19.5]))
    asked = np.array([[0.0, 0.0], [3.0, 0.0], [9.0, 9.0]])
    mean, sd = surrogate.mean_sd(asked)
    gains = knowledge_gradient(surrogate, asked, np.empty((0, 2)))
    for place in range(3):
        moved = sd[place] ** 2 / np.sqrt(sd[place] ** 2 + surrogate.noise**2)
        drawn = mean[place] + moved * random.normal(size=200_000)
        others = np.delete(mean, place).min()
        assert gains[place] == pytest.approx(mean.min() - np.minimum(drawn, others).mean(), abs=0.02)


def test_below_is_the_normal_distribution() -> None:
    from scipy.stats import norm

    z = np.linspace(-5, 5, 21)
    assert below(z) == pytest.approx(norm.cdf(z))
