"""What a study wants next, in terms of points that fit the cap and seeds that have not run; and which of it begins first.

Asked is a pure function of the trials. Of those that wait the longest begins next, so that what ends last is short (Graham's LPT
rule). A trial has its number since it was enqueued; decided here is only who begins first. By MACs and not by predicted seconds,
which rise with them: so the order is the same on every machine. One seed of all points comes before the next of any. Where a
trial may be pruned the numbers decide, as it is compared with those before it.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from models.architecture import Architecture
from models.cost import cost
from search.leader.sampler import key
from search.storage.records import point_of, seed_of
from studies.study import Given, Point, Study, Trial, pool

MAX_SEED = 2**31 - 1


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


def macs(network: Architecture, given: Given) -> int:
    return counted(network, given.preset.preparation.image_px)


@lru_cache(maxsize=65536)  # the same networks are sorted again whenever a trial has ended
def counted(network: Architecture, image_px: int) -> int:
    return cost(network, image_px).macs


def begin_longest(
    study: optuna.Study, module: Study, given: Given, waiting: Sequence[FrozenTrial]
) -> optuna.trial.Trial:
    if not module.SEEDED:
        return study.ask()

    def rank(trial: FrozenTrial) -> tuple[int, int, int]:
        point = point_of(trial)
        long = 0 if module.prunable(given, point) else macs(module.architecture(given, point), given)
        return seed_of(trial, given.preset.seed), -long, trial.number

    first = min(waiting, key=rank)
    study._storage.set_trial_state_values(
        first._trial_id, state=TrialState.RUNNING
    )  # as `ask` does with the first of all
    return optuna.trial.Trial(study, first._trial_id)


def suggest(trial: optuna.trial.Trial, name: str, choices: BaseDistribution) -> None:
    """Fix one parameter of the trial, by Optuna's public calls; one that is fixed already stays."""
    match choices:
        case IntDistribution():
            trial.suggest_int(name, choices.low, choices.high, step=choices.step)
        case FloatDistribution():
            trial.suggest_float(name, choices.low, choices.high, step=choices.step)
        case CategoricalDistribution():
            trial.suggest_categorical(name, choices.choices)
