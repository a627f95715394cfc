"""float16's loss scaling in our steps: a step whose gradients overflow is as if it had not been, and the scale is part of the checkpoint."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from conftest import needs
from small_trainings import EXAMPLES, PX, TINY, TRAINING

from models.network import build
from models.training.batch_norm import BatchNormalization
from models.training.feed import feed
from models.training.fit import Trainer, prepare_process

HALF = replace(TRAINING, precision="mixed_float16")
TOO_MUCH, LITTLE = 2.0**40, 16.0


def begun(xla: bool = False) -> Trainer:
    prepare_process(HALF, seed=0)
    return Trainer(build(TINY, PX, HALF, 100.0, BatchNormalization), HALF, len(EXAMPLES), xla)


def one_step(trainer: Trainer, scale: float) -> tuple[bool, int, float, float]:
    """Whether the weights have moved; the step count, the learning rate and the scale after a step that begins with this one."""
    trainer.optimizer.dynamic_scale.assign(scale)
    before = [np.array(weights) for weights in trainer.model.trainable_variables]
    [(tensors, rows)] = feed(EXAMPLES).steps(trainer.batch, np.arange(trainer.batch))
    trainer.train_step(tensors, rows)
    moved = any(
        (np.array(now) != then).any() for now, then in zip(trainer.model.trainable_variables, before, strict=True)
    )
    count = int(trainer.optimizer.iterations)
    return moved, count, float(trainer.optimizer.learning_rate), float(trainer.optimizer.dynamic_scale)


def overflown_and_not(xla: bool) -> list[tuple[bool, int, float, float]]:
    """For a process of its own, as XLA refuses one in which others were deterministic."""
    trainer = begun(xla)
    return [one_step(trainer, scale) for scale in (TOO_MUCH, TOO_MUCH, LITTLE)]


@pytest.mark.slow
@pytest.mark.parametrize("xla", [False, True], ids=["plain", "compiled"])
def test_a_step_that_overflows_moves_neither_weights_nor_the_step_count_nor_the_learning_rate(xla: bool) -> None:
    needs("mixed_float16")
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        first, second, third = process.submit(overflown_and_not, xla).result()

    assert first == second == (False, 0, pytest.approx(HALF.learning_rate), TOO_MUCH / 2)
    moved, count, rate, scale = third
    assert (moved, count, scale) == (True, 1, LITTLE)
    assert rate < HALF.learning_rate


@pytest.mark.slow
@pytest.mark.usefixtures("float32_again")
def test_a_training_that_goes_on_has_the_scale_that_it_was_stopped_with() -> None:
    needs("mixed_float16")
    stopped, other = begun(), begun()
    stopped.optimizer.dynamic_scale.assign(LITTLE)
    stopped.optimizer.step_counter.assign(1_998)

    other.restore(stopped.variables())

    assert float(other.optimizer.dynamic_scale) == LITTLE
    assert int(other.optimizer.step_counter) == 1_998
