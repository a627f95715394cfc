"""Which of the trials that wait begins first, and what Optuna is told of them.

The longest begins next, so that what ends last is short (Graham's LPT rule). A trial has its number since it was enqueued; decided here is only who begins first. By MACs and not by predicted seconds,
which rise with them: so the order is the same on every machine. One seed of all points comes before the next of any. Where a
trial may be pruned the numbers decide, as it is compared with those before it.
"""

from collections.abc import Sequence

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from models.architecture import Architecture
from search.planning.asking import macs
from search.storage.records import point_of, seed_of
from studies.study import Given, Study

MAX_SEED = 2**31 - 1


def objective_values(module: Study, given: Given, architecture: Architecture, validation_mae: float) -> list[float]:
    """What Optuna is told of a complete trial, in the order of the study's objectives."""
    cost = given.cost(architecture)
    values = {"mae": validation_mae, "macs": cost.macs, "params": cost.params}
    return [float(values[name]) for name in module.objectives(given)]


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
