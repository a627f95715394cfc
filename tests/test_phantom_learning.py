"""What a small network learns from the phantom: by construction it can, it needs the sex, and labels differ in noise.

Trained for minutes; figures in the docstring were measured when it was written.
"""

from dataclasses import replace
from pathlib import Path

from models.backend import keras

import numpy as np
import pytest

from data.cases import constant_mae
from data.preparation import Preparation
from data.store.prepare import prepare
from models.training.feed import feed
from models.training.fit import mae, new_trainer
from studies.presets import demo

SEEDS = (0, 1)


@pytest.mark.slow
@pytest.mark.timeout(900)  # four trainings, beside the other processes of the suite
def test_a_small_network_learns_the_age_needs_the_sex_and_meets_less_noise_in_the_test_labels(tmp_path: Path) -> None:
    """Means of seeds 0, 1, 3, 4 and 5, of 1,500 training hands: 13.9 months with the sex (SD 0.6), 16.1 without, and with each
    seed at least 1.6 more; 34 for the constant; 12.9 on the test labels, means of six readings, and with each at least 0.7 less."""
    preset = demo()
    settings = Preparation(image_px=48, validation_fraction=0.25, test_fraction=0.25)
    store = prepare("phantom:3000", settings, tmp_path / "store")
    examples, validation, test = (store.split(name) for name in ("train", "validation", "test"))
    training = replace(preset.training, epochs=5, batch=16)
    found: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for with_sex in found:
        architecture = replace(preset.reference, sex_units=32 if with_sex else 0)
        for seed in SEEDS:
            trainer = new_trainer(architecture, training, examples, 48, seed)
            *_, last = trainer.epochs(examples, validation, seed)
            found[with_sex].append((last.validation_mae, mae(trainer.predict(feed(test)), test.age_months)))
            keras.backend.clear_session()
    with_sex, without = (np.array(found[key]) for key in (True, False))

    assert with_sex[:, 0].max() < constant_mae(store.cases) / 2
    assert (without - with_sex)[:, 0].min() > 0.5
    excess = with_sex[:, 0] - with_sex[:, 1]
    assert 0.2 < excess.mean() < 3
