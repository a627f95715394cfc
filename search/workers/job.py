"""What goes to a worker and what comes back; plain values, no TensorFlow."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.architecture import Architecture
from models.training.settings import Training
from studies.preset import StudyError


@dataclass(frozen=True)
class Job:
    """One trial, complete: a worker needs nothing else."""

    number: int
    architecture: Architecture
    training: Training
    seed: int
    store: Path
    data: str  # the store's digest: what the trial must find there
    image_px: int
    folder: Path  # the trial's own: job.json, log.txt, predictions.npy, maps.npz, checkpoints while it runs
    deterministic: bool = False
    until: int = 0  # leave after this epoch, Paused, as a trial does that was asked to; 0 trains them all
    test: bool = False  # leave the best epoch's test predictions too; no search does, nothing chooses by them
    maps: bool = False  # leave the best epoch's maps of some validation images too, which the dashboard shows
    keep: bool = False  # leave the best epoch's network too, as model.keras
    keep_below: float = float("inf")  # only where its validation MAE is lower than this, months
    afresh: bool = False  # where it has no checkpoint, what its folder holds of another training goes; a model's stays till the end
    tells_steps: bool = False  # say how far its first epoch is: somebody waits for this one network
    start: Path | None = None  # a trained network whose weights it begins with; None begins with fresh ones
    start_digest: str = ""  # of that file
    epochs_before: int = (
        0  # that the network at `start` was trained with this seed and these images: what is random goes on
    )
    weights_digest: str = ""  # of the file of weights that its settings name; empty where it starts from none
    patience: int = 0  # end after so many epochs without a better one; 0 trains them all
    threads: int = 0  # CPU threads of the worker; 0 leaves it to TensorFlow
    lease: Path | None = None  # of the work that it is part of; once another than `token` owns that, the worker ends
    token: str = ""
    gpu: str = ""  # what CUDA_VISIBLE_DEVICES is set to; empty where there is no GPU


@dataclass(frozen=True)
class EpochDone:
    number: int
    epoch: int
    train_mae: float
    validation_mae: float
    seconds: float
    images_per_second: float
    conditions: str = ""  # what the epoch was trained on, where two trials of a study may differ
    loss: float | None = None  # None, as the next, in checkpoints of earlier versions
    learning_rate: float | None = None
    energy_joules: float | None = None  # of the whole GPU meanwhile; None where there is none, or none that says so


def best_of(epochs: Sequence[EpochDone]) -> EpochDone:
    """Of the lowest validation MAE; the earliest of equal ones."""
    return min(epochs, key=lambda epoch: epoch.validation_mae)


@dataclass(frozen=True)
class Resumed:
    """The trial goes on after epochs it had finished before."""

    number: int
    epochs: tuple[EpochDone, ...]


@dataclass(frozen=True)
class Remark:
    """Something that a person should know, and that changes nothing for the trial."""

    number: int
    sentence: str


@dataclass(frozen=True)
class Finished:
    number: int
    peak_memory_mb: int  # of the worker process, not of the device


@dataclass(frozen=True)
class Failed:
    """The trial ended without a result; `reason` is one of EXIT_REASONS."""

    number: int
    reason: str
    detail: str


@dataclass(frozen=True)
class Paused:
    """The trial left after an epoch because it was asked to; it goes on from its checkpoint."""

    number: int


@dataclass(frozen=True)
class Halted:
    """The surroundings do not let any trial go on (a full disk, changed data); says what to do. Nothing is lost."""

    number: int
    sentence: str
    last_lines: str = ""  # of its log, where they say more


@dataclass(frozen=True)
class Crashed:
    """A bug of ours in a worker: not an outcome of the trial, and never hidden."""

    number: int
    traceback: str


Message = EpochDone | Resumed | Remark | Finished | Failed | Paused | Halted | Crashed
STOP = "stop"  # the leader's one order to a worker: leave after this epoch
LAST = (Finished, Failed, Paused, Halted, Crashed)  # nothing comes from a job after one of these

NOT_FINITE = "not_finite"
EXIT_REASONS: dict[str, str] = {
    "out_of_memory": "the device has too little memory",
    "host_out_of_memory": "the kernel ended the process because main memory ran out; use fewer --workers",
    "device_error": "the GPU or its driver reported an error",
    NOT_FINITE: "the loss stopped being finite; a lower learning rate may help",
    "killed": "the worker process was ended from outside",
    "pruned": "others were better at the same epoch",
    "unfit": "its point is not one that the study may train",
    "told_elsewhere": "somebody else set its result while it trained",
    "timed_out": "it took longer than --trial-timeout allows",
    "count_mismatch": "Keras and the cost arithmetic count different parameters: please report this",
}
# Ends that say nothing about the network: the trial goes on from its checkpoint, if it does not end so again and again.
RESUMED_AFTER = ("killed", "host_out_of_memory", "device_error")
ATTEMPTS = 3  # such ends without an epoch finished in between, until the trial counts as failed


def without_answers(number: int, epochs: Sequence[EpochDone]) -> Failed | None:
    """Why a training that went to its end has failed all the same; None where it has not."""
    if best_of(epochs).validation_mae < math.inf:
        return None
    return Failed(number, NOT_FINITE, "no epoch gave finite predictions")


def what_happened(failed: Failed) -> str:
    return f"{EXIT_REASONS[failed.reason]} ({failed.detail})"


def halting(message: Halted) -> StudyError:
    """What ends the search; the lines of the log go with it as a note."""
    error = StudyError(message.sentence)
    if message.last_lines:
        error.add_note(message.last_lines)
    return error


class ExecutorGone(StudyError):
    """What jobs ran on has ended, and they with it or soon after; they go on from their checkpoints. Says what to do."""


class TrialCrashed(RuntimeError):
    """Raised in the leader for a Crashed message, with the worker's traceback."""

    def __init__(self, message: Crashed, log: Path) -> None:
        super().__init__(f"trial {message.number} crashed; its log is {log}\n\n{message.traceback}")


def job_dict(job: Job) -> dict[str, Any]:
    """What the trial's folder records of it."""
    return {
        "architecture": job.architecture.to_dict(),
        "training": job.training.to_dict(),
        "seed": job.seed,
        "deterministic": job.deterministic,
        **({"start": job.start_digest} if job.start_digest else {}),
        **({"epochs_before": job.epochs_before} if job.epochs_before else {}),
        **({"weights": job.weights_digest} if job.weights_digest else {}),
    }


def fingerprint(job: Job) -> str:
    """Names a training: of two jobs with one fingerprint, the one may go on from the other's checkpoint.

    With `deterministic` they have the same result, on one processor, with one number of threads and the same versions.
    """
    return fingerprint_of(job_dict(job), job.data)


def fingerprint_of(recorded: Mapping[str, Any], data: str) -> str:
    """The same, of what the trial's folder records, and the store's digest."""
    return hashlib.blake2b(json.dumps([recorded, data], sort_keys=True).encode(), digest_size=8).hexdigest()
