"""How long a training step of a network takes here, measured in a process of its own; the caller never imports TensorFlow."""

import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, fields
from statistics import fmean
from threading import Barrier, BrokenBarrierError
from typing import TYPE_CHECKING

from data.cores import cores
from models.architecture import Architecture
from models.cost import cost
from models.training.cards import visible_gpus
from models.training.settings import Training
from search.output.terminal import log
from search.planning.epoch_seconds import Timed, line
from search.planning.images import Images
from search.planning.plan import TIMED as TIMED_HERE
from search.planning.plan import Rate, smallest_and_largest
from search.run import Run
from search.workers.at_once import threads_of
from search.workers.local import scriptless
from studies.preset import StudyError

if TYPE_CHECKING:
    from data.store.disk import Examples

WARM, TIMED = 3, 8  # steps before any is timed, which build the graph; steps that are
TOGETHER_SECONDS = 300.0  # until all that are timed side by side have built their graphs
ALL_READY: Barrier | None = None  # of a process that times beside others


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
    # Workers on one processor slow each other down: two hyperthreads do hardly more than one. So they do on one GPU.
    gpus = len(visible_gpus())
    together = -(-workers // gpus) if gpus else min(workers, cores())
    steps = step_times(networks, training, image_px, threads_of(workers), together)
    for network, step in zip(networks, steps, strict=True):
        batches = images.train // training.batch, -(-images.validation // training.batch)
        epoch = batches[0] * step.train + batches[1] * step.validate
        # As in trials that have ended, an epoch has its share of what comes before the first.
        took.append(Timed(cost(network, image_px).macs, epoch + step.begin / training.epochs))
    fitted = line(took, took[0].alike)
    assert fitted is not None
    return Rate(fitted, TIMED_HERE)


def step_times(
    networks: Sequence[Architecture], training: Training, image_px: int, threads: int, together: int = 1
) -> list[StepTime]:
    """Of these networks in turn, on images of noise: what is in an image does not change how long it takes. Each is timed in so many
    processes at once, of which the mean counts."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # inherited: TensorFlow's chatter is not ours
    context = multiprocessing.get_context("spawn")
    with scriptless(), ProcessPoolExecutor(together, context, begun_with, (context.Barrier(together),)) as pool:
        return [
            mean_of_all([pool.submit(beside_others, network, training, image_px, threads) for _ in range(together)])
            for network in networks
        ]


def mean_of_all(timed: Sequence[Future[StepTime]]) -> StepTime:
    """Waits for them. Raises what one of them has raised, not that the others waited for it in vain; StudyError where one was ended."""
    errors = [error for one in timed if (error := one.exception())]
    if errors:
        if own := next(
            (error for error in errors if not isinstance(error, BrokenBarrierError | BrokenProcessPool)), None
        ):
            raise own
        raise StudyError(
            f"a step could not be timed: of {len(timed)} at once, one was ended from outside or was not ready after "
            f"{TOGETHER_SECONDS:.0f} s; perhaps main memory ran out: use fewer --workers, or a budget of epochs"
        )
    found = [one.result() for one in timed]
    return StepTime(*(fmean(getattr(one, field.name) for one in found) for field in fields(StepTime)))


def begun_with(barrier: Barrier) -> None:
    """In each of the processes, once."""
    global ALL_READY
    ALL_READY = barrier


def beside_others(network: Architecture, training: Training, image_px: int, threads: int) -> StepTime:
    try:
        return step_time(network, training, image_px, threads)
    except BaseException:
        if ALL_READY:
            ALL_READY.abort()  # or the others would wait for this one
        raise


def step_time(network: Architecture, training: Training, image_px: int, threads: int) -> StepTime:
    """The median of some steps, in this process."""
    import numpy as np

    from search.workers.quiet import load_tensorflow

    load_tensorflow()
    from models.backend import tf

    from models.training.feed import feed
    from models.training.fit import new_trainer

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    batch = training.batch
    rows, examples = np.arange(batch), of_noise(batch, image_px)
    began = time.perf_counter()
    trainer = new_trainer(network, training, examples, image_px, 0)
    fed = feed(examples)
    begin = time.perf_counter() - began

    def first_and_median(step: str) -> tuple[float, float]:
        took = []
        for count in range(WARM + TIMED):
            if count == WARM and ALL_READY:
                ALL_READY.wait(TOGETHER_SECONDS)
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


def of_noise(count: int, image_px: int) -> "Examples":
    """Cases to train steps on, whose numbers matter to nobody."""
    import numpy as np

    from data.store.disk import Examples

    noise, rows = np.random.default_rng(0), np.arange(count)
    images = noise.integers(0, 255, (count, image_px, image_px), dtype=np.uint8)
    ages = noise.uniform(12, 200, count).astype(np.float32)
    return Examples(images, rows, np.ones(count, np.float32), ages, rows.astype(str))
