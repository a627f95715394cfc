"""The smallest network that learns, and pictures whose brightness is the age."""

import signal

import numpy as np

from data.store.disk import Examples
from models.architecture import Architecture, Blocks
from models.training.settings import Training
from search.workers.job import Job
from search.workers.local import InProcess
from search.workers.supervisor import StopRequest

PX = 40
TINY = Architecture(beta=1 / 16, blocks=Blocks(0, 0, 0, 0, 0, 1), stem_pools=(False, False))
TRAINING = Training(
    epochs=6,
    batch=8,
    learning_rate=1e-2,
    bn_momentum=0.8,
    flip_horizontal=True,
    precision="float32",
)


def bright_with_age(count: int, seed: int) -> Examples:
    random = np.random.default_rng(seed)
    age_months = random.uniform(12, 228, count).astype(np.float32)
    images = random.integers(0, 20, (count, PX, PX)).astype(np.uint8)
    images[:, 8:32, 8:32] += age_months.astype(np.uint8)[:, None, None]
    return Examples(images, np.arange(count), np.ones(count, np.float32), age_months, np.arange(count).astype(str))


EXAMPLES, VALIDATION = bright_with_age(96, 0), bright_with_age(21, 1)


class StoppedAfterAnEpoch(InProcess):
    def __init__(self, stop: StopRequest) -> None:
        super().__init__()
        self.stopping, self.request = True, stop

    def start(self, job: Job) -> None:
        super().start(job)
        self.request.signal = signal.SIGINT
