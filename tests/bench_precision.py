"""Half precision against float32: how much faster a step is, and whether the trained network is as good.

A part of `make bench`. What is as good is judged as every variant is: the same seeds, and their spread beside it. So short a training may
still stand at the constant's error at its end, by luck and in either precision (`studies/README.md`): hence the median beside the mean.
"""

import os
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from models.backend import keras, tf

from bench_rounds import HEADINGS, medians, ratio_rows
from bench_step import BATCH, NARROW, STOCK, TRAINING, examples, stepping

from data.preparation import Preparation
from data.store.disk import Store
from data.store.prepare import prepare
from models.architecture import Architecture
from models.training.fit import new_trainer
from models.training.precision import automatic
from studies.presets import cpu
from studies.statistics.resampling import interval

SEEDS = range(6)
HANDS, IMAGE_PX, EPOCHS = 1500, 64, 6


def steps(architecture: Architecture, image_px: int, aim: str, what: str) -> None:
    some, turns = examples(BATCH, image_px), {}
    for name in ("float32", "auto"):
        trainer = new_trainer(architecture, replace(TRAINING, precision=name), some, image_px, seed=0)
        turns[name if name == "float32" else f"auto ({automatic()})"] = stepping(trainer, some)
    ratio_rows(f"step, {what}, {image_px} px", "float32", medians(turns), aim)


def validation_mae(store: Store, precision: str, seed: int) -> float:
    """Months, of the best epoch."""
    training = replace(cpu().training, epochs=EPOCHS, precision=precision)
    examples = store.split("train")
    trainer = new_trainer(NARROW, training, examples, IMAGE_PX, seed)
    best = min(epoch.validation_mae for epoch in trainer.epochs(examples, store.split("validation"), seed))
    keras.backend.clear_session()
    return best


def trained() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        settings = Preparation(image_px=IMAGE_PX, validation_fraction=0.3, test_fraction=0.0)
        store = prepare(f"phantom:{HANDS}", settings, Path(scratch) / "store")
        print(
            f"\nβ 0.25 trained on {len(store.split('train')):,} drawn hands of {IMAGE_PX} px for {EPOCHS} epochs; validation MAE in months:\n\n"
            "| seed | float32 | auto | change |\n|---|---|---|---|"
        )
        changes, plain = [], []
        for seed in SEEDS:
            full, half = (validation_mae(store, precision, seed) for precision in ("float32", "auto"))
            print(f"| {seed} | {full:.2f} | {half:.2f} | {half - full:+.2f} |", flush=True)
            plain.append(full)
            changes.append(half - full)
    low, high = interval(tuple(changes))
    print(
        f"\nOn average {statistics.mean(changes):+.2f} months, 95 % interval {low:+.2f} to {high:+.2f}, median {statistics.median(changes):+.2f}; "
        f"float32's seeds differ among themselves by {statistics.stdev(plain):.2f} (standard deviation)."
    )


def main() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    print(f"\n## Half precision\n\n`--precision auto` is {automatic()} here. Batches of {BATCH}.\n\n{HEADINGS}")
    steps(NARROW, 96, "none", "β 0.25")
    steps(STOCK, 300, "<= 0.67", "stock")
    trained()


if __name__ == "__main__":
    main()
