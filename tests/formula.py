"""An executor that computes a trial's result by a formula instead of training: for tests of the engine's own logic.

Its property: the validation MAE is a fixed function of the architecture, falls with the epochs, and every architecture
that reaches it is recorded in `seen`. Epochs take no time.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from conftest import tiny_preset

from data.store.disk import open_store
from models.architecture import Architecture
from models.cost import cost
from search.leader.progress import Progress
from search.workers.job import EpochDone, Failed, Finished, Job, Message
from search.workers.left.best import TEST

Mae = Callable[[Architecture], float]


def deeper_is_better(architecture: Architecture) -> float:
    """Months; every group helps a little, mixed5 and mixed9 much, width up to a point, the head a little."""
    blocks = architecture.blocks
    depth = blocks.mixed5 + blocks.mixed9 + 0.05 * (blocks.mixed0 + blocks.mixed1 + blocks.mixed4 + blocks.mixed7)
    return 30 - depth - 40 * min(architecture.beta, 0.3) - (1 if architecture.fc_units else 0) + architecture.dropout


class FormulaExecutor:
    def __init__(
        self,
        mae: Mae = deeper_is_better,
        workers: int = 1,
        stop_after: int | None = None,
        by_seed: Callable[[Job], float] | None = None,
    ) -> None:
        self.mae = by_seed or (lambda job: mae(job.architecture))
        self.workers, self.stop_after = workers, stop_after
        self.seen: list[Architecture] = []
        self.every: list[Job] = []
        self.killed: list[int] = []
        self.jobs: list[Job] = []

    def start(self, job: Job) -> None:
        assert len(self.jobs) < self.workers, "more trials at once than there are workers"
        job.folder.mkdir(parents=True, exist_ok=True)  # as every executor does
        self.seen.append(job.architecture)
        self.every.append(job)
        self.jobs.append(job)

    def wait(self, seconds: float) -> list[Message]:
        if self.stop_after is not None and len(self.seen) > self.stop_after:
            raise KeyboardInterrupt  # what Ctrl-C looks like from here
        job = self.jobs.pop(0)
        mae = self.mae(job)
        if mae == float("inf"):
            return [Failed(job.number, "not_finite", "by formula")]
        epochs = [
            EpochDone(job.number, n, mae + 2 / n, mae + 1 - n / job.training.epochs, 0.0, 100.0)
            for n in range(1, job.training.epochs + 1)
        ]
        return [*epochs, Finished(job.number, 1)]

    def stop(self) -> None:
        """Its trials are over at once."""

    def kill(self, number: int, reason: str) -> None:
        """There is nothing to end: its trials are over at once."""
        self.killed.append(number)

    def close(self) -> None:
        self.jobs.clear()


class Foretold(FormulaExecutor):
    """Leaves the predictions of the test split, too: what it would be by always answering the training median."""

    def start(self, job: Job) -> None:
        super().start(job)
        store = open_store(job.store)
        np.save(job.folder / TEST, np.full(len(store.split("test")), np.median(store.split("train").age_months)))


def silent() -> Progress:
    return Progress()


PER_MAC = 1e-4  # seconds of an epoch


def macs(network: Architecture) -> int:
    return cost(network, tiny_preset().preparation.image_px).macs


class Timed(FormulaExecutor):
    """Its epochs take as long as their MACs say, as far as they tell; and it counts them all."""

    def __init__(self, workers: int = 1, stop_after: int | None = None) -> None:
        super().__init__(deeper_is_better, workers, stop_after)
        self.spent = 0.0

    def wait(self, seconds: float) -> list[Message]:
        network = self.jobs[0].architecture
        messages = super().wait(seconds)
        return [self.timed(message, PER_MAC * macs(network)) for message in messages]

    def timed(self, message: Message, took: float) -> Message:
        if not isinstance(message, EpochDone):
            return message
        self.spent += took
        return replace(message, seconds=took)
