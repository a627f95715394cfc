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
from search.workers.best import MODEL, drop
from search.workers.job import EpochDone, Job, best_of
from studies.around.confirmation import NAME as CONFIRMATION

KEPT = "kept.json"
MADE_OF_IT = ("model.json", "looks.npz")  # once it has been used
HISTORY = ("epoch", "train_mae", "validation_mae", "seconds")  # of each epoch


@dataclass(frozen=True)
class Kept:
    study: str
    number: int  # of the trial
    validation_mae: float  # of the best epoch, months
    data: str  # the store's digest
    image_px: int
    history: list[dict[str, Any]]
    folder: Path = Path()  # the trial's

    @property
    def rank(self) -> tuple[bool, float]:
        """The networks trained for confirmation first: they are the decided ones, and had fresh seeds."""
        return self.study != CONFIRMATION, self.validation_mae


def kept(run_folder: Path) -> list[Kept]:
    """The best first. Raises DataError where a note of one is damaged."""
    found = [read(path) for path in sorted((run_folder / TRIALS).glob(f"*/*/{KEPT}"))]
    return sorted(found, key=lambda one: one.rank)


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
    about = asdict(Kept(study, job.number, best_of(epochs).validation_mae, job.data, job.image_px, history_of(epochs)))
    about.pop("folder")
    write_text(job.folder / KEPT, json.dumps(about, indent=1) + "\n")


def settle(run: Run) -> None:
    """Let go of all but the best."""
    for one in kept(run.folder)[run.preset.keep_networks :]:
        let_go(one.folder)


def let_go(trial_folder: Path) -> None:
    """The note first: without it the network counts for nothing."""
    for name in (KEPT, *MADE_OF_IT):
        (trial_folder / name).unlink(missing_ok=True)
    drop(trial_folder, MODEL)


def history_of(epochs: Sequence[EpochDone]) -> list[dict[str, Any]]:
    """The epochs, as model.json lists them."""
    return [{name: getattr(epoch, name) for name in HISTORY} for epoch in epochs]
