"""What varying the films and making them alike costs: `python tests/bench_films.py [PX] [BATCH]`, CPU milliseconds of one training step."""

import statistics
import sys
import time
from dataclasses import replace

import numpy as np

from models.architecture import Architecture
from models.network import build
from models.training.batch_norm import BatchNormalization
from models.training.feed import Resident, tf
from models.training.fit import Trainer, prepare_process
from models.training.settings import FILMS, FILMS_OFF, Training

STEPS, ROUNDS = 5, 4


NETWORK = Architecture(beta=0.25, stem_pools=(False, True))
ALIKE = {"even_tone": 0.35, "even_detail": 0.06}


def trainer(training: Training, px: int, architecture: Architecture = NETWORK) -> Trainer:
    prepare_process(training, 0)
    return Trainer(build(architecture, px, training, 127.0, BatchNormalization), training, training.batch * STEPS)


def main(px: int = 96, batch: int = 32) -> None:
    """Each layer by itself and all together, in turns, so that a busy machine is no layer's fault."""
    plain = Training(batch=batch, precision="float32")
    sets = {"none": plain} | {name: replace(plain, **{name: FILMS[name]}) for name in FILMS_OFF}
    trainers = {name: trainer(training, px) for name, training in (sets | {"all": replace(plain, **FILMS)}).items()}
    trainers |= {name: trainer(plain, px, replace(NETWORK, **{name: ALIKE[name]})) for name in ALIKE}
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (batch * STEPS, px, px, 1)).astype(np.uint8)
    ages, male = (draw.uniform(0, high, (batch * STEPS, 1)).astype(np.float32) for high in (228, 1))
    fed = Resident((tf.constant(images), tf.constant(male), tf.constant(ages)))
    spent: dict[str, list[float]] = {name: [] for name in trainers}
    for epoch in range(1, ROUNDS + 2):
        for name, one in trainers.items():
            begun = time.process_time()
            one.train_epoch(fed, 0, epoch)
            spent[name].append((time.process_time() - begun) / STEPS * 1000)
    for name, times in spent.items():
        least = min(times[1:])  # the first traces
        print(
            f"{name:14s} {least:7.0f} ms  {least / min(spent['none'][1:]):.3f}  (median {statistics.median(times[1:]):.0f})"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
