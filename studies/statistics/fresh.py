"""Which seeds are fresh: they selected no network, so both sides of a comparison after a selection are trained with them.

Whatever is picked by its trainings is picked for their luck too. Compared by those very trainings it looks too good, and what
replaces it seems to cost months that it does not cost. So a comparison with a picked network has seeds by which nothing was picked
before; trainings with other seeds are none of it.
"""

from collections.abc import Sequence
from dataclasses import replace

from studies.findings import Compared, Favoured
from studies.preset import SEEDS
from studies.study import Trial, pooled

# Sets of seeds beside the search's own. Nothing is picked by what comes after the last decision, so the confirmation and all that is
# compared with the decided network have one set, and train that network once.
# Before all, the families are compared with a set that the ablation of the chosen one does not use.
AFTER_ALL, IN_FULL, RESOLUTION, BEFORE_ALL = 1, 2, 3, 4
OF_SEARCH = (AFTER_ALL, RESOLUTION, BEFORE_ALL)


def fresh_seed(seed: int, further: int = AFTER_ALL) -> int:
    """The first of SEEDS seeds that are none of the search's; `further` counts such sets on. Seeds have 31 bits."""
    return (seed + further * SEEDS) % (2**31 - SEEDS)


def first_seed(seed: int, further: int, trials: Sequence[Trial]) -> int:
    """That of the set; the search's own in a study that an earlier version began with it, which goes on as it was begun."""
    fresh = fresh_seed(seed, further)
    return seed if trials and not any(within(run.seed, fresh) for run in runs(trials)) else fresh


def runs(trials: Sequence[Trial]) -> list[Trial]:
    return [run for trial in trials for run in trial.by_seed]


def within(seed: int, first: int, count: int = SEEDS) -> bool:
    return first <= seed < first + count


def of_seeds(trials: Sequence[Trial], first: int, count: int = SEEDS) -> list[Trial]:
    """Pooled trials by these seeds alone: somebody may have enqueued others, or results have called for more."""
    kept = [(trial, [run for run in trial.by_seed if within(run.seed, first, count)]) for trial in trials]
    return [pooled(runs, 1) if trial.finished else trial for trial, runs in kept if runs]


def estimates(rows: Sequence[Compared], favoured: Favoured) -> tuple[Compared, ...]:
    """Rows of comparisons by the very trainings that one side was picked by: neither verdict nor interval would hold."""
    return tuple(
        replace(
            row,
            verdict=row.verdict if row.verdict == "not trainable" else "not tested",
            low=None,
            high=None,
            p_difference=None,
            p_equivalence=None,
            seeds_to_resolve=None,
            p_images=None,
            favoured=favoured,
        )
        for row in rows
    )
