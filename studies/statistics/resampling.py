"""The mean of a few months: in which interval, how likely by chance over images, and how that is adjusted for a family."""

import math
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import stats

Months = tuple[float, ...]
FEW = 16  # values; up to so many an interval is Student's: the bootstrap's would hold the mean of 6 in 86 % instead of 95 %
RESAMPLES = 9_999  # of the bootstrap, and of flips over images


def mean(values: np.ndarray, axis: int) -> Any:
    return np.mean(values, axis=axis)


def ratio(sums: np.ndarray, films: np.ndarray, axis: int) -> Any:
    """The mean over films, of patients drawn with all of theirs."""
    return np.sum(sums, axis=axis) / np.sum(films, axis=axis)


def of_patients(values: np.ndarray, patients: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """For each patient the sum of the values, and how many they are; in the order of the values where each has one."""
    if len(set(patients)) in (0, len(values)):
        return values, np.ones(len(values))
    _, whose = np.unique(np.array(patients), return_inverse=True)
    return np.bincount(whose, weights=values), np.bincount(whose)


@lru_cache(maxsize=256)
def flips_of_images(months: Months) -> float:
    """p of no difference, two-sided, from random signs of a thousand images' changes; fixed seed. Of patients with several images, the
    sums of theirs: they change their signs together.

    Flips rather than the bootstrap's means: those are too narrow for the few images of a small run. With hundreds of
    images symmetry no longer matters, a mean being normal enough.
    """
    values = np.array(months)
    drawn = np.random.default_rng(0).integers(0, 2, (RESAMPLES, len(values)), dtype=np.int8)
    flipped = (2 * drawn - 1).astype(np.float32) @ values.astype(np.float32)
    rounding = 1e-5 * np.abs(values).sum()

    def p(direction: int) -> float:
        reached = direction * flipped >= direction * values.sum() - rounding
        return float((1 + np.count_nonzero(reached)) / (1 + RESAMPLES))

    return min(1.0, 2 * min(p(1), p(-1)))


def students(mean: float, sd: float, count: int) -> tuple[float, float]:
    """95 % for the mean of so many values, two at least, of which these are mean and standard deviation: Student's."""
    half = float(stats.t.isf(0.025, count - 1)) * sd / math.sqrt(count)
    return mean - half, mean + half


@lru_cache(maxsize=4096)
def interval(months: Months, patients: tuple[int, ...] = ()) -> tuple[float, float]:
    """95 % for the mean, in months: Student's for FEW patients, beyond by the BCa bootstrap (Efron 1987) with a fixed seed.

    `patients` has a number for each value. Values of one patient are drawn together, as they are alike: a set of 50 patients with
    four films each says little more than 50 films. Without it, each value is a patient's own.
    Unknown where there is nobody, or one patient. A point where the values do not vary. Where BCa has no answer, which SciPy
    says by NaN, the percentiles of the same resamples.
    """
    values = np.array(months)
    sums, films = of_patients(values, patients)
    if len(sums) < 2:
        return math.nan, math.nan
    middle = float(values.mean())
    if np.ptp(values) <= 1e-9 * np.abs(values).max():
        return middle, middle
    if len(sums) <= FEW:
        apart = (sums - middle * films) * len(sums) / len(values)
        return students(middle, float(apart.std(ddof=1)), len(sums))
    data, statistic = ((values,), mean) if len(sums) == len(values) else ((sums, films), ratio)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        found = stats.bootstrap(
            data, statistic, paired=True, method="BCa", n_resamples=RESAMPLES, batch=1000, rng=np.random.default_rng(0)
        )
    low, high = found.confidence_interval
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = np.quantile(found.bootstrap_distribution, (0.025, 0.975))
    return float(low), float(high)
