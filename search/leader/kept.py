"""Which trained networks a search keeps: those of its best trials, so many as the preset says, each in its trial's folder.

model.keras    as the worker left it, of the trial's best epoch
kept.json      what it is; written by the leader, and the network counts as kept while it is there
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from data.foreign import foreign
from search.output.files import write_text
from search.run import TRIALS, Run
from search.workers.job import EpochDone, Job, best_of, fingerprint, fingerprint_of
from search.workers.left.best import KEPT_NOTE, MODEL, let_go
from studies.around.confirmation import NAME as CONFIRMATION

HISTORY = ("epoch", "train_mae", "validation_mae", "seconds")  # of each epoch


@dataclass(frozen=True)
class Kept:
    study: str
    number: int  # of the trial
    validation_mae: float  # of the best epoch, months
    data: str  # the store's digest
    image_px: int
    history: list[dict[str, Any]]
    training: str = ""  # its fingerprint; those of earlier versions have none
    folder: Path = Path()  # the trial's

    @property
    def rank(self) -> tuple[bool, float]:
        """The networks trained for confirmation first: they are the decided ones, and had fresh seeds."""
        return self.study != CONFIRMATION, self.validation_mae


def kept(run_folder: Path) -> list[Kept]:
    """The best first, without those of another training than their folder is of. Raises DataError where a note of one is damaged."""
    found = [read(path) for path in sorted((run_folder / TRIALS).glob(f"*/*/{KEPT_NOTE}"))]
    return sorted((one for one in found if is_its_folders(one)), key=lambda one: one.rank)


def is_its_folders(one: Kept) -> bool:
    """Whether the training that began last in the folder is the one that left it; taken to be, where that is not known."""
    try:
        job = json.loads((one.folder / "job.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return True
    return not one.training or one.training == fingerprint_of(job, one.data)


def read(path: Path) -> Kept:
    with foreign(f"{path} is damaged: remove it, and the network beside it is not used"):
        return Kept(**json.loads(path.read_text(encoding="utf-8")), folder=path.parent)


def to_beat(run: Run, study: str) -> float:
    """The validation MAE in months below which a network of this study would be kept; infinite while there is room."""
    most = run.preset.keep_networks
    if not most or len(first := kept(run.folder)[:most]) < most:
        return float("inf")
    last, sought = first[-1], study != CONFIRMATION
    if sought == (last.study != CONFIRMATION):
        return last.validation_mae
    return float("-inf") if sought else float("inf")


def note(job: Job, epochs: Sequence[EpochDone], study: str) -> None:
    """A trial has ended; where its worker has left a network, it is one to keep until `settle` finds better ones."""
    if not job.keep or not (job.folder / MODEL).exists():
        return
    mae, history = best_of(epochs).validation_mae, history_of(epochs)
    about = asdict(Kept(study, job.number, mae, job.data, job.image_px, history, fingerprint(job)))
    about.pop("folder")
    write_text(job.folder / KEPT_NOTE, json.dumps(about, indent=1) + "\n")


def settle(run: Run) -> None:
    """Let go of all but the best."""
    for one in kept(run.folder)[run.preset.keep_networks :]:
        let_go(one.folder)


def history_of(epochs: Sequence[EpochDone]) -> list[dict[str, Any]]:
    """The epochs, as model.json lists them."""
    return [{name: getattr(epoch, name) for name in HISTORY} for epoch in epochs]
