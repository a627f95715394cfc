"""The same space, cap and training as a `keras_tuner.HyperModel`, so that any KerasTuner tuner can search it.

KerasTuner decides by the type of an exception: FailedTrialError ends this trial, FatalError the search, and anything
else becomes a failed trial unseen. So outcomes of a training are turned into the first, and bugs into the second.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.backend import keras, tf

import keras_tuner
import numpy as np
from keras_tuner.errors import FailedTrialError, FatalError, FatalRuntimeError, FatalValueError

from models.architecture import Architecture
from models.cost import cost
from models.network import OUTPUT, ByStage, build
from models.pretrained.file import WeightsError, checked
from models.pretrained.start import start
from models.training.feed import Examples
from models.training.fit import Trainer, check_count, compiled, prepare_process
from models.training.settings import Training

OBJECTIVE = "validation_mae"  # months, of the best epoch: keras_tuner.Objective(OBJECTIVE, "min")


class BoneAgeHyperModel(keras_tuner.HyperModel):  # type: ignore[misc] # KerasTuner ships no types
    def __init__(
        self,
        reference: Architecture,
        training: Training,
        image_px: int,
        space: Mapping[str, Sequence[float | int]],
        max_params: int,
        seed: int = 0,
        mean_age_months: float | None = None,
    ) -> None:
        """`space` gives the values of each searched field: `beta`, `fc_units`, `dropout`, `se_ratio`, `input_px` or a block group's count.

        What it does not name stays as in `reference`. With `start_at_mean` the output starts at `mean_age_months`, or where that is not given at
        the mean of the examples that `fit` gets, as a trial of ours does. Networks start from `training.weights` where these fit them.

        KerasTuner builds the first value of every field to learn the
        space, so that point has to meet the cap. Raises FatalValueError where it does not, a field is unknown, or the weights are not
        those of the reference's family.
        """
        super().__init__(name="bone_age")
        known = {"beta", "fc_units", "dropout", "se_ratio", "input_px", *reference.blocks._fields}
        if unknown := set(space) - known:
            raise FatalValueError(f"the space may name {', '.join(sorted(known))}; got {', '.join(sorted(unknown))}")
        self.reference, self.training, self.image_px = reference, training, image_px
        self.space, self.max_params, self.seed, self.mean_age_months = space, max_params, seed, mean_age_months
        try:
            checked(training, reference.family)
        except WeightsError as error:
            raise FatalValueError(str(error)) from None
        first = cost(self.architecture(keras_tuner.HyperParameters()), image_px).params
        if first > max_params:
            raise FatalValueError(
                f"the space's first values make a network of {first:,} parameters, over the cap of {max_params:,}; "
                "list the smallest values first, or raise the cap"
            )

    def architecture(self, hp: Any) -> Architecture:
        """Declare the space and read the point; KerasTuner itself accepts prefilled values outside the declared ones."""
        point = {name: hp.Choice(name, list(values)) for name, values in self.space.items()}
        for name, value in point.items():
            if value not in self.space[name]:
                raise FatalValueError(f"{name} is one of {list(self.space[name])}, got {value}")
        groups = self.reference.blocks._fields
        counts = {name: int(value) for name, value in point.items() if name in groups}
        head = {name: value for name, value in point.items() if name not in groups}
        return replace(self.reference, blocks=self.reference.blocks._replace(**counts), **head)

    def build(self, hp: Any) -> keras.Model:
        """The uncompiled network. An over-cap point fails here, by arithmetic, before anything is built."""
        with outcomes():
            architecture = self.architecture(hp)
            params = cost(architecture, self.image_px).params
            if params > self.max_params:
                raise FailedTrialError(f"{params:,} parameters are over the cap of {self.max_params:,}")
            prepare_process(self.training, self.seed)
            stages: ByStage = {}
            begins = self.mean_age_months or 0.0
            model = build(architecture, self.image_px, self.training, begins, keras.layers.BatchNormalization, stages)
            check_count(model, architecture, self.image_px)
            if self.training.weights:
                start(stages, architecture, Path(self.training.weights))
            return model

    def fit(
        self,
        hp: Any,
        model: keras.Model,
        examples: Examples,
        validation: Examples,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        verbose: Any = 0,
        epochs: int = 0,
        initial_epoch: int = 0,
    ) -> dict[str, float]:
        """Train as a trial of ours is trained, and return the objective.

        Keras' callbacks are told of every epoch after it, and may stop the training. `epochs` ends it there, as Hyperband asks; 0
        trains those of the training settings, over which the schedule spans. A model that has had `initial_epoch` of them goes on
        with fresh moments of the optimizer, which KerasTuner does not keep, so the schedule begins again over the epochs that are left.
        Raises FatalValueError for more epochs than the training settings have.
        """
        with outcomes():
            last = epochs or self.training.epochs
            if not 0 <= initial_epoch < last <= self.training.epochs:
                raise FatalValueError(
                    f"a tuner trains 1 to {self.training.epochs} epochs, those of the training settings; got epochs {epochs} "
                    f"after {initial_epoch}: lower the tuner's (max_epochs of Hyperband), or raise the settings'"
                )
            left = self.training.epochs - initial_epoch
            warmup = min(self.training.warmup_epochs, left - 1) if initial_epoch else self.training.warmup_epochs
            settings = replace(self.training, epochs=left, warmup_epochs=warmup)
            if self.training.start_at_mean and self.mean_age_months is None:
                start_at(model, float(np.mean(examples.age_months)))
            told = keras.callbacks.CallbackList(list(callbacks), model=model)
            told.on_train_begin()
            model.stop_training = False
            best = float("inf")
            trainer = Trainer(model, settings, len(examples), compiled())
            for epoch in trainer.epochs(examples, validation, self.seed, before=initial_epoch):
                best = min(best, epoch.validation_mae)
                done = initial_epoch + epoch.epoch
                told.on_epoch_end(done - 1, {OBJECTIVE: epoch.validation_mae, "train_mae": epoch.train_mae})
                if model.stop_training or done == last:
                    break
            told.on_train_end()
            return {OBJECTIVE: best}


def start_at(model: keras.Model, months: float) -> None:
    """Where its output is fresh: one that was trained before goes on from where it is."""
    bias = model.get_layer(OUTPUT).bias
    if not np.any(bias):
        bias.assign([months])


@contextmanager
def outcomes() -> Iterator[None]:
    try:
        yield
    except (FailedTrialError, FatalError):
        raise
    except (FloatingPointError, tf.errors.ResourceExhaustedError) as error:
        raise FailedTrialError(str(error)) from error
    except Exception as error:
        raise FatalRuntimeError(f"{type(error).__name__}: {error}") from error
