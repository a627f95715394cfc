"""Rivals that are Optuna's samplers over the joint space.

Every parameter is the place of its value in its rising list: widths that grow by a factor are then evenly spaced, which a model of
them needs, and no number is taken for a category.
"""

from collections.abc import Sequence
from itertools import count

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, IntDistribution
from optuna.samplers import BaseSampler, GPSampler, TPESampler
from optuna.trial import TrialState

from search.compare.curves import Curve
from search.compare.replay import Work
from search.compare.rivals.fresh import TRIES, Fresh
from studies import joint
from studies.preset import Preset
from studies.study import Point

STARTUP_TRIALS = 5
SAMPLER_TRIES = 30  # before a network is drawn: a sampler that has said the same so often says it again
GP_TRIES = 5  # a proposal takes GPSampler a good part of a second, and asked again it mostly says the same
CAP = "parameters"


class Sampled:
    """What the sampler proposes; where there is a pruner, it is asked after every epoch."""

    def __init__(
        self,
        preset: Preset,
        sampler: BaseSampler,
        seed: int,
        pruner: optuna.pruners.BasePruner | None = None,
        first: Sequence[Point] = (),
        tries: int = SAMPLER_TRIES,
    ) -> None:
        """`first` are points to begin with; after `tries` proposals in vain a network is drawn that fits and is new."""
        self.fresh, self.epochs, self.tries = Fresh(preset), preset.training.epochs, tries
        self.places: dict[str, BaseDistribution] = {
            name: IntDistribution(0, len(values) - 1) for name, values in self.fresh.space.items()
        }
        self.prunes = pruner is not None
        self.study = optuna.create_study(sampler=sampler, pruner=pruner or optuna.pruners.NopPruner())
        self.random = np.random.default_rng(seed)
        for point in first:
            self.study.enqueue_trial(self.places_of(point))
        self.trials: dict[int, optuna.trial.Trial] = {}
        self.numbers = count()

    def places_of(self, point: Point) -> dict[str, int]:
        return {name: values.index(point[name]) for name, values in self.fresh.space.items()}

    def ask(self) -> Work | None:
        for _ in range(self.tries):
            if work := self.begun(self.study.ask(self.places)):
                return work
        for _ in range(TRIES):
            drawn = {name: int(self.random.integers(len(values))) for name, values in self.fresh.space.items()}
            if self.fresh.is_fresh(self.point(drawn)):
                self.study.enqueue_trial(drawn)
                return self.begun(self.study.ask(self.places))
        return None

    def begun(self, trial: optuna.trial.Trial) -> Work | None:
        """None where it is over the cap or not new: it then has failed, which samplers leave out of account."""
        point = self.point(trial.params)
        if not self.fresh.take(point):
            self.study.tell(trial, state=TrialState.FAIL)
            return None
        trial.set_constraint(CAP, self.fresh.excess(point))
        number = next(self.numbers)
        self.trials[number] = trial
        return Work(number, point, 0, self.until(0))

    def point(self, places: dict[str, int]) -> Point:
        return {name: values[places[name]] for name, values in self.fresh.space.items()}

    def until(self, reached: int) -> int:
        return reached + 1 if self.prunes else self.epochs

    def tell(self, work: Work, curve: Curve) -> Work | None:
        trial = self.trials[work.trial]
        for epoch, mae in list(enumerate(curve.validation_mae, 1))[work.after :]:
            trial.report(mae, epoch)
        reached = len(curve.validation_mae)
        if curve.failed:
            self.study.tell(trial, state=TrialState.FAIL)
        elif reached == self.epochs:
            self.study.tell(trial, min(curve.validation_mae))
        elif reached < work.until or trial.should_prune():  # at the end of the budget, or of its chances
            self.study.tell(trial, state=TrialState.PRUNED)
        else:
            return Work(work.trial, work.point, reached, self.until(reached))
        return None

    def decided(self) -> Point | None:
        return None


def tpe_asha(preset: Preset, seed: int) -> Sampled:
    """Optuna as its users have it: TPE and the successive-halving pruner, both with their own settings."""
    return Sampled(preset, TPESampler(seed=seed), seed, optuna.pruners.SuccessiveHalvingPruner())


def tpe_from_the_reference(preset: Preset, seed: int) -> Sampled:
    """TPE with what this program's studies know: it begins at the reference, draws four more, and then models all parameters
    jointly."""
    sampler = TPESampler(seed=seed, multivariate=True, n_startup_trials=STARTUP_TRIALS)
    return Sampled(preset, sampler, seed, first=[joint.point(preset, preset.reference)])


def gp(preset: Preset, seed: int) -> Sampled:
    """Optuna's Gaussian process, which its documentation recommends for fewer than 500 trials; the cap is its constraint."""
    import torch

    torch.set_num_threads(1)  # matrices of some dozen rows: threads only wait for one another
    return Sampled(preset, GPSampler(seed=seed), seed, tries=GP_TRIES)
