"""How long a training step of a network takes here, measured in a process of its own; the caller never imports TensorFlow."""

import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from models.architecture import Architecture
from models.cost import cost
from models.training.settings import Training
from search.output.terminal import log
from search.planning.epoch_seconds import Timed, line
from search.planning.images import Images
from search.planning.plan import TIMED as TIMED_HERE
from search.planning.plan import Rate, smallest_and_largest
from search.run import Run
from search.workers.local import threads_of

WARM, TIMED = 3, 8  # steps before any is timed, which build the graph; steps that are


@dataclass(frozen=True)
class StepTime:
    """Seconds of one batch, and of what comes before the first: the network is built, and its steps are traced."""

    begin: float
    train: float
    validate: float


def rate_of_steps(run: Run, images: Images, workers: int) -> Rate:
    training, image_px = run.preset.training, run.preset.preparation.image_px
    log("timing steps of the smallest and the largest network of the first study")
    networks = smallest_and_largest(run.preset)
    took = []
    for network, step in zip(networks, step_times(networks, training, image_px, threads_of(workers)), strict=True):
        batches = images.train // training.batch, -(-images.validation // training.batch)
        epoch = batches[0] * step.train + batches[1] * step.validate
        # As in trials that have ended, an epoch has its share of what comes before the first.
        took.append(Timed(cost(network, image_px).macs, epoch + step.begin / training.epochs))
    fitted = line(took, took[0].alike)
    assert fitted is not None
    return Rate(fitted, TIMED_HERE)


def step_times(networks: Sequence[Architecture], training: Training, image_px: int, threads: int) -> list[StepTime]:
    """Of these networks in turn, on images of noise: what is in an image does not change how long it takes."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # inherited: TensorFlow's chatter is not ours
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return [pool.submit(step_time, network, training, image_px, threads).result() for network in networks]


def step_time(network: Architecture, training: Training, image_px: int, threads: int) -> StepTime:
    """The median of some steps, in this process."""
    import numpy as np

    from search.workers.quiet import load_tensorflow

    load_tensorflow()
    from models.backend import tf

    from data.store.disk import Examples
    from models.training.feed import feed
    from models.training.fit import new_trainer

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    noise, batch = np.random.default_rng(0), training.batch
    images = noise.integers(0, 255, (batch, image_px, image_px), dtype=np.uint8)
    rows, ages = np.arange(batch), noise.uniform(12, 200, batch).astype(np.float32)
    examples = Examples(images, rows, np.ones(batch, np.float32), ages, rows.astype(str))
    began = time.perf_counter()
    trainer = new_trainer(network, training, examples, image_px, 0)
    fed = feed(examples)
    begin = time.perf_counter() - began

    def first_and_median(step: str) -> tuple[float, float]:
        took = []
        for _ in range(WARM + TIMED):
            began = time.perf_counter()
            if step == "train":
                for tensors, chosen in fed.steps(batch, rows):
                    trainer.train_step(tensors, chosen)
                float(trainer.error_sum)  # until it is done
            else:
                trainer.predict(fed)
            took.append(time.perf_counter() - began)
        return took[0], float(np.median(took[WARM:]))

    (traced, train), (traced_too, validate) = first_and_median("train"), first_and_median("validate")
    return StepTime(begin + traced + traced_too, train, validate)
