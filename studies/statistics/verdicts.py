"""Does a variant differ from the baseline? Changes of validation MAE in months, paired by seed, and what they allow to say.

With MIN_SEEDS seeds or more the seeds are the sample, and a verdict speaks of the architectures, as these settings train
them and these images score them. With fewer, the images are the sample, and it speaks of these trained models alone.

Two questions are asked of every variant, each adjusted for the whole family by Holm, so that at most `alpha` of all
families hold a false "matters" or "better without", and as many a false "does not matter". Is there a difference: a
sign-flip permutation test, two-sided. Is it smaller than the margin: two one-sided ones (TOST, Schuirmann 1987). Those
take changes to be symmetric; with one long tail they err more often, for exponential ones of 10 seeds nearly three times.
Intervals are BCa bootstraps, always 95 %, for one variant by itself; from few seeds they are too narrow (of 6 seeds
nearer 85 %).

Imported only where it is used: SciPy and statsmodels take a second.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from statsmodels.stats.power import TTestPower

from studies.findings import Scope, VerdictWord
from studies.statistics.resampling import Months, attainable, flips_of_images, flips_of_seeds, holm, interval

MIN_SEEDS = 6  # fewer seeds have no two-sided p below 0.05: 2/2^5 is 0.06
LOOK_EVERY = 2  # seeds
SPENDING = 2  # exponent; 1 spends so much at the first look that half-sized effects are lost, 3 looks later
POWER = 0.8
MOST_SEEDS = 100  # beyond which seeds_to_resolve says None
OPEN = ("not resolved", "not tested")
ARCHITECTURES: Scope = "architectures"
THESE_MODELS: Scope = "these trained models"


@dataclass(frozen=True)
class Pairs:
    """A variant beside the baseline, by seed in the order they ran."""

    changes: tuple[float, ...]  # months by which the variant is worse; infinite where it could not be trained
    by_image: np.ndarray | None = None  # months; a row for each finite change, a column for each image

    def __post_init__(self) -> None:
        rows = len(finite(self))
        if self.by_image is not None and len(self.by_image) != rows:
            raise ValueError(f"by_image has a row for each of the {rows} finite changes; got {len(self.by_image)}")


@dataclass(frozen=True)
class Verdict:
    verdict: VerdictWord
    change: float  # months, mean over the seeds that did not fail
    low: float  # months; 95 % BCa interval; NaN where nothing can be tested
    high: float
    p_difference: float  # adjusted for the family, and in a race for the looks; NaN where nothing was tested
    p_equivalence: float
    seeds: int  # looked at, failed ones among them
    scope: Scope
    seeds_to_resolve: int | None = None  # only where it is open


@dataclass(frozen=True)
class Evidence:
    changes: Months  # of the seeds that did not fail
    seeds: int  # failed ones among them
    sample: Months  # independent values whose mean is the change: of seeds, or of images
    scope: Scope
    untested: VerdictWord | None = None  # the verdict where nothing can be tested


@dataclass(frozen=True)
class Look:
    seeds: int
    alpha: float  # newly spent here


def judge(family: Mapping[str, Pairs], margin_months: float, alpha: float = 0.05) -> dict[str, Verdict]:
    """A verdict for each variant, from all its seeds. How many there are must not have been chosen by their results: see `race`.

    What cannot be tested is of the family too: who belongs to it is settled before any seed is run.
    """
    found = {name: evidence(pairs, len(pairs.changes)) for name, pairs in family.items()}
    p = [p_values(each, margin_months) for each in found.values()]
    differ, equal = holm([each for each, _ in p]), holm([each for _, each in p])
    return {
        name: verdict(each, p_difference, p_equivalence, margin_months, alpha, len(family))
        for (name, each), p_difference, p_equivalence in zip(found.items(), differ, equal, strict=True)
    }


def race(
    family: Mapping[str, Pairs], margin_months: float, most_seeds: int, alpha: float = 0.05
) -> dict[str, tuple[Verdict, int]]:
    """For each variant its verdict, and how many seeds it should have next: as many as it has where nothing is open.

    Verdicts are looked at after the seeds `looks` states, each time with the first so many seeds of every variant, over
    seeds alone, at that look's share of alpha: the union bound makes the errors of all looks together at most alpha. A
    variant resolved at a look stays so and gets no more seeds; nobody passes a look until all that are open have reached
    it. Holm goes on from what earlier looks rejected, since a first false rejection has only true ones before it (Maurer
    and Bretz 2013). A function of the data: the same seeds give the same answer whenever and however often it is asked.
    """
    planned = looks(len(family), most_seeds, alpha)
    if not planned:  # so few seeds cannot tell so many variants apart: none is worth training for
        return {name: (found, len(family[name].changes)) for name, found in judge(family, margin_months, alpha).items()}

    def seen(name: str, seeds: int) -> Evidence:
        return evidence(Pairs(family[name].changes[:seeds]), seeds)

    latest = {  # before the first look nothing is tested, so no p is spent
        name: verdict(seen(name, planned[0].seeds), math.nan, math.nan, margin_months, alpha, len(family))
        for name in family
    }
    seeds_next = 0
    for look in planned:
        open_yet = [name for name, found in latest.items() if found.verdict in OPEN]
        if any(len(family[name].changes) < look.seeds for name in open_yet):
            seeds_next = look.seeds
            break
        p = {name: p_values(seen(name, look.seeds), margin_months) for name in open_yet}
        # Of those settled, what was rejected counts as p = 0, what was not can no more be: p = 1.
        differ = [p[name][0] if name in p else float(not found.p_difference <= alpha) for name, found in latest.items()]
        equal = [p[name][1] if name in p else float(not found.p_equivalence <= alpha) for name, found in latest.items()]
        paid = alpha / look.alpha
        for name, p_difference, p_equivalence in zip([*latest], holm(differ), holm(equal), strict=True):
            if name in p:
                adjusted = min(1.0, p_difference * paid), min(1.0, p_equivalence * paid)
                latest[name] = verdict(seen(name, look.seeds), *adjusted, margin_months, alpha, len(family))

    def wanted(name: str) -> int:
        have = len(family[name].changes)
        return max(have, seeds_next) if latest[name].verdict in OPEN else have

    return {name: (latest[name], wanted(name)) for name in family}


def looks(variants: int, most_seeds: int, alpha: float = 0.05) -> list[Look]:
    """After which numbers of seeds a race looks, and at what share of alpha; known before any seed is run.

    Every LOOK_EVERY seeds from MIN_SEEDS on, and at the last. By k of at most n seeds, alpha · (k / n)² may be spent (Kim
    and DeMets 1987); but a look that could not reject even where all changes have one sign is left out, and what it
    would have spent is left to the next. None where no number of seeds up to the most would do.
    """
    found: list[Look] = []
    spent = 0.0
    for seeds in sorted({*range(MIN_SEEDS, most_seeds, LOOK_EVERY), most_seeds}):
        share = alpha * (seeds / most_seeds) ** SPENDING - spent
        if variants and seeds >= MIN_SEEDS and attainable(share / variants, seeds) > 0:
            found.append(Look(seeds, share))
            spent += share
    return found


def evidence(pairs: Pairs, seeds: int) -> Evidence:
    """As judged by so many seeds; those of them that are still to run may yet give a result.

    Of few changes the images are the sample. An image's errors under several seeds go together, so they are averaged first.
    """
    run, changes = len(pairs.changes), finite(pairs)
    if 2 * (run - len(changes)) > seeds:
        return Evidence(changes, run, (), ARCHITECTURES if run >= MIN_SEEDS else THESE_MODELS, "not trainable")
    if len(changes) >= MIN_SEEDS:
        return Evidence(changes, run, changes, ARCHITECTURES)
    if pairs.by_image is None or not pairs.by_image.size:
        return Evidence(changes, run, (), THESE_MODELS, "not tested")
    return Evidence(changes, run, tuple(np.asarray(pairs.by_image, float).mean(axis=0).tolist()), THESE_MODELS)


def finite(pairs: Pairs) -> Months:
    return tuple(float(change) for change in pairs.changes if math.isfinite(change))


def p_values(found: Evidence, margin_months: float) -> tuple[float, float]:
    """Of no difference, and of one at least as large as the margin; 1 where that cannot be tested.

    A seed that failed has an infinite change, so the mean cannot be within the margin or below 0, whatever the others say.
    """
    if found.untested:
        return 1.0, 1.0
    test = flips_of_seeds if found.scope == ARCHITECTURES else flips_of_images
    difference, equivalence = test(found.sample, margin_months)
    if found.seeds > len(found.changes):
        return (difference if sum(found.sample) > 0 else 1.0), 1.0
    return difference, equivalence


def verdict(
    found: Evidence, p_difference: float, p_equivalence: float, margin_months: float, alpha: float, variants: int
) -> Verdict:
    """Equivalence comes first: a difference smaller than the margin does not matter, however sure it is."""
    change = fmean(found.changes) if found.changes else math.nan
    word: VerdictWord
    if found.untested:
        word, p_difference, p_equivalence = found.untested, math.nan, math.nan
    elif p_equivalence <= alpha:
        word = "does not matter"
    elif p_difference <= alpha:
        word = "matters" if change > 0 else "better without"
    else:
        word = "not resolved"
    none_failed = found.seeds == len(found.changes)
    more = seeds_to_resolve(found.changes, margin_months, alpha / variants) if word in OPEN and none_failed else None
    return Verdict(word, change, *interval(found.sample), p_difference, p_equivalence, found.seeds, found.scope, more)


def seeds_to_resolve(changes: Sequence[float], margin_months: float, alpha: float) -> int | None:
    """An estimate: how many seeds, more than these, would resolve it with POWER, were their mean and spread the true ones.

    For one look after all seeds, at `alpha` for this variant by itself: with Holm, the family's divided by its size. The
    power is that of the t-test (of TOST, at least the sum of both sides less 1) at the highest level below alpha that flips
    of so many seeds attain, so never fewer than can reach alpha at all. None beyond MOST_SEEDS, or from fewer than two.
    """
    if len(changes) < 2:
        return None
    seeds = np.arange(max(MIN_SEEDS, len(changes) + 1), MOST_SEEDS + 1)
    centre, spread = float(np.mean(changes)), float(np.std(changes, ddof=1))
    spread = max(spread, 1e-6 * max(abs(centre), margin_months), 1e-12)  # of changes all equal: nearly certain
    one_sided = np.array([attainable(alpha, int(count), sides=1) for count in seeds])
    two_sided = np.array([attainable(alpha, int(count)) for count in seeds])

    def power(months: float, levels: np.ndarray) -> Any:
        """One-sided; of a two-sided test that is the side that matters, and SciPy's noncentral t has NaN for the other."""
        if months <= 0:
            return np.zeros(len(seeds))
        effect = np.minimum(months / spread, 15 / np.sqrt(seeds))  # beyond that it is certain
        return TTestPower().power(effect, seeds, levels, alternative="larger")

    differs = power(abs(centre), two_sided / 2)
    within = power(margin_months + centre, one_sided) + power(margin_months - centre, one_sided) - 1
    enough = seeds[(differs >= POWER) | (within >= POWER)]
    return int(enough[0]) if len(enough) else None
