"""How surely a design finds a difference: its looks played thousands of times on paper, by the rules of the race.

One variant differs, the others do not. It is found where a look calls it different before one calls it smaller than the margin, or
hopeless. A design without a race is one with a single look. All months are in units of the seeds' standard deviation.

The rules are those of `racing.py` and `verdicts.py`, for all plays at once. Two things are simpler: the variants without a
difference stay to the end, and smaller than the margin is tested as if all others were found to be so already. What is drawn
is drawn with a fixed seed, so that the same design is always told the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from studies.statistics.design import DRAWS, POWER, exceeded, inequality, null, one_of, standard_errors
from studies.statistics.racing import FUTILE, Look
from studies.statistics.verdicts import UNEQUAL

PLAYS = 4_000  # so that a power of 0.8 is told within 0.013, at two standard errors
MOST_LOOKS = 8  # of a long race so many are played, spread over it, that spend as much by then as all would
FINE = 0.005  # of the effect that is told
FARTHEST = 100.0  # beyond the margin, an effect that any design finds


@dataclass(frozen=True)
class Seen:
    """What all plays have come to at one look."""

    change: np.ndarray  # of the variant that differs, without its effect
    error: np.ndarray  # of that change, as it would be estimated
    of_one_seed: np.ndarray  # the spread as it would be estimated
    look: Look
    differs: np.ndarray  # standard errors from which a change is called different
    within: np.ndarray  # and below the margin by which it is called smaller


def least_effect(looks: Sequence[Look], reference: Callable[[int], int], variants: int, margin: float) -> float:
    """The difference that these looks find with POWER."""
    plays = played(fewer(looks), reference, variants)
    ahead = hopes(plays[-1].look, reference(plays[-1].look.seeds), variants)
    low, high = 0.0, margin + FARTHEST
    while high - low > FINE * high:
        middle = (low + high) / 2
        low, high = (low, middle) if power_of(plays, ahead, middle, margin) >= POWER else (middle, high)
    return high


def fewer(looks: Sequence[Look]) -> list[Look]:
    """The first, the last, and some between: each spends what all up to it would have spent since the one before."""
    places = sorted({round(place) for place in np.linspace(0, len(looks) - 1, min(len(looks), MOST_LOOKS))})
    before = [-1, *places]
    return [
        Look(looks[place].seeds, sum(look.alpha for look in looks[last + 1 : place + 1]))
        for last, place in zip(before, places, strict=False)
    ]


def power_of(plays: Sequence[Seen], ahead: "Hopes", effect: float, margin: float) -> float:
    """In which share of the plays a variant that is worse by `effect` is found to be."""
    races, found = np.ones(PLAYS, bool), np.zeros(PLAYS, bool)
    for seen in plays:
        change = seen.change + effect
        equal = margin - np.abs(change) >= seen.within * seen.error
        differs = ~equal & (np.abs(change) >= seen.differs * seen.error)
        found |= races & differs & (change > 0)
        hopeless = ahead.power(change / seen.of_one_seed, margin / seen.of_one_seed) < FUTILE
        races &= ~(equal | differs | hopeless)
    return float(found.mean())


def played(looks: Sequence[Look], reference: Callable[[int], int], variants: int) -> list[Seen]:
    """The plays at each look: variants first, the reference last."""
    random = np.random.default_rng(0)
    counts = np.zeros(variants + 1)
    means, squares = np.zeros((PLAYS, variants + 1)), np.zeros((PLAYS, variants + 1))
    found = []
    for look in looks:
        now = np.array([*[look.seeds] * variants, reference(look.seeds)], float)
        for place, more in enumerate((now - counts).astype(int)):
            if more:
                added = random.standard_normal(PLAYS) / np.sqrt(more)
                own = random.chisquare(more - 1, PLAYS) if more > 1 else 0.0
                apart, total = added - means[:, place], now[place]
                squares[:, place] += own + apart**2 * counts[place] * more / total
                means[:, place] += apart * more / total
        counts = now
        found.append(looked(look, means[:, 0] - means[:, -1], squares / (counts - 1), counts))
    return found


def looked(look: Look, change: np.ndarray, variances: np.ndarray, counts: np.ndarray) -> Seen:
    variants, seeds, beside = len(counts) - 1, int(counts[0]), int(counts[-1])
    by_chance = null((seeds,) * variants, beside).unequal
    unequal = inequality(variances, counts) >= by_chance[min(DRAWS - 1, int(np.ceil((1 - UNEQUAL) * DRAWS)))]
    pooled = standard_errors(variances, counts, counts - 1)[:, 0]
    error = np.where(unequal, np.sqrt(variances[:, 0] / seeds + variances[:, -1] / beside), pooled)
    drawn = one_of(seeds, beside, variants)
    freedom = min(seeds, beside) - 1
    alone = exceeded(np.sort(drawn.change / drawn.error), look.alpha)
    differs = np.where(unequal, stats.t.isf(look.alpha / 2 / variants, freedom), exceeded(drawn.largest, look.alpha))
    within = np.where(unequal, stats.t.isf(look.alpha, freedom), alone)
    return Seen(change, error, error / np.sqrt(1 / seeds + 1 / beside), look, differs, within)


@dataclass(frozen=True)
class Hopes:
    """`design.power` of the last look, for many effects at once."""

    to_differ: np.ndarray  # the effects from which each draw is called different, rising
    upper: np.ndarray  # the margins less effect from which each is called smaller, rising
    lower: np.ndarray

    def power(self, effect: np.ndarray, margin: np.ndarray) -> np.ndarray:
        size = np.abs(effect)
        differs = np.searchsorted(self.to_differ, size) / DRAWS
        within = (np.searchsorted(self.upper, margin - size) - np.searchsorted(self.lower, -margin - size)) / DRAWS
        return np.asarray(np.maximum(differs, within))


def hopes(last: Look, reference: int, variants: int) -> Hopes:
    drawn = one_of(last.seeds, reference, variants)
    two_sided, one_sided = exceeded(drawn.largest, last.alpha), exceeded(drawn.highest, last.alpha)
    sided = one_sided * drawn.error
    return Hopes(
        np.sort(two_sided * drawn.error - drawn.change), np.sort(drawn.change + sided), np.sort(drawn.change - sided)
    )
