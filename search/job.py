"""What goes to a worker and what comes back; plain values, no TensorFlow."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.architecture import Architecture
from models.training import Training


@dataclass(frozen=True)
class Job:
    """One trial, complete: a worker needs nothing else."""

    number: int
    architecture: Architecture
    training: Training
    seed: int
    store: Path
    folder: Path  # the trial's own: log.txt, predictions.npy
    deterministic: bool = False
    threads: int = 0  # CPU threads of the worker; 0 leaves it to TensorFlow
    gpu: str = ""  # what CUDA_VISIBLE_DEVICES is set to; empty where there is no GPU


@dataclass(frozen=True)
class EpochDone:
    number: int
    epoch: int
    train_mae: float
    validation_mae: float
    seconds: float
    images_per_second: float


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
class Crashed:
    """A bug of ours in a worker: not an outcome of the trial, and never hidden."""

    number: int
    traceback: str


Message = EpochDone | Finished | Failed | Crashed

EXIT_REASONS: dict[str, str] = {
    "out_of_memory": "the device's memory does not suffice; a smaller batch or a narrower network would fit",
    "not_finite": "the loss stopped being finite; a lower learning rate may help",
    "killed": "the worker process was ended from outside",
    "count_mismatch": "Keras and the cost arithmetic count different parameters: please report this",
}


class TrialCrashed(RuntimeError):
    """Raised in the leader for a Crashed message, with the worker's traceback."""

    def __init__(self, message: Crashed, log: Path) -> None:
        super().__init__(f"trial {message.number} crashed; its log is {log}\n\n{message.traceback}")


def job_dict(job: Job) -> dict[str, Any]:
    """What the trial's folder records of it."""
    return {
        "architecture": job.architecture.to_dict(),
        "training": vars(job.training),
        "seed": job.seed,
        "deterministic": job.deterministic,
    }
