"""KerasTuner itself, searching our space."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from models.backend import keras

import keras_tuner
import numpy as np
import pytest
from keras_tuner.errors import FailedTrialError, FatalError
from small_trainings import EXAMPLES, PX, TINY, VALIDATION

from models import hypermodel
from models.architecture import Blocks
from models.cost import cost
from models.hypermodel import OBJECTIVE, BoneAgeHyperModel
from models.training.settings import Training

TRAINING = Training(epochs=2, batch=8, learning_rate=1e-2, bn_momentum=0.8, precision="float32")
SPACE = {"beta": (1 / 16, 1 / 8), "mixed9": (0, 1), "dropout": (0.0, 0.3)}


def a_hypermodel(max_params: int = 10**9) -> BoneAgeHyperModel:
    return BoneAgeHyperModel(TINY, TRAINING, PX, SPACE, max_params, mean_age_months=120.0)


@pytest.mark.slow
def test_a_real_random_search_trains_two_networks_and_rebuilds_the_best(tmp_path: Path) -> None:
    tuner = keras_tuner.RandomSearch(
        a_hypermodel(),
        objective=keras_tuner.Objective(OBJECTIVE, "min"),
        max_trials=2,
        seed=0,
        directory=tmp_path,
        project_name="two",
    )
    tuner.search(EXAMPLES, VALIDATION, verbose=0)

    trials = list(tuner.oracle.trials.values())
    assert [trial.status for trial in trials] == ["COMPLETED", "COMPLETED"]
    assert all(0 < trial.score < 200 for trial in trials)
    [best] = tuner.get_best_hyperparameters(1)
    [model] = tuner.get_best_models(1)
    assert model.count_params() == cost(a_hypermodel().architecture(best), PX).params


@pytest.mark.slow
def test_hyperband_itself_promotes_networks_and_goes_on_with_their_weights(tmp_path: Path) -> None:
    class Noted(BoneAgeHyperModel):
        def fit(self, hp: Any, model: keras.Model, *data: Any, epochs: int, initial_epoch: int, **more: Any) -> Any:
            fresh = all(map(np.array_equal, model.get_weights(), self.build(hp).get_weights()))
            noted.append((epochs, initial_epoch, fresh))
            return super().fit(hp, model, *data, epochs=epochs, initial_epoch=initial_epoch, **more)

    noted: list[tuple[int, int, bool]] = []
    training = replace(TRAINING, warmup_epochs=1.5)
    longer = Noted(TINY, training, PX, SPACE, 10**9, mean_age_months=120.0)
    objective = keras_tuner.Objective(OBJECTIVE, "min")
    tuner = keras_tuner.Hyperband(
        longer, objective, max_epochs=2, factor=2, seed=0, directory=tmp_path, project_name="h"
    )
    tuner.search(EXAMPLES, VALIDATION, verbose=0)

    assert {trial.status for trial in tuner.oracle.trials.values()} == {"COMPLETED"}
    assert any(before for _, before, _ in noted)
    assert all(fresh == (before == 0) and before < epochs <= 2 for epochs, before, fresh in noted)


@pytest.mark.slow
def test_a_tuner_may_train_fewer_epochs_than_the_settings_and_no_more() -> None:
    class Counter(keras.callbacks.Callback):  # type: ignore[misc] # Keras ships no types
        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            told.append(epoch)

    told: list[int] = []
    model, parameters = a_hypermodel(), keras_tuner.HyperParameters()
    built = model.build(parameters)
    model.fit(parameters, built, EXAMPLES, VALIDATION, callbacks=[Counter()], epochs=1)
    model.fit(parameters, built, EXAMPLES, VALIDATION, callbacks=[Counter()], epochs=2, initial_epoch=1)

    assert told == [0, 1]
    for epochs, initial_epoch in ((3, 0), (1, 1), (2, 2), (-1, 0)):
        with pytest.raises(FatalError, match="trains 1 to 2 epochs"):
            model.fit(parameters, built, EXAMPLES, VALIDATION, epochs=epochs, initial_epoch=initial_epoch)


def test_an_over_cap_point_never_reaches_the_builder(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(*args: object) -> None:
        raise AssertionError("an over-cap model was built")

    monkeypatch.setattr(hypermodel, "build", build)

    parameters = keras_tuner.HyperParameters()
    parameters.values["beta"] = 1 / 8
    cap = cost(replace(TINY, beta=1 / 8, blocks=Blocks(0, 0, 0, 0, 0, 0)), PX).params - 1

    with pytest.raises(FailedTrialError, match=f"over the cap of {cap:,}"):
        a_hypermodel(cap).build(parameters)


def test_a_space_whose_first_point_is_over_the_cap_is_refused_at_once() -> None:
    """KerasTuner would build it to learn the space."""
    with pytest.raises(FatalError, match="over the cap of 1,000; list the smallest values first"):
        a_hypermodel(max_params=1000)


@pytest.mark.slow
def test_callbacks_see_every_epoch_and_may_stop_the_training() -> None:
    class Stopper(keras.callbacks.Callback):  # type: ignore[misc] # Keras ships no types
        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            told.append((epoch, sorted(logs)))
            self.model.stop_training = True

    told: list[tuple[int, list[str]]] = []
    model, parameters = a_hypermodel(), keras_tuner.HyperParameters()
    scored = model.fit(parameters, model.build(parameters), EXAMPLES, VALIDATION, callbacks=[Stopper()])

    assert told == [(0, ["train_mae", OBJECTIVE])]
    assert 0 < scored[OBJECTIVE] < 200


def test_values_outside_the_space_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = keras_tuner.HyperParameters()
    parameters.values["beta"] = 4.0

    with pytest.raises(FatalError, match="beta is one of"):
        a_hypermodel().build(parameters)


@pytest.mark.slow
def test_a_bug_of_ours_stops_the_tuner_instead_of_failing_trials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*args: object) -> None:
        raise KeyError("a bug")

    tuner = keras_tuner.RandomSearch(
        a_hypermodel(), objective=keras_tuner.Objective(OBJECTIVE, "min"), max_trials=2, directory=tmp_path
    )
    monkeypatch.setattr(hypermodel, "build", build)

    with pytest.raises(FatalError, match="KeyError: 'a bug'"):
        tuner.search(EXAMPLES, VALIDATION, verbose=0)


def test_a_space_with_unknown_names_is_refused() -> None:
    with pytest.raises(FatalError, match="got depth"):
        BoneAgeHyperModel(TINY, TRAINING, PX, {"depth": (1, 2)}, 10**9)


class AtTheStart(keras.callbacks.Callback):  # type: ignore[misc] # Keras ships no types
    """What the network answers before its first step, and no more of its training."""

    def __init__(self) -> None:
        super().__init__()
        self.months = float("nan")

    def on_train_begin(self, logs: object = None) -> None:
        self.months = float(self.model.get_layer("age_months").bias[0])

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        self.model.stop_training = True


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "start_at_mean", "expected"),
    [(None, True, float(EXAMPLES.age_months.mean())), (90.0, True, 90.0), (None, False, 0.0)],
    ids=["the mean of the examples", "what is given", "where the settings ask for no mean"],
)
def test_a_network_starts_at_the_mean_of_the_examples_as_a_trial_does(
    given: float | None, start_at_mean: bool, expected: float
) -> None:
    training = replace(TRAINING, epochs=1, start_at_mean=start_at_mean)
    tuned, parameters, seen = (
        BoneAgeHyperModel(TINY, training, PX, SPACE, 10**9, mean_age_months=given),
        keras_tuner.HyperParameters(),
        AtTheStart(),
    )
    model = tuned.build(parameters)
    tuned.fit(parameters, model, EXAMPLES, VALIDATION, callbacks=[seen])

    assert seen.months == pytest.approx(expected, rel=1e-6)
    trained = float(model.get_layer("age_months").bias[0])
    again = AtTheStart()
    tuned.fit(parameters, model, EXAMPLES, VALIDATION, callbacks=[again])
    assert again.months == trained  # one that was trained goes on


def test_weights_that_are_not_the_familys_are_refused_at_once(tmp_path: Path) -> None:
    training = replace(TRAINING, weights=str(tmp_path / "none.h5"))
    with pytest.raises(FatalError, match="there is no file"):
        BoneAgeHyperModel(TINY, training, PX, SPACE, 10**9)
