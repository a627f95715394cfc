"""The searches that the staged strategy is measured against, on the same joint space and under the same cap.

None of them pays for a network over the cap, nor for one it has had already: what they propose of that kind they are
made to propose again, as the staged strategy's sampler is. So what is compared is how they choose.
"""

from collections.abc import Callable
from itertools import count

import numpy as np
import optuna
from optuna.trial import TrialState

from search.compare.curves import Curve
from search.compare.replay import Rival, Work
from search.compare.staged import Staged
from search.leader.sampler import distribution, key
from search.leader.schedule import suggest
from studies import joint
from studies.preset import Preset
from studies.study import Point

TRIES = 1_000  # proposals, before a rival counts as having none left


class Fresh:
    """Which points of the joint space may still be had."""

    def __init__(self, preset: Preset) -> None:
        self.preset = preset
        self.space = joint.space(preset)
        self.taken: set[tuple[object, ...]] = set()

    def take(self, point: Point) -> bool:
        """Whether it fits and is new; from now on it is not."""
        if key(point) in self.taken or not joint.fits(self.preset, point):
            return False
        self.taken.add(key(point))
        return True


class RandomFeasible:
    """Every network of the space that fits is equally likely to be next; all are trained in full."""

    def __init__(self, preset: Preset, seed: int) -> None:
        self.fresh, self.epochs = Fresh(preset), preset.training.epochs
        self.random = np.random.default_rng(seed)
        self.numbers = count()

    def ask(self) -> Work | None:
        for _ in range(TRIES):
            point = {name: values[self.random.integers(len(values))] for name, values in self.fresh.space.items()}
            if self.fresh.take(point):
                return Work(next(self.numbers), point, 0, self.epochs)
        return None

    def tell(self, work: Work, curve: Curve) -> Work | None:
        return None


class TpeAsha:
    """Optuna as its users have it: TPE over the joint space, its successive-halving pruner asked after every epoch."""

    def __init__(self, preset: Preset, seed: int) -> None:
        self.fresh, self.epochs = Fresh(preset), preset.training.epochs
        self.distributions = {name: distribution(values) for name, values in self.fresh.space.items()}
        self.study = optuna.create_study(
            sampler=optuna.samplers.TPESampler(seed=seed), pruner=optuna.pruners.SuccessiveHalvingPruner()
        )
        self.trials: dict[int, optuna.trial.Trial] = {}
        self.numbers = count()

    def ask(self) -> Work | None:
        for _ in range(TRIES):
            trial = self.study.ask()
            for name, choices in self.distributions.items():
                suggest(trial, name, choices)
            point: Point = {
                name: round(value, 4) if isinstance(value, float) else value for name, value in trial.params.items()
            }
            if self.fresh.take(point):
                number = next(self.numbers)
                self.trials[number] = trial
                return Work(number, point, 0, 1)
            self.study.tell(trial, state=TrialState.FAIL)  # which TPE leaves out of account
        return None

    def tell(self, work: Work, curve: Curve) -> Work | None:
        trial = self.trials[work.trial]
        for epoch, mae in list(enumerate(curve.validation_mae, 1))[work.after :]:
            trial.report(mae, epoch)
        reached = len(curve.validation_mae)
        if curve.failed:
            self.study.tell(trial, state=TrialState.FAIL)
        elif reached == self.epochs:
            self.study.tell(trial, min(curve.validation_mae))
        elif trial.should_prune():
            self.study.tell(trial, state=TrialState.PRUNED)
        else:
            return Work(work.trial, work.point, reached, reached + 1)
        return None


def keras_random(preset: Preset, seed: int) -> Rival:
    from search.compare.keras_tuner import random_search

    return random_search(preset, Fresh(preset), seed)


def keras_hyperband(preset: Preset, seed: int) -> Rival:
    from search.compare.keras_tuner import hyperband

    return hyperband(preset, Fresh(preset), seed)


STAGED = "staged"  # the strategy of this program, which is told the constant predictor's MAE
RIVALS: dict[str, Callable[[Preset, int], Rival]] = {
    "random": RandomFeasible,
    "KerasTuner RandomSearch": keras_random,
    "KerasTuner Hyperband": keras_hyperband,
    "Optuna TPE + ASHA": TpeAsha,
}


def make(name: str, preset: Preset, constant_mae: float, seed: int) -> Rival:
    return Staged(preset, constant_mae, seed) if name == STAGED else RIVALS[name](preset, seed)
