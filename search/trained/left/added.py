"""A model that is there is made anew, by epochs that are added or were still to come: in a folder within its own, whose model then takes its
place. Until then it stays the model that it is, whatever ends the training."""

import json
import math
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from data.counted import counted
from data.store.disk import Store
from search.leader.kept import history_of
from search.leader.progress import Progress
from search.output.files import write_text
from search.trained.about import ABOUT, DIGESTS, digest_of_file, refuse_changed
from search.trained.folder import added_in, case_texts, digest_of_texts, opened_before
from search.trained.keep import write_about
from search.trained.left.finish import Origin, finish, kept_words, place_best, with_facts, worth_keeping
from search.trained.made_of import ADDED, ENDED, STOPPED, TESTED, early_words, ended_early
from search.trained.page import write_page
from search.workers.job import Job, best_of, fingerprint, job_dict
from search.workers.left import checkpoint
from search.workers.left.best import MODEL, TEST, pattern
from search.workers.supervisor import Stopped


def kept_in(folder: Path) -> Path:
    """Where a model is made that is to take the folder's place at once: the best of epochs that were stopped, which can go on; an ensemble."""
    return folder / f"{folder.name}.kept"


def settle_within(folder: Path) -> None:
    """After a kill: what is whole within the folder takes its place there, and what was to be kept and is not whole goes."""
    take_over(kept_in(folder))
    shutil.rmtree(kept_in(folder), ignore_errors=True)
    take_over(added_in(folder))


def longer(
    job: Job,
    before: dict[str, Any],
    store: Store,
    origin: Origin,
    flip: bool,
    train_it: Callable[[Job], list[dict[str, Any]]],
    progress: Progress,
    keep_best: bool = False,
) -> None:
    """The same model after more epochs: from its weights, with the schedule of the learning rate anew over what is added; or, where it is
    the best so far of a training that was stopped, after that training's other epochs.

    They are trained in a folder of their own. Where none of them is better the network stays, and its history says what was tried.
    With `keep_best`, a better one of them becomes the model where they are stopped, and the same command goes on with them.
    """
    part, early = added_in(job.folder), early_words(before)
    for name in {MODEL, *before.get(DIGESTS, {})}:  # which are signed again where the network stays
        refuse_changed(job.folder, before, name)
    same = {"name": before["name"], TESTED: others_opened(job.folder, store) if before["test"] else 0}
    origin, flip = replace(with_facts(origin, same), before=before), flip or bool(before["conformal_flipped"])
    part.mkdir(exist_ok=True)
    if before.get(STOPPED):
        hand_down(job.folder, part)
    begins = stopped_in_between(job, before)
    if begins:
        progress.said(f"{job.folder.name} {early or 'was stopped'}: training continues where it was stopped")
    else:
        begins = adding(job, len(before["history"]), digest_of_file(job.folder / MODEL))
        so_far = early or f"has {counted(begins.epochs_before, 'epoch')}"
        progress.said(
            f"{job.folder.name} {so_far}: training continues from its best epoch, {before['best_epoch']}, for "
            f"{begins.training.epochs} more"
        )
    earlier = before["history"][: begins.epochs_before]
    try:
        more = train_it(begins)
    except Stopped:
        if keep_best:
            keep_best_added(job, begins, earlier, store, origin, flip, progress)
        raise
    history = joined(earlier, more)
    write_text(part / "job.json", json.dumps(job_dict(job), indent=1) + "\n")
    if least(more) < least(earlier):
        finish(replace(job, folder=part), store, origin, history, flip)
        take_over(part)
    else:
        progress.said(f"no added epoch is better: the model is still that of epoch {before['best_epoch']}")
        about = {name: value for name, value in before.items() if name not in (ENDED, STOPPED, ADDED)}
        about |= {"history": history, "training": job.training.to_dict(), "network": fingerprint(job)}
        about["seconds"] = round(sum(epoch["seconds"] for epoch in history), 1)
        about |= ended_early(job.patience, job.training.epochs, len(history))
        os.replace(part / "job.json", job.folder / "job.json")
        write_page(job.folder, about)
        write_about(job.folder, about)
        shutil.rmtree(part)


def hand_down(folder: Path, part: Path) -> None:
    """What a training goes on from that was begun where its kept best is now the model. Checkpoints last: while one is there, this is done again."""
    best = [path for name in (MODEL, TEST) for path in folder.glob(pattern(name))]
    for path in (*best, *checkpoint.written(folder)):
        os.replace(path, part / path.name)


def others_opened(folder: Path, store: Store) -> int:
    """By how many other models the test was opened before, by now; where the epochs are trained, no others would be found."""
    test = store.split("test")
    cases = case_texts(test.ids, test.age_months, test.male)
    return opened_before(folder, digest_of_texts(cases), cases)


def adding(job: Job, done: int, network: str) -> Job:
    """The training of what is missing after so many epochs, which begins with the network of this digest."""
    added = replace(job.training, epochs=job.training.epochs - done, warmup_epochs=0.0)
    start = (job.folder / MODEL).resolve()
    return replace(
        job, folder=added_in(job.folder), training=added, start=start, start_digest=network, epochs_before=done
    )


def stopped_in_between(job: Job, before: dict[str, Any]) -> Job | None:
    """The training that was stopped and whose best is the model meanwhile; None where its checkpoints are gone, or more epochs are added
    than then: it goes on from the model, as from any.
    """
    if not before.get(STOPPED):
        return None
    added = before.get(ADDED)
    begun = adding(job, added["epochs"], added["network"]) if added else replace(job, folder=added_in(job.folder))
    return begun if checkpoint.latest(begun.folder, fingerprint(begun)) else None


def keep_best_added(
    job: Job,
    begun: Job,
    earlier: list[dict[str, Any]],
    store: Store,
    origin: Origin,
    flip: bool,
    progress: Progress,
) -> None:
    """A model of the best of epochs that were stopped, where it is better than those before; their checkpoints stay."""
    before = worth_keeping(begun, progress)
    if before is None:
        return
    best, done, part = best_of(before.epochs), begun.epochs_before, kept_in(job.folder)
    if best.validation_mae >= least(earlier):
        progress.said("no added epoch is better so far: the model does not change")
        return
    part.mkdir()
    place_best(before, begun.folder, part)
    write_text(part / "job.json", json.dumps(job_dict(job), indent=1) + "\n")
    facts = {
        STOPPED: done + len(before.epochs),
        ENDED: None,
        **({ADDED: {"epochs": done, "network": begun.start_digest}} if done else {}),
    }
    history = joined(earlier, history_of(before.epochs))
    finish(replace(job, folder=part), store, with_facts(origin, facts), history, flip)
    take_over(part)
    progress.said(kept_words(job.folder, best, done))


def joined(earlier: list[dict[str, Any]], more: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return earlier + [epoch | {"epoch": len(earlier) + epoch["epoch"]} for epoch in more]


def least(history: list[dict[str, Any]]) -> float:
    return min((float(epoch["validation_mae"]) for epoch in history), default=math.inf)


def take_over(part: Path) -> None:
    """The model that was made in a folder takes the place of the one in the folder above, also after a kill in the midst of that.

    model.json goes last. Whatever else is above stays: evaluations, maps, prepared data.
    """
    if not (part / ABOUT).exists():
        return
    checkpoint.clear(part)
    (part.parent / ABOUT).unlink(missing_ok=True)
    for path in sorted(part.iterdir(), key=lambda path: path.name == ABOUT):
        os.replace(path, part.parent / path.name)
    part.rmdir()
