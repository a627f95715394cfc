"""What chance alone does to a family of variants beside one reference, for just so many seeds of each.

A variant's t is its change over the standard error, for which the variances of all seeds are pooled. Where the variant's own,
or the reference's own, is larger, that one is taken, drawn towards the pooled one (`LENT`). How large the largest t of a
family without any difference becomes is simulated for the very numbers of seeds, from normal seeds of equal variance and
with a fixed seed: so the level is exact there, and no table of Dunnett's is needed. All months are in units of the seeds'
standard deviation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

DRAWS = 20_000
POWER = 0.8
# Degrees of freedom with which the pooled variance counts beside a network's own. Three seeds hardly know their variance: without
# this, effects are found less often by three points, with more a network that truly varies more errs more often (the log has both).
LENT = 1


@dataclass(frozen=True)
class Null:
    """Drawn families without any difference: a row for each, a column for each variant."""

    change: np.ndarray
    error: np.ndarray  # standard errors as they would be estimated
    unequal: np.ndarray  # how unequal the variances are by chance (`inequality`), rising


def standard_errors(variances: np.ndarray, seeds: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """Of each variant's change, the reference last in all arguments; the last axis of `variances` goes over the groups."""
    pooled = variances @ freedom / freedom.sum()
    own = (LENT * pooled[..., None] + freedom * variances) / (LENT + freedom)
    taken = np.maximum(own, pooled[..., None])
    return np.asarray(np.sqrt(taken[..., :-1] / seeds[:-1] + taken[..., -1:] / seeds[-1]))


def inequality(variances: np.ndarray, seeds: np.ndarray) -> Any:
    """Bartlett's statistic without its constant factor: 0 where all variances are equal."""
    freedom = seeds - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        found = freedom.sum() * np.log(variances @ freedom / freedom.sum()) - np.log(variances) @ freedom
    return np.nan_to_num(found, nan=0.0, posinf=np.inf)  # NaN: none of them varies


@lru_cache(maxsize=8)
def null(seeds: tuple[int, ...], reference: int, absent: int = 0) -> Null:
    """Of variants with so many seeds each, beside a reference with so many; all at least 2.

    The last `absent` variants are of the family and were not trained: their spread is not known and tells nothing.
    """
    random, counts = np.random.default_rng(0), np.array([*seeds, reference])
    there = np.ones(len(counts), bool)
    there[len(seeds) - absent : len(seeds)] = False
    means = random.standard_normal((DRAWS, len(counts))) / np.sqrt(counts)
    variances = there * random.chisquare(counts - 1, (DRAWS, len(counts))) / (counts - 1)
    unequal = np.sort(inequality(variances[:, there], counts[there]))
    error = standard_errors(variances, counts, there * (counts - 1))
    return Null(means[:, :-1] - means[:, -1:], error, unequal)


@lru_cache(maxsize=16)
def largest(seeds: tuple[int, ...], reference: int, absent: int, two_sided: bool) -> np.ndarray:
    """For each variant, by chance the largest t of it and of those after it, rising: a row for each variant."""
    drawn = null(seeds, reference, absent)
    t = drawn.change / drawn.error
    t = np.abs(t) if two_sided else t
    return np.sort(np.maximum.accumulate(t[:, ::-1], axis=1)[:, ::-1].T, axis=1)


def adjusted(t: Sequence[float], seeds: Sequence[int], reference: int, absent: int, two_sided: bool) -> list[float]:
    """p of each t for the whole family, of which `absent` more are, stepping down from the largest (Westfall and Young 1993).

    Two-sided, `t` are absolute values. One that is minus infinity cannot be rejected, one that is infinite already is.
    """
    order = np.argsort(-np.asarray(t), kind="stable")
    counts = (*(int(seeds[place]) for place in order), *[min(*seeds, reference)] * absent)
    by_chance = largest(counts, reference, absent, two_sided)
    reached = [DRAWS - np.searchsorted(by_chance[rank], t[place]) for rank, place in enumerate(order)]
    found = np.empty(len(order))
    found[order] = np.maximum.accumulate((1 + np.array(reached)) / (1 + DRAWS))
    return [float(value) for value in found]


def half_width(seeds: Sequence[int], place: int, reference: int) -> float:
    """Standard errors on either side of a 95 % interval, for the variant at this place by itself."""
    counts = tuple(sorted(seeds))
    return of_one(counts, counts.index(seeds[place]), reference)


@lru_cache(maxsize=256)
def of_one(seeds: tuple[int, ...], place: int, reference: int) -> float:
    drawn = null(seeds, reference)
    return float(np.quantile(np.abs(drawn.change[:, place] / drawn.error[:, place]), 0.95))


@dataclass(frozen=True)
class One:
    """One of a family of variants that have the same number of seeds, by chance."""

    change: np.ndarray
    error: np.ndarray
    largest: np.ndarray  # absolute t of the family, rising
    highest: np.ndarray  # its t, rising


@lru_cache(maxsize=64)
def one_of(seeds: int, reference: int, variants: int) -> One:
    drawn = null((seeds,) * variants, reference)
    t = drawn.change / drawn.error
    own = (drawn.change[:, 0].copy(), drawn.error[:, 0].copy())  # copies: a view would keep the whole family
    return One(*own, np.sort(np.abs(t).max(axis=1)), np.sort(t.max(axis=1)))


def power(
    seeds: int, reference: int, variants: int, effect: float, margin: float, alpha: float = 0.05
) -> tuple[float, float]:
    """How surely a variant's difference is found, and how surely that it is smaller than the margin."""
    drawn = one_of(seeds, reference, variants)
    two_sided, one_sided = exceeded(drawn.largest, alpha), exceeded(drawn.highest, alpha)
    change = drawn.change + abs(effect)
    differs, within = change > two_sided * drawn.error, np.abs(change) + one_sided * drawn.error < margin
    return float(differs.mean()), float(within.mean())


def exceeded(rising: np.ndarray, alpha: float) -> float:
    """What these values exceed with probability alpha."""
    return float(rising[min(DRAWS - 1, round((1 - alpha) * DRAWS))])


def detectable(seeds: int, reference: int, variants: int, alpha: float = 0.05) -> float:
    """The difference that is found with POWER, in units of the seeds' standard deviation."""
    drawn = one_of(seeds, reference, variants)
    return float(np.quantile(exceeded(drawn.largest, alpha) * drawn.error - drawn.change, POWER))
