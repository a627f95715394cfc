"""Does a variant differ from the baseline? Changes in validation MAE, paired by seed, and what they allow to say.

With MIN_SEEDS or more the verdict speaks of the architectures, as trained by these settings and scored on these images:
the seeds are the sample, tested by a sign-flip permutation test. With fewer it speaks of these trained models alone: the
validation images are the sample, tested by the bootstrap. Two questions are asked of every variant: is there a
difference, and is it smaller than the margin (two one-sided tests)? Each is adjusted for the whole family of variants
by Holm, so that at most `alpha` of all families hold a false "matters", and as many a false "does not matter".
The tests are those of SciPy, the power is statsmodels'. Imported only where it is needed: they take a second.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats
from statsmodels.stats.power import TTestPower

MIN_SEEDS = 6
EXACT_SEEDS = 12  # up to here every one of the 2^K sign flips is counted
RESAMPLES = 4_999
POWER = 0.8
LARGEST_EFFECT = 3.0  # in standard deviations; beyond, statsmodels' noncentral t has no value, and any power is reached
MOST_SEEDS = 100  # more than anyone would train to resolve a verdict
RESOLVED = ("matters", "better without", "does not matter")
ARCHITECTURES, THESE_MODELS = "architectures", "these trained models"


@dataclass(frozen=True)
class Pairs:
    changes: tuple[float, ...]  # months by which the variant is worse, for each seed; infinite where it failed
    by_image: np.ndarray | None = None  # (seeds, images): differences of absolute errors, in months


@dataclass(frozen=True)
class Verdict:
    verdict: str  # matters, better without, does not matter, not resolved, not tested, not trainable
    change: float  # months, mean
    low: float  # 95 % BCa bootstrap interval
    high: float
    p_difference: float  # adjusted for the family
    p_equivalence: float
    seeds: int
    scope: str
    seeds_to_resolve: int | None = None  # an estimate, where it is not resolved


@dataclass(frozen=True)
class Tested:
    """One variant before it is adjusted for its family."""

    change: float
    low: float
    high: float
    p_difference: float
    p_equivalence: float
    scope: str


NOT_TESTED = Tested(math.nan, math.nan, math.nan, 1.0, 1.0, THESE_MODELS)


def judge(family: Mapping[str, Pairs], margin_months: float, alpha: float = 0.05) -> dict[str, Verdict]:
    """A verdict for each variant of the family."""
    tested = {name: examine(pairs, margin_months) for name, pairs in family.items() if trainable(pairs)}
    differ = holm([each.p_difference for each in tested.values()])
    equal = holm([each.p_equivalence for each in tested.values()])
    found = {name: not_trainable(pairs) for name, pairs in family.items() if not trainable(pairs)}
    for (name, each), p_difference, p_equivalence in zip(tested.items(), differ, equal, strict=True):
        found[name] = verdict_of(family[name], each, p_difference, p_equivalence, margin_months, alpha, len(tested))
    return {name: found[name] for name in family}


def race(
    family: Mapping[str, Pairs], margin_months: float, most_seeds: int, alpha: float = 0.05
) -> dict[str, tuple[Verdict, int]]:
    """For each variant its verdict, and how many seeds it should have next: as many as it has once it is resolved.

    Verdicts are looked at after stated numbers of seeds (`looks`), each look at its share of alpha; so all looks together
    err no more often than one. What is resolved at a look stays so and gets no more seeds. Within a look Holm's
    procedure goes on from what earlier looks have rejected (Maurer and Bretz 2013). A function of the data alone: whoever
    asks again with the same runs gets the same answer.
    """
    names = [name for name, pairs in family.items() if trainable(pairs)]
    found = {name: (not_trainable(pairs), len(pairs.changes)) for name, pairs in family.items() if name not in names}
    looked = looks(len(names), most_seeds, alpha)
    resolved: dict[str, Verdict] = {}
    for look in looked:
        open_yet = [name for name in names if name not in resolved]
        if any(len(family[name].changes) < look for name in open_yet):
            break
        tested = {name: examine(first(family[name], look), margin_months) for name in open_yet}
        p_difference = {name: each.p_difference for name, each in tested.items()}
        p_equivalence = {name: each.p_equivalence for name, each in tested.items()}
        differ = adjusted(names, p_difference, rejected(resolved, "matters", "better without"), len(looked))
        equal = adjusted(names, p_equivalence, rejected(resolved, "does not matter"), len(looked))
        for name, each in tested.items():
            pairs, tests = first(family[name], look), len(names) * len(looked)
            verdict = verdict_of(pairs, each, differ[name], equal[name], margin_months, alpha, tests)
            found[name] = (verdict, look)
            if verdict.verdict in RESOLVED and verdict.scope == ARCHITECTURES:
                resolved[name] = verdict
    for name in [name for name in names if name not in resolved]:
        have = len(family[name].changes)
        if name not in found:  # fewer than the first look needs
            (present,) = judge({name: family[name]}, margin_months, alpha).values()
            found[name] = (replace(present, verdict="not resolved"), looked[0])
        else:
            found[name] = (found[name][0], next((look for look in looked if look > have), have))
    return {name: found[name] for name in family}


def rejected(resolved: Mapping[str, Verdict], *verdicts: str) -> set[str]:
    return {name for name, verdict in resolved.items() if verdict.verdict in verdicts}


def adjusted(names: Sequence[str], p: Mapping[str, float], rejected: set[str], looks: int) -> dict[str, float]:
    """Holm over the whole family, times the number of looks.

    What was rejected before is as good as p = 0. What was resolved the other way is no candidate any more, but one of
    the family still.
    """
    raw = [p.get(name, 0.0 if name in rejected else 1.0) for name in names]
    return {name: min(value * looks, 1.0) for name, value in zip(names, holm(raw), strict=True)}


def looks(variants: int, most_seeds: int, alpha: float = 0.05) -> list[int]:
    """Numbers of seeds after which verdicts are looked at: every second one from the first that can resolve anything.

    An exact test of K seeds has no p below 1/2^K; a look whose share of alpha that cannot reach would be wasted.
    """
    last = max(most_seeds, MIN_SEEDS)
    candidates = [*range(last, MIN_SEEDS - 1, -2)][::-1]
    while len(candidates) > 1 and not reachable(candidates[0], variants * len(candidates), alpha):
        candidates = candidates[1:]
    return candidates


def reachable(seeds: int, tests: int, alpha: float) -> bool:
    return tests * 2.0 ** (1 - seeds) <= alpha


def first(pairs: Pairs, seeds: int) -> Pairs:
    return Pairs(pairs.changes[:seeds], None if pairs.by_image is None else pairs.by_image[:seeds])


def finite(pairs: Pairs) -> np.ndarray:
    return np.array([change for change in pairs.changes if math.isfinite(change)], float)


def trainable(pairs: Pairs) -> bool:
    """Whether at least half of its seeds gave a result; no seeds at all say nothing against it."""
    return 2 * len(finite(pairs)) >= len(pairs.changes)


def not_trainable(pairs: Pairs) -> Verdict:
    nan = math.nan
    return Verdict("not trainable", math.inf, nan, nan, nan, nan, len(pairs.changes), ARCHITECTURES)


def examine(pairs: Pairs, margin_months: float) -> Tested:
    changes = finite(pairs)
    if len(changes) >= MIN_SEEDS:
        return Tested(
            float(changes.mean()),
            *interval(changes)[:2],
            sign_flip(changes, "two-sided"),
            max(sign_flip(changes + margin_months, "greater"), sign_flip(changes - margin_months, "less")),
            ARCHITECTURES,
        )
    change = float(changes.mean()) if len(changes) else math.nan
    if pairs.by_image is None or not pairs.by_image.size:
        return replace(NOT_TESTED, change=change)
    images = np.asarray(pairs.by_image, float).mean(
        axis=0
    )  # the images are the sample: their seeds are not independent
    low, high, means = interval(images)
    if means is None:  # no image differs from another
        differs, outside = float(change == 0), float(abs(change) >= margin_months)
        return Tested(change, low, high, differs, outside, THESE_MODELS)

    def share(reached: np.ndarray) -> float:
        return float((1 + np.count_nonzero(reached)) / (1 + len(reached)))

    p_difference = min(2 * min(share(means <= 0), share(means >= 0)), 1.0)
    p_equivalence = max(share(means <= -margin_months), share(means >= margin_months))
    return Tested(change, low, high, p_difference, p_equivalence, THESE_MODELS)


def sign_flip(changes: np.ndarray, alternative: str) -> float:
    """p of a mean of 0, were every change as likely to have the other sign; exact up to EXACT_SEEDS."""
    return float(
        stats.permutation_test(
            (changes, np.zeros_like(changes)),
            lambda ours, others, axis: np.mean(ours - others, axis=axis),
            permutation_type="samples",
            vectorized=True,
            n_resamples=2**EXACT_SEEDS,
            alternative=alternative,
            rng=np.random.default_rng(0),
        ).pvalue
    )


def interval(sample: np.ndarray) -> tuple[float, float, np.ndarray | None]:
    """The BCa interval of the mean, and the resampled means; a sample that does not vary has no such."""
    mean = float(sample.mean())
    if np.ptp(sample) <= 1e-12 * max(1.0, abs(mean)):
        return mean, mean, None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # answered by the percentile interval, below
        found = stats.bootstrap(
            (sample,), np.mean, method="BCa", n_resamples=RESAMPLES, batch=500, rng=np.random.default_rng(0)
        )
    low, high = found.confidence_interval
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = np.quantile(found.bootstrap_distribution, (0.025, 0.975))
    return float(low), float(high), np.asarray(found.bootstrap_distribution)


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p values. (statsmodels' `multipletests` collects garbage at every call, a tenth of a second.)"""
    order = np.argsort(p, kind="stable")
    stepped = np.asarray(p)[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return [float(value) for value in adjusted]


def verdict_of(
    pairs: Pairs, tested: Tested, p_difference: float, p_equivalence: float, margin: float, alpha: float, tests: int
) -> Verdict:
    """Equivalence comes first: a difference smaller than the margin does not matter, however sure it is."""
    if math.isnan(tested.low):
        verdict = "not tested"
    elif p_equivalence <= alpha:
        verdict = "does not matter"
    elif p_difference <= alpha:
        verdict = "matters" if tested.change > 0 else "better without"
    else:
        verdict = "not resolved"
    more = seeds_to_resolve(finite(pairs), margin, alpha / tests) if verdict == "not resolved" else None
    return Verdict(
        verdict,
        tested.change,
        tested.low,
        tested.high,
        p_difference,
        p_equivalence,
        len(pairs.changes),
        tested.scope,
        more,
    )


def seeds_to_resolve(changes: np.ndarray, margin_months: float, alpha: float) -> int | None:
    """Seeds that would resolve it with a power of 0.8, were mean and spread of the changes what they are so far.

    By the t-test, which the sign-flip test equals but for the few seeds where it has no p small enough. None where
    fewer than two changes are known, or MOST_SEEDS do not suffice.
    """
    if len(changes) < 2:
        return None
    mean, spread = abs(float(changes.mean())), float(changes.std(ddof=1))
    least = max(MIN_SEEDS, math.ceil(math.log2(2 / alpha)))
    if spread == 0:
        return least
    power = TTestPower()

    def reached(effect: float, seeds: int, alternative: str) -> float:
        if effect <= 0:
            return 0.0
        return float(power.power(min(effect, LARGEST_EFFECT), seeds, alpha, alternative=alternative))

    def suffices(seeds: int) -> bool:
        nearer, farther = ((margin_months - way * mean) / spread for way in (1, -1))
        equivalence = reached(nearer, seeds, "larger") + reached(farther, seeds, "larger") - 1
        return max(reached(mean / spread, seeds, "two-sided"), equivalence) >= POWER

    return next((seeds for seeds in range(least, MOST_SEEDS + 1) if suffices(seeds)), None)
