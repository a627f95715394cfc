"""Does a variant differ from its reference? Validation MAEs in months, a value for each seed, and what they allow to say.

The seed is the unit: a verdict speaks of the architectures, as these settings train them and these images score them. It
takes MIN_SEEDS of the variant and of the reference. With fewer there is no verdict. The images can then say at most
that these trained models differ, and the interval holds the luck of seeds as far as the run knows it (`Spread`).

Two questions are asked of every variant, each adjusted for the whole family, so that of families without a difference at
most `alpha` hold a "matters" or "better without", and as many of those at the margin a "does not matter". Is there a
difference; and is it smaller than the margin (two one-sided tests, Schuirmann 1987)? Both by a t whose variance is pooled
over reference and variants (`design.py`). Where the variances are more unequal than one family in fifty shows by
chance, each variant is tested by its own and the reference's alone, with the degrees of freedom of the fewer seeds, adjusted
by Holm. Intervals are of the same t, always 95 %, for one variant by itself.

Imported only where it is used: SciPy takes a second.
"""

import math
from bisect import bisect_left
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from statistics import fmean, median

import numpy as np
from scipy import stats

from data.holm import holm
from studies.findings import Scope, VerdictWord
from studies.preset import MIN_SEEDS
from studies.statistics.design import POWER, adjusted, half_width, inequality, null, power, standard_errors
from studies.statistics.resampling import Months, flips_of_images

UNEQUAL = 0.02  # variances more unequal than this share of families by chance are not taken to be one
STEPS = (*range(MIN_SEEDS, 13), 14, 16, 20, 24, 32, 40, 50, 64, 80, 100)  # what seeds_to_resolve names; beyond: None
LEAST_REPLICATES = 2  # degrees of freedom; fewer do not tell the spread of seeds
OPEN = ("not resolved", "not tested", "these trained models differ")
ARCHITECTURES: Scope = "architectures"
THESE_MODELS: Scope = "these trained models"


@dataclass(frozen=True)
class Runs:
    """Of one network, by seed in the order they ran."""

    months: tuple[float, ...]  # validation MAE; infinite where it could not be trained
    errors: np.ndarray | None = (
        None  # absolute, of each patient, summed over their images; mean over the seeds that did not fail
    )

    @property
    def finite(self) -> Months:
        return tuple(float(value) for value in self.months if math.isfinite(value))

    @property
    def failed(self) -> int:
        return len(self.months) - len(self.finite)


@dataclass(frozen=True)
class Spread:
    """How far seeds of one network lie apart."""

    sd_months: float
    freedom: float  # degrees of freedom it was estimated with


@dataclass(frozen=True)
class Verdict:
    verdict: VerdictWord
    change: float  # months, between the means over the seeds that did not fail
    low: float  # months; 95 %; NaN where the luck of seeds is not known
    high: float
    p_difference: float  # adjusted for the family, and in a race for the looks; NaN where nothing was tested
    p_equivalence: float
    seeds: int  # looked at, failed ones among them
    scope: Scope
    seeds_to_resolve: int | None = None  # only where it is open
    p_images: float = math.nan  # of no difference between these trained models, adjusted; NaN where seeds speak


@dataclass(frozen=True)
class Tested:
    low: float
    high: float
    p_difference: float
    p_equivalence: float
    sd_months: float  # of one seed, as it was taken for this variant


def judge(
    reference: Runs,
    family: Mapping[str, Runs],
    margin_months: float,
    alpha: float = 0.05,
    of: int = 0,
    known: Spread | None = None,
) -> dict[str, Verdict]:
    """A verdict for each variant, from all its seeds. How many there are must not have been chosen by their results: see `racing.py`.

    `of` is how many comparisons there could have been, if more than are here; what cannot be tested is of the family too.
    `known` is what the run knows of seeds from elsewhere.
    """
    of = max(of, len(family))
    tested = asked_both(reference, family, margin_months, of)
    spread = spread_of(reference, family, known)
    by_image = images(reference, {name: runs for name, runs in family.items() if name not in tested}, of)
    return {
        name: worded(reference, runs, tested[name], margin_months, alpha, of)
        if name in tested
        else of_few(reference, runs, by_image.get(name), spread, margin_months, alpha, of)
        for name, runs in family.items()
    }


def gone(runs: Runs, seeds: int) -> bool:
    """Whether more than half of so many seeds have failed."""
    return 2 * runs.failed > max(seeds, len(runs.months))


def speaks(runs: Runs) -> bool:
    return len(runs.finite) >= MIN_SEEDS and not gone(runs, 0)


def asked_both(
    reference: Runs,
    family: Mapping[str, Runs],
    margin_months: float,
    of: int,
    differ: Collection[str] = (),
    equal: Collection[str] = (),
    closed: Collection[str] = (),
) -> dict[str, Tested]:
    """Of the variants that have seeds enough. Those in `differ` and `equal` are rejected already, others of `closed` never will be.

    Variants that cannot be tested, or were never run, are of the family all the same: who belongs to it is settled before
    any seed is run.
    """
    names = [name for name, runs in family.items() if speaks(runs)] if speaks(reference) else []
    if not names:
        return {}
    groups = [np.array(runs.finite) for runs in (*(family[name] for name in names), reference)]
    seeds = np.array([len(values) for values in groups])
    means, variances = (
        np.array([values.mean() for values in groups]),
        np.array([values.var(ddof=1) for values in groups]),
    )
    change = means[:-1] - means[-1]
    errors = np.maximum(standard_errors(variances, seeds, seeds - 1), tiny(means))
    absent = of - len(names)
    counts, beside = seeds[:-1].tolist(), int(seeds[-1])
    failed = np.array([family[name].failed > 0 for name in names])

    def fixed(t: np.ndarray, rejected: Collection[str]) -> list[float]:
        shut = {name: math.inf if name in rejected else -math.inf for name in closed}
        return [shut.get(name, value) for name, value in zip(names, t.tolist(), strict=True)]

    # A seed that failed is worse than any other, on either side: no change in that side's favour is one, and none is within the margin.
    against = np.where(change < 0, failed, reference.failed > 0)
    failed |= reference.failed > 0
    distance = np.where(against, 0.0, np.abs(change))
    room = np.where(failed, -math.inf, margin_months - np.abs(change))
    if unequal(variances, seeds):
        errors = np.maximum(np.sqrt(variances[:-1] / seeds[:-1] + variances[-1] / seeds[-1]), tiny(means))
        freedom = np.minimum(seeds[:-1], seeds[-1]) - 1
        difference = 2 * stats.t.sf(fixed(distance / errors, differ), freedom)
        p_difference = np.array(holm([*difference, *[1.0] * absent])[: len(names)])
        equivalence = stats.t.sf(fixed(room / errors, equal), freedom)
        p_equivalence = np.array(holm([*equivalence, *[1.0] * absent])[: len(names)])
        half = stats.t.isf(0.025, freedom) * errors
    else:
        p_difference = np.array(adjusted(fixed(distance / errors, differ), counts, beside, absent, two_sided=True))
        p_equivalence = np.array(adjusted(fixed(room / errors, equal), counts, beside, absent, two_sided=False))
        half = np.array([half_width(counts, place, beside) for place in range(len(names))]) * errors
    p_equivalence = np.where(failed, 1.0, p_equivalence)
    one_seed = errors / np.sqrt(1 / seeds[:-1] + 1 / seeds[-1])
    columns = (change - half, change + half, p_difference, p_equivalence, one_seed)
    return {name: Tested(*(float(column[place]) for column in columns)) for place, name in enumerate(names)}


def tiny(means: np.ndarray) -> float:
    """A standard error of values that do not vary, so that what is exactly equal is no difference."""
    return 1e-9 * float(np.abs(means).max()) + 1e-12


def unequal(variances: np.ndarray, seeds: np.ndarray) -> bool:
    drawn = null(tuple(sorted(seeds[:-1].tolist())), int(seeds[-1])).unequal
    return bool(np.mean(drawn >= inequality(variances, seeds)) <= UNEQUAL)


def worded(reference: Runs, runs: Runs, found: Tested, margin_months: float, alpha: float, variants: int) -> Verdict:
    """Equivalence comes first: a difference smaller than the margin does not matter, however sure it is."""
    change = fmean(runs.finite) - fmean(reference.finite)
    word: VerdictWord = "not resolved"
    if found.p_equivalence <= alpha:
        word = "does not matter"
    elif found.p_difference <= alpha:
        word = "matters" if change > 0 else "better without"
    more = None
    if word in OPEN and not runs.failed and not reference.failed:
        ratio = len(reference.finite) / len(runs.finite)
        more = seeds_to_resolve(change, found.sd_months, len(runs.finite), ratio, margin_months, variants, alpha)
    values = (found.low, found.high, found.p_difference, found.p_equivalence)
    return Verdict(word, change, *values, len(runs.months), ARCHITECTURES, more)


def untested(reference: Runs, runs: Runs, due: int = 0) -> Verdict:
    """Where nothing has been tested yet, or can be; `due` seeds are to run, if that is more than have."""
    change = fmean(runs.finite) - fmean(reference.finite) if runs.finite and reference.finite else math.nan
    word: VerdictWord = "not trainable" if gone(runs, due) else "not tested"
    scope = ARCHITECTURES if len(runs.months) >= MIN_SEEDS else THESE_MODELS
    return Verdict(word, change, math.nan, math.nan, math.nan, math.nan, len(runs.months), scope)


def of_few(
    reference: Runs,
    runs: Runs,
    p_images: float | None,
    spread: Spread | None,
    margin_months: float,
    alpha: float,
    variants: int,
) -> Verdict:
    """Of seeds too few for a verdict: an estimate with its interval, and whether these trained models differ."""
    found = untested(reference, runs)
    if found.verdict == "not trainable" or not math.isfinite(found.change):
        return found
    low = high = math.nan
    more = None
    if spread is not None:
        error = spread.sd_months * math.sqrt(1 / len(runs.finite) + 1 / len(reference.finite))
        half = error * float(stats.t.isf(0.025, spread.freedom))
        low, high = found.change - half, found.change + half
        if not runs.failed and not reference.failed:
            ratio = len(reference.finite) / len(runs.finite)
            sizes = (len(runs.finite), ratio, margin_months, variants, alpha)
            more = seeds_to_resolve(found.change, spread.sd_months, *sizes)
    word: VerdictWord = "not tested"
    if p_images is not None:
        word = "these trained models differ" if p_images <= alpha else "not resolved"
    nothing = (math.nan, math.nan)
    shown = math.nan if p_images is None else p_images
    return Verdict(word, found.change, low, high, *nothing, found.seeds, THESE_MODELS, more, shown)


def images(reference: Runs, family: Mapping[str, Runs], of: int) -> dict[str, float]:
    """p of no difference between trained models over the images, adjusted; a patient's errors, under several seeds, go together."""
    if reference.errors is None or not reference.errors.size:
        return {}
    p = {
        name: flips_of_images(tuple((runs.errors - reference.errors).tolist()))
        for name, runs in family.items()
        if runs.errors is not None
    }
    return dict(zip(p, holm([*p.values(), *[1.0] * (of - len(p))]), strict=False))


def spread_of(reference: Runs, family: Mapping[str, Runs], known: Spread | None = None) -> Spread | None:
    """Of the seeds of one network: from networks with several, else what the run knows already, else from single ones.

    Single trainings differ by their seeds and by what they are. Most groups' effects being small, the median of the
    distances to the median is mostly seeds, and what lies far out is left aside (Lenth 1989, for experiments without
    replicates); where many effects are large it is too large, never too small by much. None of fewer than four networks.
    """
    groups = [np.array(runs.finite) for runs in (reference, *family.values()) if runs.finite]
    freedom = sum(len(values) - 1 for values in groups)
    if freedom >= LEAST_REPLICATES and (known is None or known.freedom <= freedom):
        squares = sum((len(values) - 1) * float(values.var(ddof=1)) for values in groups if len(values) > 1)
        return Spread(math.sqrt(squares / freedom), freedom)
    if known is not None:
        return known
    if len(groups) < 4:
        return None
    means = [float(values.mean()) for values in groups]
    apart = [abs(mean - median(means)) for mean in means]
    first = 1.5 * median(apart)
    return Spread(1.5 * median([each for each in apart if each <= 2.5 * first]), len(groups) / 3)


def seeds_to_resolve(
    change: float, sd_months: float, seeds: int, ratio: float, margin_months: float, variants: int, alpha: float
) -> int | None:
    """An estimate: how many seeds, more than these, would resolve it with POWER, were this change and this spread the true ones.

    For one look after all seeds, `ratio` times as many of the reference. None beyond the last of STEPS.
    """
    if sd_months <= 0:
        return None
    scaled = (change / sd_months, margin_months / sd_months)

    def enough(count: int) -> bool:
        return max(power(count, max(MIN_SEEDS, round(ratio * count)), variants, *scaled, alpha=alpha)) >= POWER

    counts = [count for count in STEPS if count > seeds]
    place = bisect_left(counts, True, key=enough)
    return counts[place] if place < len(counts) else None
