"""A training that has ended, or was stopped, becomes a model: everything of its folder that is made from what the worker left."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from data.store.disk import Store
from data.written import months
from search.leader.kept import history_of
from search.leader.progress import Progress
from search.output.files import write_bytes
from search.trained.folder import ModelFolder
from search.trained.keep import describe, write_about, write_predictions
from search.trained.left.looked import looks_before
from search.trained.left.seen import films_of_store, leave_seen
from search.trained.made_of import ENDED, STOPPED, ended_early
from search.trained.page import write_page
from search.trained.predictor import mirrored_predictions
from search.workers.job import EpochDone, Job, best_of, fingerprint
from search.workers.left import checkpoint
from search.workers.left.best import MODEL, TEST, VALIDATION, numbered, save_predictions


@dataclass(frozen=True)
class Origin:
    """Where a network comes from, and what its model.json says of that."""

    words: str  # `refinement #7`, `by hand`
    looks_of: ModelFolder | None = None  # whose hand check is taken over; None learns one from the store
    facts: Mapping[str, Any] = field(default_factory=dict)
    seen: pd.DataFrame | None = None  # as `seen.csv` has them, the films that made it; None: those of the store
    before: Mapping[str, Any] | None = None  # model.json of what the folder's model was


def finish(job: Job, store: Store, origin: Origin, history: list[dict[str, Any]], flip: bool) -> None:
    """model.json last."""
    mirrored = mirrored_predictions(job.folder, store, job.test) if flip else None
    about = describe(job, store, origin.words, history, mirrored, origin.looks_of)
    leave_seen(job.folder, films_of_store(store) if origin.seen is None else origin.seen)
    about |= ended_early(job.patience, job.training.epochs, len(history)) | dict(origin.facts)
    about |= looks_before(origin.before, about)
    write_predictions(job.folder, store, about)
    write_page(job.folder, about)
    write_about(job.folder, about)


def with_facts(origin: Origin, facts: Mapping[str, Any]) -> Origin:
    return replace(origin, facts=dict(origin.facts) | dict(facts))


def keep_best_so_far(job: Job, store: Store, origin: Origin, flip: bool, progress: Progress) -> None:
    """A model of the best epoch of a training that was stopped; its checkpoints stay, so that it can go on."""
    if before := worth_keeping(job, progress):
        place_best(before, job.folder, job.folder)
        stopped = {STOPPED: len(before.epochs), ENDED: None}
        finish(job, store, with_facts(origin, stopped), history_of(before.epochs), flip)
        progress.said(kept_words(job.folder, best_of(before.epochs)))


def worth_keeping(job: Job, progress: Progress) -> checkpoint.Checkpoint | None:
    """Where the training was stopped; None, which is said, where no epoch of it is worth anything."""
    before = checkpoint.latest(job.folder, fingerprint(job))
    if before is None:
        progress.said("no epoch has ended, so there is nothing to keep")
        return None
    if best_of(before.epochs).validation_mae == float("inf"):
        progress.said("no epoch gave finite predictions, so there is nothing to keep")
        return None
    return before


def place_best(before: checkpoint.Checkpoint, left: Path, folder: Path) -> None:
    """Into `folder`, what the worker has left of the best epoch in the folder `left`, whose own files stay."""
    save_predictions(folder / VALIDATION, before.predictions)  # those there may be of an epoch without a checkpoint
    for name in (MODEL, TEST):
        if (of_best := numbered(left, name, best_of(before.epochs).epoch)).exists():
            write_bytes(folder / name, of_best.read_bytes())


def kept_words(folder: Path, best: EpochDone, before: int = 0) -> str:
    return f"{folder}: the best epoch so far, {before + best.epoch}, is kept as a model ({months(best.validation_mae)} months)"
