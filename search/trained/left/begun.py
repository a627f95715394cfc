"""What a model's folder holds of a training already: another one, this one whole, or this one with epochs still to come."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from search.trained.about import DIGESTS, refuse_changed
from search.trained.folder import ABOUT, added_in, read_about
from search.trained.made_of import ADDED, ENDED, STOPPED
from search.workers.job import Job, fingerprint, job_dict
from search.workers.left import checkpoint
from studies.preset import RANGES, StudyError


def begun(folder: Path) -> Any:
    """What job.json says of the training that the folder holds; None where it holds none."""
    try:
        return json.loads((folder / "job.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def begun_seed(folder: Path) -> int | None:
    """Of the training that the folder holds, whole or not."""
    before = begun(folder)
    seed = before.get("seed") if isinstance(before, dict) else None
    return seed if type(seed) is int and seed in RANGES["seed"] else None


def begun_otherwise(job: Job) -> str:
    """What of the job differs from the training that its folder holds; empty where nothing does, or it holds none."""
    if (before := begun(job.folder)) is None:
        return ""
    now = json.loads(json.dumps(job_dict(job)))
    try:
        for part in ("architecture", "training"):
            before |= before.pop(part)
            now |= now.pop(part)
    except (AttributeError, KeyError, TypeError):
        return "its job.json is damaged"
    # In both: what is off is left out of what is recorded.
    names = [*now, *(name for name in before if name not in now)]
    return next(
        (f"{name} was {before.get(name)}, now {now.get(name)}" for name in names if before.get(name) != now.get(name)),
        "",
    )


def finished_before(job: Job) -> dict[str, Any] | None:
    """model.json of this very training, where it is there. Raises StudyError where the folder holds another."""
    other = f"{job.folder} holds another training"
    advice = "give a --name, or remove it"
    if differs := begun_otherwise(job):
        raise StudyError(f"{other} ({differs}): {advice}")
    if not (job.folder / ABOUT).exists():
        if checkpoint.another(job.folder, fingerprint(job)):
            raise StudyError(f"{other}, which was stopped (on other data, or with other settings): {advice}")
        return None
    about = read_about(job.folder, whole=True)
    if begun(job.folder) is None:
        raise StudyError(
            f"{job.folder} holds a model, {about['from']}, and no job.json that says how to train it: {advice}"
        )
    if about["data"]["digest"] != job.data:
        raise StudyError(f"{job.folder} was trained on other data ({about['data']['source']}): {advice}")
    for name in about.get(DIGESTS, {}):
        refuse_changed(job.folder, about, name)
    return about


def waits(folder: Path, about: dict[str, Any]) -> bool:
    """Whether it is the best so far of a training that can go on where it was stopped."""
    checkpoints = checkpoint.written(folder) or checkpoint.written(added_in(folder))
    return bool(about.get(STOPPED) and checkpoints and begun(folder) is not None)


def unfinished(job: Job) -> dict[str, Any] | None:
    """model.json of this very training, whole, with fewer epochs than are asked for, or stopped; None where the folder holds no such model.

    One that --patience has ended is finished for whoever asks for so much patience, or for less.
    """
    if not (job.folder / ABOUT).exists():
        return None
    about = read_about(job.folder, whole=True)
    if about["data"]["digest"] != job.data:
        return None
    same = not begun_otherwise(job)
    if waits(job.folder, about) and (same or not about.get(ADDED)):
        return about if same else None  # `finished_before` says how it differs
    if len(about["history"]) >= job.training.epochs or not is_begun_with_fewer_epochs(job):
        return None
    as_many = about["training"].get("epochs") == job.training.epochs
    return None if as_many and 0 < job.patience <= patience_of(about) else about


def is_begun_with_fewer_epochs(job: Job) -> bool:
    """Whether the folder's training differs from the job in nothing else; as many epochs count, too."""
    try:
        epochs = begun(job.folder)["training"]["epochs"]
        same = replace(job, training=replace(job.training, epochs=epochs))
        return epochs <= job.training.epochs and not begun_otherwise(same)
    except (KeyError, TypeError, ValueError):  # damaged; or a warm-up longer than that
        return False


def patience_of(about: dict[str, Any]) -> int:
    """That has ended the training; 0 where none did, as where it was stopped. Models of earlier versions do not say it."""
    if about.get(STOPPED):
        return 0
    trained, ended = len(about["history"]), about.get(ENDED)
    if ended:
        return int(ended["patience"])
    return trained - int(about["best_epoch"]) if trained < about["training"].get("epochs", 0) else 0
