"""TensorBoard's event files, written by the leader from what the engine tells it: a folder per trial, each epoch once.

Records are appended as epochs come, so that a TensorBoard that is open shows them. A trial that begins again or goes on
from a checkpoint gets a new file in place of the old. (TensorBoard's own EventFileWriter would import TensorFlow.)
"""

import re
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import count
from math import isnan, nan
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.summary.writer.record_writer import RecordWriter

from models.cost import cost
from search.leader.progress import Progress
from search.workers.job import EpochDone, Job, Resumed
from studies.study import Trial

FOLDER = "tensorboard"  # in the run's folder
TAGS = {
    "mae_months/train": "train_mae",
    "mae_months/validation": "validation_mae",
    "training/loss": "loss",
    "training/learning_rate": "learning_rate",
    "training/images_per_second": "images_per_second",
}


def logged(progress: Progress, folder: Path) -> Progress:
    """The same progress, which also leaves every trial's epochs below `folder`."""
    logs: dict[int, TrialLog] = {}

    def started(name: str, job: Job, expected: int, what: str) -> None:
        logs[job.number] = TrialLog(folder / subfolder(job, what), job)
        progress.started(name, job, expected, what)

    def resumed(name: str, message: Resumed) -> None:
        logs[message.number].begin(message.epochs)
        progress.resumed(name, message)

    def epoch(name: str, message: EpochDone, epochs: int) -> None:
        logs[message.number].add(message)
        progress.epoch(name, message, epochs)

    def ended(name: str, trial: Trial) -> None:
        log = logs.pop(trial.number)
        if not log.last:
            log.begin(taken_over(trial))
        progress.ended(name, trial)

    return replace(progress, started=started, resumed=resumed, epoch=epoch, ended=ended)


def subfolder(job: Job, what: str) -> str:
    """1-ablation/0003-mixed5=0 of a trial, models/b1.4-4-3-3-seed-0 of a network trained in full."""
    described = re.sub(r"[^A-Za-z0-9._+=-]+", "-", what).strip("-")[:100]
    return f"{job.folder.parent.name}/{job.folder.name}-{described}"


def taken_over(trial: Trial) -> list[EpochDone]:
    """The epochs of a trial whose result is another's, as far as the studies know them."""
    pairs = zip(trial.train_mae, trial.validation_mae_by_epoch, strict=False)
    return [EpochDone(trial.number, n, train, validation, 0.0, nan) for n, (train, validation) in enumerate(pairs, 1)]


class TrialLog:
    """The event file of one trial; `last` is the last epoch in it."""

    def __init__(self, folder: Path, job: Job) -> None:
        self.folder, self.job, self.last = folder, job, 0
        self.begin([])

    def begin(self, epochs: Sequence[EpochDone]) -> None:
        """A new file with the network and these epochs; the one that was there goes."""
        self.folder.mkdir(parents=True, exist_ok=True)
        before = {path.name for path in self.folder.glob("events.out.tfevents.*")}
        names = (f"events.out.tfevents.{int(time.time())}.{n}" for n in count())
        self.path = self.folder / next(name for name in names if name not in before)
        now = time.time()
        since = [sum(epoch.seconds for epoch in epochs[n + 1 :]) for n in range(len(epochs))]
        head = [
            Event(wall_time=now, file_version="brain.Event:2"),
            Event(wall_time=now, summary=hparams_pb(hparams(self.job), trial_id=self.folder.name, start_time_secs=now)),
        ]
        self.write(head + [event_of(epoch, now - ago) for epoch, ago in zip(epochs, since, strict=True)])
        for name in before:
            (self.folder / name).unlink()
        self.last = len(epochs)

    def add(self, epoch: EpochDone) -> None:
        if epoch.epoch <= self.last:  # its checkpoint was damaged, and it is trained anew from the start
            self.begin([])
        self.write([event_of(epoch, time.time())])
        self.last = epoch.epoch

    def write(self, events: Sequence[Event]) -> None:
        with self.path.open("ab") as file:
            records = RecordWriter(file)
            for event in events:
                records.write(event.SerializeToString())


def event_of(epoch: EpochDone, wall_time: float) -> Event:
    known = {tag: asdict(epoch)[field] for tag, field in TAGS.items()}
    values = [
        Summary.Value(tag=tag, simple_value=value)
        for tag, value in known.items()
        if value is not None and not isnan(value)
    ]
    return Event(wall_time=wall_time, step=epoch.epoch, summary=Summary(value=values))


def hparams(job: Job) -> dict[str, float | int | bool]:
    """The network's numbers, by which TensorBoard sorts and colours the trials."""
    architecture = job.architecture
    return {
        "beta": architecture.beta,
        **architecture.blocks._asdict(),
        "sex_units": architecture.sex_units,
        "fc_units": architecture.fc_units,
        "dropout": architecture.dropout,
        "params": cost(architecture, job.image_px).params,
        "seed": job.seed,
    }
