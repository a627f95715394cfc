"""An epoch's seconds from MACs: what must hold of any history, and how far off on one whose noise is known."""

import math
import random
from collections.abc import Sequence
from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.planning.epoch_seconds import LATEST, Timed, errors, line

ALIKE = ("CPU, float32, batch 16", 2)
macs = st.integers(10**5, 10**10)
seconds = st.floats(0.01, 10_000)


def timed(macs: int, seconds: float) -> Timed:
    return Timed(macs, seconds, *ALIKE)


histories = st.lists(st.builds(timed, macs, seconds), min_size=1, max_size=LATEST)


def relative_misfit(fixed: float, per_mac: float, history: Sequence[Timed]) -> float:
    return sum(((fixed + per_mac * past.macs) / past.seconds - 1) ** 2 for past in history)


@settings(deadline=None)  # the first one imports SciPy
@given(st.floats(0, 100), st.floats(1e-9, 1e-6), st.lists(macs, min_size=2, max_size=LATEST, unique=True), macs)
def test_a_history_on_a_line_is_continued_exactly(fixed: float, per_mac: float, known: list[int], unknown: int) -> None:
    fitted = line([timed(past, fixed + per_mac * past) for past in known], ALIKE)

    assert fitted is not None
    spread = max(known) / (max(known) - min(known))  # what rounding is multiplied by
    for network in (*known, unknown):
        size = fixed + per_mac * max(network, *known)
        assert fitted(network) == pytest.approx(fixed + per_mac * network, rel=1e-6, abs=1e-10 * spread * size)


@given(histories, macs, macs)
def test_it_is_never_negative_and_more_macs_never_take_less_time(history: list[Timed], one: int, other: int) -> None:
    fitted = line(history, ALIKE)

    assert fitted is not None
    assert fitted.fixed >= 0
    assert fitted.per_mac >= 0
    assert 0 < fitted(min(one, other)) <= fitted(max(one, other)) < math.inf


@given(histories, st.randoms())
def test_the_order_of_the_latest_trainings_does_not_matter(history: list[Timed], chance: random.Random) -> None:
    shuffled = chance.sample(history, len(history))
    one, other = line(history, ALIKE), line(shuffled, ALIKE)

    assert one is not None
    assert other is not None
    assert [one(past.macs) for past in history] == pytest.approx([other(past.macs) for past in history], rel=1e-4)


@given(histories, st.floats(0, 2), st.floats(0, 2))
def test_no_other_line_is_nearer_in_relative_squares(history: list[Timed], fixed: float, slope: float) -> None:
    fitted = line(history, ALIKE)

    assert fitted is not None
    largest = max(history, key=lambda past: past.macs)
    other = (fixed * largest.seconds, slope * largest.seconds / largest.macs)
    assert (
        relative_misfit(fitted.fixed, fitted.per_mac, history) <= relative_misfit(*other, history) * (1 + 1e-6) + 1e-9
    )


def test_of_one_training_it_is_proportional_and_of_none_nothing_is_said() -> None:
    fitted = line([timed(10**7, 3.0)], ALIKE)

    assert fitted is not None
    assert fitted(2 * 10**7) == pytest.approx(6.0)
    assert line([], ALIKE) is None


@pytest.mark.parametrize("other", [("CPU, float32, batch 16", 4), ("GPU, mixed_float16, batch 16", 2)])
def test_trainings_under_other_conditions_say_nothing(other: tuple[str, int]) -> None:
    assert line([timed(10**7, 3.0)], other) is None
    assert line([Timed(10**7, 90.0, *other), timed(10**7, 3.0)], ALIKE) == line([timed(10**7, 3.0)], ALIKE)


def test_a_machine_that_became_slower_is_known_after_so_many_trainings() -> None:
    before = [timed(network * 10**6, 0.1 * network) for network in range(1, 100)]
    after = [timed(network * 10**6, 0.3 * network) for network in range(1, LATEST + 1)]
    fitted = line(before + after, ALIKE)

    assert fitted is not None
    assert fitted(10**8) == pytest.approx(30.0)


def test_every_error_is_that_of_a_prediction_from_what_ended_before() -> None:
    """Proportional from one; then exact, as the third is on the line of the first two."""
    assert errors([timed(10**7, 3.0)]) == []
    first, second, third = timed(10**7, 3.0), timed(2 * 10**7, 5.0), timed(3 * 10**7, 7.0)
    assert errors([first, second, third]) == pytest.approx([1 / 5, 0], abs=1e-9)
    assert errors([first, Timed(10**7, 9.0, "GPU")]) == []


def test_the_error_on_a_noisy_history_is_the_noise() -> None:
    """|normal| of 10 % has its median at 6.7 %; predicting from 16 measured ones adds a little."""
    chance = np.random.default_rng(0)
    sizes = chance.uniform(1e7, 1e8, 400)
    measured = (2 + 1e-7 * sizes) * (1 + 0.1 * chance.standard_normal(400))
    history = [timed(int(size), float(took)) for size, took in zip(sizes, measured, strict=True)]

    assert median(errors(history)) == pytest.approx(0.0674, abs=0.015)
