"""Real training of the smallest networks, on pictures whose brightness is the age."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache

from models.backend import tf

import numpy as np
import pytest
from conftest import needs
from rounding import likely, summed
from small_trainings import EXAMPLES, PX, TINY, TRAINING, VALIDATION

from models.architecture import Architecture, changed
from models.cost import RESIDENT_BYTES, resident_bytes
from models.families import FAMILIES
from models.network import build
from models.training import fit
from models.training.batch_norm import BatchNormalization
from models.training.feed import Resident, Streamed, feed, rows_of
from models.training.fit import CountMismatch, Epoch, Trainer, learning_rate, new_trainer
from models.training.settings import Precision, Training, TrainingError
from studies.presets import PRESETS


def trained(training: Training = TRAINING, seed: int = 0, architecture: Architecture = TINY) -> list[Epoch]:
    trainer = new_trainer(architecture, training, EXAMPLES, PX, seed, deterministic=True)
    return list(trainer.epochs(EXAMPLES, VALIDATION, seed))


@pytest.mark.slow
def test_a_learnable_age_is_learned_and_reported_every_epoch() -> None:
    epochs = trained(replace(TRAINING, epochs=12))
    constant = float(np.abs(VALIDATION.age_months - np.median(EXAMPLES.age_months)).mean())

    assert [epoch.epoch for epoch in epochs] == list(range(1, 13))
    assert min(epoch.validation_mae for epoch in epochs) < constant / 2
    for epoch in epochs:
        error = np.abs(epoch.predictions.astype(float) - VALIDATION.age_months).mean()
        assert epoch.validation_mae == pytest.approx(error)


# With all that is random: weights, batch order, flips, rotations and dropout.
RANDOM = replace(TINY, dropout=0.3, fc_units=8)


@dataclass(frozen=True)
class Whole:
    """A training of four epochs with seed 3, uninterrupted."""

    training: Training
    trainer: Trainer
    epochs: list[Epoch]
    variables: list[list[np.ndarray]]  # after each epoch


@cache
def whole(precision: Precision) -> Whole:
    training = replace(TRAINING, epochs=4, rotation_degrees=10, precision=precision)
    trainer = new_trainer(RANDOM, training, EXAMPLES, PX, 3, deterministic=True)
    epochs, variables = [], []
    for epoch in trainer.epochs(EXAMPLES, VALIDATION, 3):
        epochs.append(epoch)
        variables.append([variable.copy() for variable in trainer.variables()])
    return Whole(training, trainer, epochs, variables)


def same_numbers(some: list[Epoch], others: list[Epoch]) -> bool:
    return len(some) == len(others) and all(
        one.train_mae == other.train_mae and np.array_equal(one.predictions, other.predictions)
        for one, other in zip(some, others, strict=True)
    )


@pytest.mark.slow
def test_a_seed_decides_every_number() -> None:
    """The same seed repeats them all, another changes them."""
    first = whole("float32")
    again, other = (new_trainer(RANDOM, first.training, EXAMPLES, PX, seed, deterministic=True) for seed in (3, 4))
    two_epochs = [next(epochs) for epochs in [again.epochs(EXAMPLES, VALIDATION, 3)] for _ in range(2)]

    assert same_numbers(first.epochs[:2], two_epochs)
    assert not np.array_equal(first.epochs[0].predictions, next(other.epochs(EXAMPLES, VALIDATION, 4)).predictions)


@pytest.mark.slow
@pytest.mark.usefixtures("float32_again")
@pytest.mark.parametrize(
    "precision",
    [
        "float32",
        pytest.param("mixed_bfloat16", marks=pytest.mark.slow),
        pytest.param("mixed_float16", marks=pytest.mark.slow),
    ],
)
def test_a_training_that_goes_on_from_its_variables_ends_with_the_same_numbers(precision: Precision) -> None:
    """Weights, statistics, Adam's slots and step, the loss' scale, place in the schedule, batch order, flips and dropout."""
    needs(precision)
    first = whole(precision)
    second = new_trainer(RANDOM, first.training, EXAMPLES, PX, 3, deterministic=True)
    for after in (2, 1, 3):
        second.restore(first.variables[after - 1])
        rest = list(second.epochs(EXAMPLES, VALIDATION, 3, after=after))

        assert [epoch.epoch for epoch in rest] == list(range(after + 1, 5))
        assert same_numbers(first.epochs[after:], rest)


@pytest.mark.slow
@pytest.mark.usefixtures("float32_again")
def test_epochs_that_are_added_to_a_training_draw_what_its_next_ones_would_have_drawn() -> None:
    first = whole("float32")
    second = new_trainer(RANDOM, first.training, EXAMPLES, PX, 3, deterministic=True)
    second.restore(first.variables[1])
    added = [next(epochs) for epochs in [second.epochs(EXAMPLES, VALIDATION, 3, before=2)] for _ in range(2)]

    assert [epoch.epoch for epoch in added] == [1, 2]
    assert same_numbers(first.epochs[2:], added)


@pytest.mark.slow
def test_the_training_step_is_traced_once() -> None:
    trainer = whole("float32").trainer

    assert trainer.train_step.experimental_get_tracing_count() == 1
    assert trainer.predict_step.experimental_get_tracing_count() == 1


def test_predictions_are_in_the_order_of_the_examples_whatever_the_batch() -> None:
    model = build(TINY, PX, TRAINING)
    inputs = {"image": VALIDATION.images[..., None], "male": VALIDATION.male[:, None]}
    whole = model(inputs, training=False)

    predicted = Trainer(model, TRAINING, len(EXAMPLES)).predict(feed(VALIDATION))

    assert len(VALIDATION) % TRAINING.batch
    assert predicted == pytest.approx(np.asarray(whole)[:, 0], abs=likely(model) * summed(model, inputs).min())


@pytest.mark.slow
@pytest.mark.usefixtures("float32_again")
def test_a_loss_that_is_not_finite_ends_the_training() -> None:
    """float16 ends at 65,504."""
    needs("mixed_float16")
    with pytest.raises(FloatingPointError, match="not finite in epoch 1"):
        trained(replace(TRAINING, learning_rate=100.0, schedule="constant", precision="mixed_float16"))


def test_a_count_that_differs_from_the_arithmetic_is_never_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = fit.cost
    monkeypatch.setattr(fit, "cost", lambda *args: replace(honest(*args), params=1))

    with pytest.raises(CountMismatch, match="the arithmetic 1:"):
        trained()


def rate(training: Training, step: int) -> float:
    schedule = learning_rate(training, 10)
    return float(schedule(step)) if callable(schedule) else float(schedule)


def test_the_papers_schedule_falls_tenfold_at_equal_intervals() -> None:
    training = Training(epochs=4, learning_rate=1e-2, final_learning_rate=1e-5, schedule="step")

    assert [rate(training, step) for step in (0, 15, 25, 39)] == pytest.approx([1e-2, 1e-3, 1e-4, 1e-5])


def test_the_cosine_warms_up_and_ends_at_the_final_rate() -> None:
    training = Training(epochs=4, learning_rate=1e-2, final_learning_rate=1e-4, warmup_epochs=1)

    assert rate(training, 0) == 0
    assert rate(training, 10) == pytest.approx(1e-2)
    assert rate(training, 40) == pytest.approx(1e-4)
    assert rate(replace(training, schedule="constant"), 39) == 1e-2


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"epochs": 0}, "epochs must be a whole number from 1 to 100,000; got 0"),
        (
            {"final_learning_rate": 1.0},
            r"final_learning_rate must be .*: lower --final-learning-rate, or raise --learning-rate",
        ),
        ({"warmup_epochs": 30}, r"warmup_epochs must be .*: lower --warmup-epochs, or raise --epochs"),
        ({"gamma": 0.5}, "gamma must be .*: set --gamma"),
        ({"bn_momentum": 1.0}, "bn_momentum must be"),
        ({"zoom": 1.0}, "zoom must be a number from 0 to below 1; got 1"),
        ({"l2": -1.0}, "l2 must be"),
    ],
)
def test_settings_that_make_no_sense_cannot_be_made(fields: dict[str, float], says: str) -> None:
    with pytest.raises(TrainingError, match=says):
        Training(**fields)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.usefixtures("float32_again")
def test_half_precision_still_answers_in_full() -> None:
    """bfloat16, which CPUs have: the age itself stays float32, or months would be rounded to whole ones."""
    needs("mixed_bfloat16")
    epochs = whole("mixed_bfloat16").epochs

    assert epochs[0].predictions.dtype == np.float32
    assert np.isfinite(epochs[0].validation_mae)


def errors_and_losses(
    precision: Precision, xla: bool, architecture: Architecture = TINY, training: Training = TRAINING
) -> list[float]:
    """Of one epoch's steps; for a process of its own, as XLA refuses one in which others were deterministic."""
    training = replace(training, precision=precision)
    fit.prepare_process(training, seed=0)
    trainer = Trainer(build(architecture, PX, training, 100.0, BatchNormalization), training, len(EXAMPLES), xla)
    for tensors, rows in feed(EXAMPLES).steps(trainer.batch, np.arange(len(EXAMPLES))):
        trainer.train_step(tensors, rows)
    return [float(trainer.error_sum), float(trainer.loss_sum)]


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_the_step_compiled_for_a_gpu_learns_what_the_plain_one_learns(precision: Precision) -> None:
    """XLA's, which a GPU uses: here it compiles for the CPU, which shows that it has every operation of the step."""
    needs(precision)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        compiled, plain = (process.submit(errors_and_losses, precision, xla).result() for xla in (True, False))

    assert compiled == pytest.approx(plain, rel=0.02)


EVERYTHING = replace(TINY, se_ratio=1 / 8, fc_units=8, dropout=0.2, input_px=32, even_detail=0.5, even_tone=0.5)
ALL_VARIED = replace(
    TRAINING,
    **{"flip_vertical": True, "rotation_degrees": 20.0, "zoom": 0.2, "translation": 0.1},
    **{"resampling": 0.5, "blur_px": 1.0, "sharpness": 1.0, "gamma": 2.0, "contrast": 0.2, "noise": 0.05},
    **{"erased_border": 0.1, "l2": 1e-4, "loss": "huber"},
)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_whatever_may_be_asked_of_a_training_compiles_for_a_gpu_and_learns_the_same(precision: Precision) -> None:
    needs(precision)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        compiled, plain = (
            process.submit(errors_and_losses, precision, xla, EVERYTHING, ALL_VARIED).result() for xla in (True, False)
        )

    assert compiled == pytest.approx(plain, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("family", [family for family in FAMILIES if family != TINY.family])
def test_every_familys_training_step_compiles_for_a_gpu(family: str) -> None:
    """One step of a narrow network with a block of each group; what it learns is compared elsewhere."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        error, loss = process.submit(one_compiled_step, family).result()

    assert np.isfinite([error, loss]).all()


def one_compiled_step(family: str) -> tuple[float, float]:
    fit.prepare_process(TRAINING, seed=0)
    own = FAMILIES[family]
    narrow = changed(Architecture(beta=1 / 16), {"family": family, "blocks": own.counts(dict.fromkeys(own.groups, 1))})
    trainer = Trainer(build(narrow, 80, TRAINING, 100.0, BatchNormalization), TRAINING, 8, xla=True)
    images = np.random.default_rng(0).integers(0, 255, (8, 80, 80, 1)).astype(np.uint8)
    male, age_months = np.ones((8, 1), np.float32), np.full((8, 1), 90, np.float32)
    trainer.train_step((tf.constant(images), tf.constant(male), tf.constant(age_months)), tf.range(8, dtype=tf.int64))
    return float(trainer.error_sum), float(trainer.loss_sum)


@pytest.mark.parametrize("name", PRESETS)
def test_every_layer_of_every_presets_network_says_that_it_compiles(name: str) -> None:
    """Keras' layers whose operations XLA lacks say so themselves."""
    preset = PRESETS[name]()
    model = build(replace(preset.reference, beta=1 / 16), preset.preparation.image_px, preset.training)

    assert [layer.name for layer in model.layers if not getattr(layer, "supports_jit", True)] == []


def test_a_deterministic_training_on_a_gpu_is_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """XLA has no deterministic gradient of a max-pooling."""

    def compiled_by_xla(deterministic: bool) -> set[bool]:
        trainer = new_trainer(TINY, TRAINING, EXAMPLES, PX, seed=0, deterministic=deterministic)
        return {bool(step._jit_compile) for step in (trainer.train_step, trainer.predict_step)}

    assert compiled_by_xla(deterministic=False) == {False}  # here is no GPU
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["a GPU"])
    assert compiled_by_xla(deterministic=False) == {True}
    assert compiled_by_xla(deterministic=True) == {False}


def test_the_images_that_stay_on_the_device_are_counted_as_they_are_kept_there() -> None:
    kept = [feed(EXAMPLES), feed(VALIDATION)]

    assert all(isinstance(one, Resident) for one in kept)
    on_device = sum(one.tensors[0].numpy().nbytes for one in kept if isinstance(one, Resident))
    assert resident_bytes(PX, len(EXAMPLES), len(VALIDATION)) == on_device
    assert resident_bytes(300, 12_611) == pytest.approx(1.135e9, rel=1e-3)
    assert resident_bytes(1_000, RESIDENT_BYTES // 10**6, RESIDENT_BYTES // 10**6 + 1) == RESIDENT_BYTES


def test_the_steps_get_the_same_batches_wherever_the_examples_are_kept() -> None:
    order = np.random.default_rng(0).permutation(len(EXAMPLES))
    kept, streamed = feed(EXAMPLES), feed(EXAMPLES, limit_bytes=len(EXAMPLES) * PX**2 - 1)

    assert isinstance(kept, Resident)
    assert isinstance(streamed, Streamed)
    ways = zip(kept.steps(8, order), streamed.steps(8, order), EXAMPLES.batches(8, order), strict=True)
    for resident_step, streamed_step, arrays in ways:
        for step in (resident_step, streamed_step):
            for tensor, array in zip(rows_of(*step), arrays, strict=True):
                assert tensor.dtype.as_numpy_dtype == array.dtype
                assert np.array_equal(tensor.numpy(), array)


@pytest.mark.slow
def test_examples_too_large_for_the_device_train_to_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the last bit: the operations and their shapes are the same, and only where the bytes wait differs."""
    kept = whole("float32")
    monkeypatch.setattr(fit, "feed", Streamed)
    trainer = new_trainer(RANDOM, kept.training, EXAMPLES, PX, 3, deterministic=True)
    streamed = [next(epochs) for epochs in [trainer.epochs(EXAMPLES, VALIDATION, 3)] for _ in range(2)]

    assert same_numbers(kept.epochs[:2], streamed)
