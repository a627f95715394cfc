"""Seeds where verdicts are open, up to a number that is known before: a race with looks at planned numbers of seeds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from studies.preset import MIN_SEEDS
from studies.statistics.design import power
from studies.statistics.verdicts import OPEN, Runs, Tested, Verdict, asked_both, gone, judge, untested, worded

LOOK_EVERY = 2  # seeds
SPENDING = 2  # exponent; 1 spends so much at the first look that half-sized effects are lost, 3 looks later
FUTILE = 0.1  # a variant whose power at the last look is less gets no more seeds


@dataclass(frozen=True)
class Look:
    seeds: int
    alpha: float  # newly spent here


@dataclass(frozen=True)
class Raced:
    verdicts: dict[str, Verdict]
    seeds: dict[str, int]  # each variant should have next: as many as it has where nothing is open
    reference: int  # the same of the reference


def race(
    reference: Runs,
    family: Mapping[str, Runs],
    margin_months: float,
    most_seeds: int,
    seeds_of_reference: Callable[[int], int],
    alpha: float = 0.05,
) -> Raced:
    """The verdicts, and how many seeds each network should have next.

    Verdicts are looked at after the seeds `looks` states, each time with the first so many seeds of every variant and
    `seeds_of_reference` so many of the reference, at that look's share of alpha: the union bound makes the errors of all
    looks together at most alpha. A variant resolved at a look stays so and gets no more seeds, nor does one that the last
    look would hardly resolve (FUTILE), which can only make errors rarer; nobody passes a look until all that are open have
    reached it. Stepping down goes on from what earlier looks rejected, since a first false rejection has only true ones
    before it (Maurer and Bretz 2013). A function of the data: the same seeds give the same answer whenever it is asked.
    """
    planned = looks(len(family), most_seeds, alpha)
    have = {name: len(runs.months) for name, runs in family.items()}
    if not planned:  # so few seeds cannot speak
        return Raced(judge(reference, family, margin_months, alpha), have, len(reference.months))
    first = planned[0].seeds
    latest = {name: untested(reference, Runs(runs.months[:first]), first) for name, runs in family.items()}
    racing = {name for name, runs in family.items() if not gone(runs, first)}
    for look in planned:
        needed = seeds_of_reference(look.seeds)
        short = any(have[name] < look.seeds for name in racing) or len(reference.months) < needed
        if racing and short:
            seeds = {name: max(have[name], look.seeds) if name in racing else have[name] for name in family}
            return Raced(latest, seeds, max(len(reference.months), needed))
        seen = {
            name: Runs(runs.months[: look.seeds if name in racing else latest[name].seeds])
            for name, runs in family.items()
        }
        beside = Runs(reference.months[:needed])
        differ = {name for name in family if latest[name].p_difference <= alpha and name not in racing}
        equal = {name for name in family if latest[name].p_equivalence <= alpha and name not in racing}
        tested = asked_both(beside, seen, margin_months, len(family), differ, equal, set(family) - racing)
        paid = alpha / look.alpha
        for name in sorted(racing):
            if name not in tested:
                latest[name] = untested(beside, seen[name])
            else:
                found = paying(tested[name], paid)
                latest[name] = worded(beside, seen[name], found, margin_months, alpha, len(family))
                if hopeless(found, latest[name], planned[-1], seeds_of_reference, margin_months, len(family)):
                    racing.discard(name)
            if latest[name].verdict not in OPEN:
                racing.discard(name)
        racing = {name for name in racing if not gone(family[name], look.seeds)}
    return Raced(latest, have, len(reference.months))


def looks(variants: int, most_seeds: int, alpha: float = 0.05) -> list[Look]:
    """After which numbers of seeds a race looks, and at what share of alpha; known before any seed is run.

    Every LOOK_EVERY seeds from MIN_SEEDS on, and at the last. By k of at most n seeds, alpha · (k / n)² has been spent (Kim
    and DeMets 1987). None where no number of seeds up to the most would do.
    """
    if not variants or most_seeds < MIN_SEEDS:
        return []
    counts = sorted({*range(MIN_SEEDS, most_seeds, LOOK_EVERY), most_seeds})
    spent = [0.0, *(alpha * (seeds / most_seeds) ** SPENDING for seeds in counts)]
    return [Look(seeds, until - before) for seeds, before, until in zip(counts, spent, spent[1:], strict=False)]


def paying(found: Tested, paid: float) -> Tested:
    p = (min(1.0, found.p_difference * paid), min(1.0, found.p_equivalence * paid))
    return Tested(found.low, found.high, *p, found.sd_months)


def hopeless(
    found: Tested, verdict: Verdict, last: Look, seeds_of_reference: Callable[[int], int], margin: float, variants: int
) -> bool:
    """Whether the last look would hardly resolve it, were this change and this spread the true ones."""
    if found.sd_months <= 0:
        return False
    scaled = (verdict.change / found.sd_months, margin / found.sd_months)
    return max(power(last.seeds, seeds_of_reference(last.seeds), variants, *scaled, alpha=last.alpha)) < FUTILE
