"""The mean of a few months: how likely by chance, in which interval, and how that is adjusted for a family.

Flipping signs is exact where values are distributed symmetrically about the value in question. Of no difference they are,
since baseline and variant could then be exchanged; about the margin that is assumed. Everything random has a fixed seed,
and is remembered: a search asks again after every trial.
"""

import math
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import stats

Months = tuple[float, ...]
FLIPS = 2**14  # up to 14 values that is every one; beyond, so many drawn
RESAMPLES = 9_999  # of the bootstrap, and of flips over images


def mean(values: np.ndarray, axis: int) -> Any:
    return np.mean(values, axis=axis)


@lru_cache(maxsize=4096)
def flips_of_seeds(months: Months, margin_months: float) -> tuple[float, float]:
    """p of no difference (two-sided), and of one as large as the margin (two one-sided tests); exact while 2^K <= FLIPS."""

    def p(shift: float, alternative: str) -> float:
        return float(
            stats.permutation_test(
                (np.array(months) + shift,),
                mean,
                permutation_type="samples",
                n_resamples=FLIPS,
                alternative=alternative,
                rng=np.random.default_rng(0),
            ).pvalue
        )

    return p(0.0, "two-sided"), max(p(margin_months, "greater"), p(-margin_months, "less"))


@lru_cache(maxsize=256)
def flips_of_images(months: Months, margin_months: float) -> tuple[float, float]:
    """The same for a thousand images, where SciPy takes seconds: the three tests share their flips, one matrix product.

    Flips rather than the bootstrap's means: those are too narrow for the few images of a small run. With hundreds of
    images symmetry no longer matters, a mean being normal enough.
    """
    values = np.array(months)
    drawn = np.random.default_rng(0).integers(0, 2, (RESAMPLES, len(values)), dtype=np.int8)
    signs = (2 * drawn - 1).astype(np.float32)
    flipped, flipped_ones = signs @ values.astype(np.float32), signs.sum(axis=1)

    def p(direction: int, shift: float) -> float:
        """One-sided: how often flips reach the sum of the values, turned by `direction` and moved by `shift`."""
        moved = direction * values + shift
        rounding = 1e-5 * np.abs(moved).sum()
        reached = direction * flipped + shift * flipped_ones >= moved.sum() - rounding
        return float((1 + np.count_nonzero(reached)) / (1 + RESAMPLES))

    return min(1.0, 2 * min(p(1, 0.0), p(-1, 0.0))), max(p(1, margin_months), p(-1, margin_months))


def attainable(alpha: float, seeds: int, sides: int = 2) -> float:
    """The highest level up to alpha at which flips of so many seeds can reject; 0 where they cannot.

    Changes of one sign have the least p there is: `sides` of 2^K flips, and of drawn ones no less than `sides` of FLIPS + 1.
    """
    step = sides / min(2**seeds, FLIPS + 1)
    return float(math.floor(alpha / step + 1e-9) * step)


@lru_cache(maxsize=4096)
def interval(months: Months) -> tuple[float, float]:
    """95 % for the mean, in months, by the BCa bootstrap (Efron 1987). A point where the values do not vary.

    Unknown where there are none. Where BCa has no answer, which SciPy says by NaN, the percentiles of the same resamples.
    """
    if not months:
        return math.nan, math.nan
    values = np.array(months)
    if np.ptp(values) <= 1e-9 * np.abs(values).max():
        return float(values.mean()), float(values.mean())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        found = stats.bootstrap(
            (values,), mean, method="BCa", n_resamples=RESAMPLES, batch=1000, rng=np.random.default_rng(0)
        )
    low, high = found.confidence_interval
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = np.quantile(found.bootstrap_distribution, (0.025, 0.975))
    return float(low), float(high)


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p values (Holm 1979). statsmodels' `multipletests` collects garbage at every call, a tenth of a second."""
    order = np.argsort(p, kind="stable")
    stepped = np.asarray(p)[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return [float(value) for value in adjusted]
