"""Training one network, epoch by epoch.

Ages are months throughout. Everything random (initial weights, batch order, augmentation, dropout) is a function of
the seed and the epoch alone, counted over all trainings that the network has had. The training step is traced once:
optimizer slots exist before it, and the running sums are plain variables (Keras' own `fit` creates both inside the
first trace, and so traces a large graph twice).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from models.backend import keras, tf

import numpy as np

from models.architecture import Architecture
from models.cost import cost
from models.network import ByStage, build
from models.training.adam import Adam
from models.training.batch_norm import BatchNormalization
from models.training.feed import Examples, Feed, Tensors, feed, picking
from models.training.precision import automatic, refuse_held_back
from models.training.settings import Training


@dataclass(frozen=True)
class Epoch:
    """What one epoch showed. `predictions` are the validation images' ages in months, in the order of the examples."""

    epoch: int  # counted from 1
    train_mae: float  # running mean over the epoch, augmented and with dropout on, as Keras and the paper report it
    validation_mae: float
    seconds: float  # of training and validation
    images_per_second: float  # of training alone
    loss: float  # mean over the epoch's steps, as it is minimised: with the L2 penalty
    learning_rate: float  # after its last step
    predictions: np.ndarray
    features: Callable[
        [np.ndarray], np.ndarray
    ]  # of validation images, by position: `Trainer.features`, until the next epoch


Told = Callable[[int, int], None]  # steps done, steps of the epoch


class CountMismatch(AssertionError):
    """Keras counts other parameters than the cost arithmetic: a bug of ours, never trained over."""


def learning_rate(training: Training, steps_per_epoch: int) -> Any:
    """The schedule over optimizer steps, as Keras takes it."""
    schedules = keras.optimizers.schedules
    steps = steps_per_epoch * training.epochs
    warmup = int(steps_per_epoch * training.warmup_epochs)
    rate, final = training.learning_rate, training.final_learning_rate
    match training.schedule:
        case "cosine":
            start = {"warmup_target": rate, "warmup_steps": warmup} if warmup else {}
            return schedules.CosineDecay(0.0 if warmup else rate, steps - warmup, alpha=final / rate, **start)
        case "step":
            rates = [rate]
            while rates[-1] > final * 1.001:
                rates.append(max(rates[-1] / 10, final))
            boundaries = [steps * n // len(rates) for n in range(1, len(rates))]
            return schedules.PiecewiseConstantDecay(boundaries, rates) if boundaries else rate
        case "constant":
            return rate


def new_trainer(
    architecture: Architecture,
    training: Training,
    examples: Examples,
    image_px: int,
    seed: int,
    deterministic: bool = False,
    by_stage: ByStage | None = None,
) -> "Trainer":
    """A network with fresh weights, ready for its first epoch; `by_stage` is filled as `network.build` does.

    Raises CountMismatch where Keras disagrees with the arithmetic, and TensorFlow's ResourceExhaustedError where the
    device's memory does not suffice.
    """
    prepare_process(training, seed, deterministic)
    model = build(architecture, image_px, training, float(np.mean(examples.age_months)), BatchNormalization, by_stage)
    check_count(model, architecture, image_px)
    return Trainer(model, training, len(examples), compiled(deterministic))


def prepare_process(training: Training, seed: int, deterministic: bool = False) -> None:
    """What Keras and TensorFlow keep per process: seeds, determinism, precision, and how many layers it has named. Before a network is built.

    TensorFlow orders sums by the names of layers, and `conv2d_100` stands before `conv2d_99`: so every network's names begin anew.
    Raises TrainingError where the process cannot compute in that precision.
    """
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    precision = automatic() if training.precision == "auto" else training.precision
    refuse_held_back(precision)
    keras.mixed_precision.set_dtype_policy(precision)


def compiled(deterministic: bool = False) -> bool:
    """Whether XLA compiles the steps. It pays on a GPU; on a CPU its steps are slower and it takes thrice as long until the first.

    It refuses to differentiate a max-pooling deterministically.
    """
    return bool(tf.config.list_physical_devices("GPU")) and not deterministic


def check_count(model: keras.Model, architecture: Architecture, image_px: int) -> None:
    counted = cost(architecture, image_px).params
    if model.count_params() != counted:
        raise CountMismatch(
            f"Keras counts {model.count_params():,} parameters, the arithmetic {counted:,}: {architecture}"
        )


class Trainer:
    """A model with its optimizer and its traced steps."""

    def __init__(self, model: keras.Model, training: Training, num_examples: int, xla: bool = False) -> None:
        self.model, self.training = model, training
        self.batch = min(training.batch, num_examples)
        self.steps = num_examples // self.batch
        optimizer = Adam(learning_rate(training, self.steps))
        if keras.mixed_precision.dtype_policy().name == "mixed_float16":
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        optimizer.build(model.trainable_variables)
        self.optimizer = optimizer
        losses = {
            "mse": keras.losses.MeanSquaredError(),
            "mae": keras.losses.MeanAbsoluteError(),
            "huber": keras.losses.Huber(delta=10.0),
        }
        loss_of = losses[training.loss]
        error_sum, loss_sum = tf.Variable(0.0, trainable=False), tf.Variable(0.0, trainable=False)
        with_sex, picked = len(model.inputs) == 2, picking()
        # What GAP averages comes along with the months: the step that validates serves the maps of `cam.py`, too.
        seeing = keras.Model(
            {tensor.name: tensor for tensor in model.inputs}, [model.output, model.get_layer("gap").input]
        )

        def inputs(image: Any, male: Any) -> dict[str, Any]:
            return {"image": image, "male": male} if with_sex else {"image": image}

        @tf.function(jit_compile=xla, autograph=False)
        def train_step(tensors: Tensors, rows: Any) -> None:
            image, male, age_months = picked(tensors, rows)
            with tf.GradientTape() as tape:
                predicted = model(inputs(image, male), training=True)
                loss = loss_of(age_months, predicted) + sum(model.losses)
                scaled_loss = optimizer.scale_loss(loss)
            gradients = tape.gradient(scaled_loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            error_sum.assign_add(tf.reduce_sum(tf.abs(age_months - predicted)))
            loss_sum.assign_add(loss)

        @tf.function(jit_compile=xla, autograph=False)
        def predict_step(tensors: Tensors, rows: Any) -> Any:
            image, male, _ = picked(tensors, rows)
            return seeing(inputs(image, male), training=False)

        self.error_sum, self.loss_sum = error_sum, loss_sum
        self.train_step, self.predict_step = train_step, predict_step

    def epochs(
        self,
        examples: Examples,
        validation: Examples,
        seed: int,
        after: int = 0,
        told: Told = lambda done, steps: None,
        before: int = 0,
    ) -> Iterator[Epoch]:
        """The epochs of the training settings that come after the first `after`, one by one; `told` hears of the first one's steps.

        `before` are the epochs of an earlier training that this one goes on with: what is random is not drawn as in those again.
        Raises FloatingPointError where the loss stops being finite.
        """
        fed, checked = feed(examples), feed(validation)
        for epoch in range(after + 1, self.training.epochs + 1):
            started = time.perf_counter()
            train_mae = self.train_epoch(
                fed, seed, before + epoch, told if epoch == after + 1 else lambda done, steps: None
            )
            trained = time.perf_counter()
            predictions = self.predict(checked)
            yield Epoch(
                epoch,
                train_mae,
                mae(predictions, validation.age_months),
                time.perf_counter() - started,
                self.steps * self.batch / (trained - started),
                float(self.loss_sum) / self.steps,
                float(self.optimizer.learning_rate),
                predictions,
                partial(self.features, checked),
            )

    def variables(self) -> list[np.ndarray]:
        """All that training has changed: weights, BatchNorm statistics, optimizer slots and step count.

        Copies, which TensorFlow makes for numpy: so it may train on while they are written.
        """
        return [np.asarray(variable) for variable in self.state()]

    def restore(self, variables: Sequence[np.ndarray]) -> None:
        """Go on from `variables()` of a trainer of the same architecture and settings."""
        for variable, value in zip(self.state(), variables, strict=True):
            variable.assign(value)

    def state(self) -> list[Any]:
        return [*self.model.weights, *self.optimizer.variables]

    def train_epoch(self, examples: Feed, seed: int, epoch: int, told: Told = lambda done, steps: None) -> float:
        """One pass in an order of its own; a rest too small for a full batch sits this epoch out."""
        reseed(self.model, seed, epoch)
        order = np.random.default_rng((seed, epoch)).permutation(len(examples))[: self.steps * self.batch]
        self.error_sum.assign(0.0)
        self.loss_sum.assign(0.0)
        for step, (tensors, rows) in enumerate(examples.steps(self.batch, order), 1):
            self.train_step(tensors, rows)
            told(step, self.steps)
        train_mae = float(self.error_sum) / (self.steps * self.batch)
        if not np.isfinite(train_mae):
            raise FloatingPointError(f"the loss is not finite in epoch {epoch}")
        return train_mae

    def predict(self, examples: Feed) -> np.ndarray:
        """Predicted ages in months, float32 (len(examples),)."""
        predicted = self.predicted(examples, np.arange(len(examples)))
        return np.concatenate([months.numpy()[:, 0] for months, _ in predicted])[: len(examples)]

    def features(self, examples: Feed, seen: np.ndarray) -> np.ndarray:
        """What GAP averages of the examples at positions `seen`: (len(seen), rows, columns, channels)."""
        return np.concatenate([features.numpy() for _, features in self.predicted(examples, seen)])[: len(seen)]

    def predicted(self, examples: Feed, seen: np.ndarray) -> Iterator[tuple[Any, Any]]:
        """Months and features of the examples at these positions, batch by batch."""
        # The last batch is filled up with repeats, so that every call has the one traced shape.
        order = np.resize(seen, -(-len(seen) // self.batch) * self.batch)
        for tensors, rows in examples.steps(self.batch, order):
            yield self.predict_step(tensors, rows)


def reseed(model: keras.Model, seed: int, epoch: int) -> None:
    """Start every random layer (augmentation, dropout) of the model from (seed, epoch)."""
    for position, layer in enumerate(model.layers):
        generator = getattr(layer, "seed_generator", None) or getattr(layer, "generator", None)
        if generator is not None:
            state = np.random.SeedSequence((seed, epoch, position)).generate_state(2)
            generator.state.assign(state.astype("uint32"))


def mae(predictions: np.ndarray, age_months: np.ndarray) -> float:
    """Mean absolute error in months; not finite predictions are an infinite error."""
    error = float(np.mean(np.abs(predictions.astype("float64") - age_months.astype("float64"))))
    return error if np.isfinite(error) else float("inf")
