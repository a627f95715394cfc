"""The training step against its peers and its floor; a part of `make bench`.

First step of a new trial and an epoch against Keras' own `fit`, an epoch against bare steps, channels in multiples, and the refusal of a network over the cap against KerasTuner's.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from models.backend import keras, tf

import keras_tuner
import numpy as np
from bench_rounds import HEADINGS, medians, ratio_rows
from keras_tuner.errors import FailedTrialError

from data.store.disk import Examples
from models.architecture import Architecture, Blocks
from models.cost import cost
from models.network import build
from models.training.feed import feed
from models.training.fit import Trainer, new_trainer
from models.training.settings import Training

BATCH = 32
NARROW = Architecture(beta=0.25, stem_pools=(False, True))  # as in the preset `cpu`
STOCK = Architecture()
TRAINING = Training(batch=BATCH, precision="float32")


def examples(number: int, image_px: int) -> Examples:
    """Noise: what a step takes does not depend on what it sees."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (number, image_px, image_px), np.uint8)
    ages = random.uniform(1, 228, number).astype(np.float32)
    return Examples(images, np.arange(number), random.random(number) < 0.5, ages, np.arange(number).astype(str))


def first_step_of_a_trial() -> float:
    some = examples(BATCH, 96)
    began = time.perf_counter()
    trainer = new_trainer(NARROW, TRAINING, some, 96, seed=0)
    [(tensors, rows)] = feed(some).steps(BATCH, np.arange(BATCH))
    trainer.train_step(tensors, rows)
    return time.perf_counter() - began


def first_step_of_fit() -> float:
    some = examples(BATCH, 96)
    began = time.perf_counter()
    model = build(NARROW, 96, TRAINING, float(np.mean(some.age_months)))
    model.compile("adam", "mse", metrics=["mae"])
    x, y = of_fit(some)
    model.fit(x, y, batch_size=BATCH, verbose=0)
    return time.perf_counter() - began


FIRST_STEPS = {"a new trial": first_step_of_a_trial, "`model.fit`": first_step_of_fit}


def in_a_process(name: str) -> Callable[[], float]:
    """The first step after the imports, in a process that has traced nothing."""

    def measure() -> float:
        command = [sys.executable, __file__, name]
        return float(json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))

    return measure


def first_steps() -> None:
    measured = medians({name: in_a_process(name) for name in FIRST_STEPS}, warm=0)
    ratio_rows("build, trace, first step, β 0.25, 96 px", "`model.fit`", measured, "<= 0.5")


def of_fit(some: Examples) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """All of them as `model.fit` takes them."""
    [(image, male, age_months)] = some.batches(len(some), np.arange(len(some)))
    return {"image": image, "male": male}, age_months


def stepping(trainer: Trainer, some: Examples, batch: int = BATCH) -> Callable[[], float]:
    [(tensors, rows)] = feed(some).steps(batch, np.arange(batch))

    def measure() -> float:
        trainer.error_sum.assign(0.0)
        began = time.perf_counter()
        trainer.train_step(tensors, rows)
        assert np.isfinite(float(trainer.error_sum))  # waits for the step
        return time.perf_counter() - began

    return measure


def epochs(architecture: Architecture, image_px: int, steps: int, aim: str, what: str) -> None:
    """An epoch of training and validation against as many calls of the compiled graphs on one resident batch, the floor; and
    against Keras' own `fit` of the same network."""
    some, held_out = examples(steps * BATCH, image_px), examples(BATCH, image_px)
    trainer = new_trainer(architecture, replace(TRAINING, epochs=10_000), some, image_px, seed=0)
    [(tensors, rows)] = feed(held_out).steps(BATCH, np.arange(BATCH))
    ours = trainer.epochs(some, held_out, seed=0)
    next(ours)
    model = build(architecture, image_px, TRAINING, float(np.mean(some.age_months)))
    model.compile("adam", "mse", metrics=["mae"])
    (x, y), held = of_fit(some), of_fit(held_out)
    model.fit(x, y, batch_size=BATCH, validation_data=held, verbose=0)

    def bare() -> float:
        began = time.perf_counter()
        for _ in range(steps):
            trainer.train_step(tensors, rows)
        trainer.predict_step(tensors, rows)[0].numpy()
        return time.perf_counter() - began

    def fit() -> float:
        began = time.perf_counter()
        model.fit(x, y, batch_size=BATCH, validation_data=held, verbose=0)
        return time.perf_counter() - began

    measured = medians({"an epoch": lambda: next(ours).seconds, "bare steps": bare, "`model.fit`": fit})
    for peer, against in (("bare steps", aim), ("`model.fit`", "none")):
        pair = {name: measured[name] for name in ("an epoch", peer)}
        ratio_rows(f"{what}, {image_px} px, {steps} steps", peer, pair, against)


def channels() -> None:
    """What rounding filter counts to multiples of 8 brings at a width that gives few of them."""
    some, turns = examples(BATCH, 96), {}
    for name, multiple in (("`--channel-multiple 8`", 8), ("as the paper has it", 1)):
        network = replace(NARROW, beta=0.2, channel_multiple=multiple)
        turns[name] = stepping(new_trainer(network, TRAINING, some, 96, seed=0), some)
    ratio_rows("a step, β 0.2, 96 px", "as the paper has it", medians(turns), "none")


def refusals() -> None:
    """A network over the cap: by arithmetic, and by KerasTuner, which builds it and counts."""
    big, cap = Architecture(beta=1.6, blocks=Blocks(mixed5=5, mixed7=4, mixed9=4)), 70_000_000
    widths = count(16001)

    def counted(networks: list[Architecture]) -> float:
        began = time.perf_counter()
        for network in networks:
            assert cost(network, 300).params > cap
        return (time.perf_counter() - began) / len(networks)

    def new_widths() -> list[Architecture]:
        return [replace(big, beta=next(widths) / 10_000) for _ in range(100)]

    def compiled(hp: keras_tuner.HyperParameters) -> keras.Model:
        model = build(big if hp.Boolean("big") else NARROW, 300)
        model.compile("adam", "mse")
        return model

    with tempfile.TemporaryDirectory() as scratch:
        tuner = keras_tuner.RandomSearch(
            compiled, "val_loss", max_trials=2, max_model_size=cap, directory=scratch, overwrite=True
        )

        def built() -> float:
            over = keras_tuner.HyperParameters()
            over.Fixed("big", True)
            began = time.perf_counter()
            try:
                tuner._try_build(over)  # what its search calls for every trial
            except FailedTrialError:
                return time.perf_counter() - began
            raise AssertionError("KerasTuner took a network over its max_model_size")

        turns = {
            "arithmetic, a width met before": lambda: counted([big] * 100),
            "arithmetic, a width never met": lambda: counted(new_widths()),
            "KerasTuner's max_model_size": built,
        }
        ratio_rows("refusing a network over the cap", "KerasTuner's max_model_size", medians(turns), "<= 0.0001")


def main() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    print(f"\n## Training steps\n\nBatches of {BATCH}, on one thread.\n\n{HEADINGS}")
    first_steps()
    epochs(NARROW, 96, 16, "<= 1.15", "β 0.25")
    epochs(STOCK, 300, 2, "<= 1.05", "stock")
    channels()
    refusals()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        print(json.dumps(FIRST_STEPS[sys.argv[1]]()))
    else:
        main()
