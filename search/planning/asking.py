"""What a study wants next, in terms of points that fit the cap and seeds that have not run; a pure function of its trials."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from models.architecture import Architecture
from models.cost import cost
from studies.study import Given, Point, Study, Trial, pool, seeds_of


def key(point: Point) -> tuple[Any, ...]:
    """Points as they come back from Optuna compare equal to those of the study: grid floats carry rounding."""
    return tuple(
        (name, round(value, 6) if isinstance(value, float) else value) for name, value in sorted(point.items())
    )


@dataclass(frozen=True)
class Asked:
    new: tuple[tuple[Point, int], ...]  # with their seeds, in the order in which they are to run
    sample: bool  # whether, once those have run, the sampler may propose
    expected: int  # trials of the study in all, as far as is known yet
    search_left: Callable[[], int]  # trainings that its search may still ask for, at most


def asked(
    module: Study, given: Given, trials: Sequence[Trial], feasible: Mapping[tuple[Any, ...], Point], search: bool = True
) -> Asked:
    """One seed of every point before the next seed of any. Without `search` nothing is proposed by that."""
    taken = {(key(trial.point), trial.seed) for trial in trials}
    seeds = seeds_of(module, given)
    proposals = module.propose(given, pool(trials, seeds))
    first = given.preset.seed if proposals.first_seed is None else proposals.first_seed

    def fresh(wanted: Sequence[tuple[Point, int]]) -> tuple[tuple[Point, int], ...]:
        return tuple(
            (point, seed)
            for seed in range(first, first + max((count for _, count in wanted), default=0))
            for point, count in wanted
            if seed < first + count and key(point) in feasible and (key(point), seed) not in taken
        )

    new = fresh(list(zip(proposals.points, proposals.seeds or [seeds] * len(proposals.points), strict=True)))
    if proposals.search and search and not new:
        new = fresh(proposals.search(list(feasible.values())))
    expected = max(len(taken) + len(new), proposals.at_most)
    return Asked(new, proposals.sample, expected, proposals.search_left)


def macs(network: Architecture, given: Given) -> int:
    return counted(network, given.preset.preparation.image_px)


@lru_cache(maxsize=65536)  # the same networks are sorted again whenever a trial has ended
def counted(network: Architecture, image_px: int) -> int:
    return cost(network, image_px).macs
