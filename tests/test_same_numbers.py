"""What else a process has done changes no number of a deterministic training."""

from dataclasses import replace

from models.backend import keras

import numpy as np
import pytest
from conftest import tiny_preset
from small_trainings import EXAMPLES, PX, TRAINING, VALIDATION

from models.training.fit import new_trainer

BRANCHED = tiny_preset().reference


def numbers() -> list[np.ndarray]:
    training = replace(TRAINING, epochs=1)
    trainer = new_trainer(BRANCHED, training, EXAMPLES, PX, 0, deterministic=True)
    (epoch,) = trainer.epochs(EXAMPLES, VALIDATION, 0)
    return [epoch.predictions, *trainer.variables()]


@pytest.mark.slow
def test_how_many_layers_were_named_before_changes_no_bit() -> None:
    """Sums of gradients are ordered by names: where a network's 99th and 100th layer lie in different branches, in another order."""
    first = numbers()
    named = int(keras.layers.BatchNormalization().name.rpartition("_")[2]) + 1
    for _ in range(82 - named):
        keras.layers.BatchNormalization()
        keras.layers.Conv2D(1, 1)

    again = numbers()

    assert all(one.tobytes() == other.tobytes() for one, other in zip(first, again, strict=True))
