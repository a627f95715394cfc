"""What a study wants next, in terms of points that fit the cap and seeds that have not run; a pure function of its trials."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

from models.architecture import Architecture
from search.leader.sampler import key
from studies.study import Given, Point, Study, Trial, pool


@dataclass(frozen=True)
class Asked:
    new: tuple[tuple[Point, int], ...]  # with their seeds, in the order in which they are to run
    sample: bool  # whether, once those have run, the sampler may propose
    expected: int  # trials of the study in all, as far as is known yet


def seeds_of(module: Study, given: Given) -> int:
    return given.preset.seeds if module.SEEDED else 1


def asked(module: Study, given: Given, trials: Sequence[Trial], feasible: Container[tuple[Any, ...]]) -> Asked:
    """One seed of every point before the next seed of any."""
    taken = {(key(trial.point), trial.seed) for trial in trials}
    seeds, first = seeds_of(module, given), given.preset.seed
    proposals = module.propose(given, pool(trials, seeds))
    wanted = list(zip(proposals.points, proposals.seeds or [seeds] * len(proposals.points), strict=True))
    new = tuple(
        (point, seed)
        for seed in range(first, first + max((count for _, count in wanted), default=0))
        for point, count in wanted
        if seed < first + count and key(point) in feasible and (key(point), seed) not in taken
    )
    return Asked(new, proposals.sample, max(len(taken) + len(new), proposals.at_most))


def objective_values(module: Study, given: Given, architecture: Architecture, validation_mae: float) -> list[float]:
    """What Optuna is told of a complete trial, in the order of the study's objectives."""
    cost = given.cost(architecture)
    values = {"mae": validation_mae, "macs": cost.macs, "params": cost.params}
    return [float(values[name]) for name in module.objectives(given)]
