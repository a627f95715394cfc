"""KerasTuner's random search and Hyperband, by their own oracles: what its tuners ask, asked without a tuner.

Imports KerasTuner, and with it TensorFlow, but touches no device.
"""

from itertools import count
from typing import Any

from models.backend import keras  # noqa: F401 # before KerasTuner imports it

from keras_tuner import HyperParameters, Objective
from keras_tuner.engine.trial import TrialStatus
from keras_tuner.oracles import HyperbandOracle, RandomSearchOracle

from search.compare.curves import Curve
from search.compare.replay import Work
from search.compare.rivals.fresh import TRIES, Fresh
from studies.preset import Preset
from studies.study import Point

OBJECTIVE = "validation_mae"
UNLIMITED = 10**6  # trials; the budget is in epochs


class FeasibleValues:
    """For an oracle: it draws until a network fits and is new, and keeps its state in memory alone."""

    fresh: Fresh

    def _random_values(self) -> dict[str, Any] | None:
        for _ in range(TRIES):
            values: dict[str, Any] | None = super()._random_values()  # type: ignore[misc]
            if values is None or self.fresh.take({name: values[name] for name in self.fresh.space}):
                return values
        return None

    def save(self) -> None: ...

    def _save_trial(self, trial: Any) -> None: ...


class FeasibleRandomSearch(FeasibleValues, RandomSearchOracle): ...  # type: ignore[misc]


class FeasibleHyperband(FeasibleValues, HyperbandOracle): ...  # type: ignore[misc]


class Oracled:
    """A rival that does as the oracle says."""

    def __init__(self, oracle: Any, fresh: Fresh, epochs: int) -> None:
        self.oracle, self.epochs = oracle, epochs
        oracle.fresh, oracle.verbose = fresh, 0
        self.numbers = count()
        self.running: dict[int, Any] = {}  # the oracle's trials, by ours
        self.first: dict[str, int] = {}  # our trial's number, by the id of the oracle's trial of any of its rungs

    def ask(self) -> Work | None:
        trial = self.oracle.create_trial(f"worker {len(self.first)}")
        if trial.status != TrialStatus.RUNNING:
            return None
        values = trial.hyperparameters.values
        # Hyperband's trial of a later rung goes on with the training of an earlier one.
        before = values.get("tuner/trial_id")
        number = self.first[before] if before else next(self.numbers)
        self.first[trial.trial_id] = number
        self.running[number] = trial
        point = {name: values[name] for name in self.oracle.fresh.space}
        until = values.get("tuner/epochs", self.epochs)
        return Work(number, point, values.get("tuner/initial_epoch", 0), until)

    def tell(self, work: Work, curve: Curve) -> Work | None:
        trial = self.running.pop(work.trial)
        # A tuner reports the epochs that it ran.
        for epoch, mae in list(enumerate(curve.validation_mae))[work.after :]:
            self.oracle.update_trial(trial.trial_id, {OBJECTIVE: mae}, step=epoch)
        trial.status = TrialStatus.FAILED if curve.failed else TrialStatus.COMPLETED
        self.oracle.end_trial(trial)
        return None

    def decided(self) -> Point | None:
        return None


def shared(preset: Preset, fresh: Fresh, seed: int) -> dict[str, Any]:
    space = HyperParameters()
    for name, values in fresh.space.items():
        space.Choice(name, list(values))
    # An oracle takes 0 for no seed at all; failures are for us to judge.
    return {
        "objective": Objective(OBJECTIVE, "min"),
        "hyperparameters": space,
        "seed": seed * 1_000_003 + 1,
        "max_consecutive_failed_trials": UNLIMITED,
    }


def random_search(preset: Preset, fresh: Fresh, seed: int) -> Oracled:
    oracle = FeasibleRandomSearch(max_trials=UNLIMITED, **shared(preset, fresh, seed))
    return Oracled(oracle, fresh, preset.training.epochs)


def hyperband(preset: Preset, fresh: Fresh, seed: int) -> Oracled:
    oracle = FeasibleHyperband(
        max_epochs=preset.training.epochs, hyperband_iterations=0, **shared(preset, fresh, seed)
    )  # 0 iterations: no end
    return Oracled(oracle, fresh, preset.training.epochs)
