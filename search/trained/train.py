"""`boneage-search train`: one network trained in full, evaluated once, and left as a model that can be used.

It is a job like a trial's, run by the same workers from the same checkpoints, so whatever ends it, the same command
goes on. It opens the test split, which no search does.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from data.cases import constant_mae
from data.preparation import DISK_FULL, no_space
from data.store.disk import Store
from models.cost import cost
from models.pretrained.file import checked
from search.leader.kept import history_of
from search.leader.progress import Progress, Terms
from search.lease import Lease, held
from search.output.files import write_bytes, write_text
from search.run import MODELS, Run, record
from search.trained.about import ABOUT, DIGESTS, digest_of_file, refuse_changed
from search.trained.choose import Chosen, name_of, seed_of, seed_words
from search.trained.folder import MEMBERS, ModelFolder
from search.trained.keep import (
    describe,
    finished_before,
    unfinished,
    write_about,
    write_predictions,
)
from search.trained.made_of import ENDED, STOPPED, early_words, ended_early, remembered
from search.trained.page import write_page
from search.trained.predictor import mirrored_predictions
from search.workers import checkpoint
from search.workers.best import MODEL, TEST, VALIDATION, numbered, save_predictions
from search.workers.executor import Executor
from search.workers.job import EpochDone, Failed, Finished, Job, Resumed, best_of, fingerprint, job_dict, what_happened
from search.workers.starting import LOG
from search.workers.supervisor import Events, Stopped, Supervised, Supervisor
from studies.preset import StudyError
from studies.study import Trial


@dataclass(frozen=True)
class Order:
    """What is to be trained, and under which name."""

    chosen: Chosen
    changes: Mapping[str, Any]  # fields of the run's training settings, and `seed`, that differ for this network
    name: str = ""  # of its folder; empty: after the architecture
    flip: bool = False  # also test the mean of an image and its mirror
    patience: int = 0  # end after so many epochs without a better one; 0 trains them all
    keep_best: bool = False  # where it is stopped, leave the best epoch so far as a model
    seeds: int = 1  # above 1 it is an ensemble of so many networks


def job_of(run: Run, store: Store, order: Order, deterministic: bool) -> Job:
    changes = dict(order.changes)
    asked = changes.pop("seed", None)
    folder = run.folder / MODELS / safe(order.name or name_of(order.chosen.architecture))
    full = {"epochs": run.preset.full_epochs} if run.preset.full_epochs else {}
    training = replace(run.preset.training, **(full | changes))
    return Job(
        number=0,
        architecture=order.chosen.architecture,
        training=training,
        seed=seed_of(run, folder) if asked is None else asked,
        store=store.path,
        data=store.digest,
        image_px=store.image_px,
        folder=folder,
        deterministic=deterministic,
        test=len(store.split("test")) > 0,
        keep=True,
        tells_steps=True,
        patience=order.patience,
        weights_digest=checked(training, order.chosen.architecture.family),
    )


@dataclass(frozen=True)
class Origin:
    """Where a network comes from, and what its model.json says of that."""

    words: str  # `refinement #7`, `by hand`
    looks_of: ModelFolder | None = None  # whose hand check is taken over; None learns one from the store
    facts: Mapping[str, Any] = field(default_factory=dict)


def safe(name: str) -> str:
    """A folder's name: Latin letters, digits, dot, dash, underscore and plus; what else there is becomes a dash."""
    made = re.sub(r"[^A-Za-z0-9._+-]+", "-", name).strip(".-")[:100]
    if not made:
        raise StudyError(f"--name needs a Latin letter or a digit; got {name!r}")
    return made


def train(
    run: Run,
    store: Store,
    order: Order,
    make_executor: Callable[[], Executor],
    progress: Progress,
    terms: Terms,
) -> Path:
    """The folder of the trained model; one that is whole already is left as it is.

    Raises StudyError where the training failed, or the folder holds another; TrialCrashed for a bug in the worker;
    Stopped where the terms' stop request came.
    """
    job = job_of(run, store, order, terms.deterministic)
    if (job.folder / MEMBERS).is_dir():
        raise StudyError(f"{job.folder} holds an ensemble: go on with it by --seeds, give a --name, or remove it")
    origin = Origin(order.chosen.origin)

    def begin() -> None:
        record(run)
        progress.said(seed_words(run, [job.seed]))

    return carried_out(job, store, origin, order.flip, begin, make_executor, progress, terms, order.keep_best)


def carried_out(
    job: Job,
    store: Store,
    origin: Origin,
    flip: bool,
    begin: Callable[[], None],
    make_executor: Callable[[], Executor],
    progress: Progress,
    terms: Terms,
    keep_best: bool = False,
) -> Path:
    """As `train`; `begin` is called when it is sure that there is something to train."""
    job.folder.mkdir(parents=True, exist_ok=True)
    with held(job.folder.parent, job.folder.name, kind="training") as lease:
        job = replace(job, lease=lease.path, token=lease.owner.token)

        def train_it(one: Job) -> list[dict[str, Any]]:
            history = trained(store, one, make_executor, progress, terms, lease)
            lease.check()
            return history

        with room_in(job.folder):
            take_over(added_in(job.folder))
            if before := unfinished(job):
                begin()
                longer(job, before, store, origin, flip, train_it, progress)
            done = finished_before(job)
            if done and (early := early_words(done)):
                progress.said(
                    f"{job.folder.name} {early}: it goes on without --patience, with a greater one, or to more --epochs"
                )
            if done and (not flip or done["conformal_flipped"]):
                checkpoint.clear(job.folder)  # which a kill just after the end has left
                return job.folder
            if not done:
                begin()
            try:
                history = done["history"] if done else train_it(job)
            except Stopped:
                if keep_best:
                    keep_best_so_far(job, store, origin, flip, progress)
                raise
            lease.check()
            finish(job, store, with_facts(origin, remembered(done)), history, flip)
        checkpoint.clear(job.folder)
    return job.folder


@contextmanager
def room_in(folder: Path) -> Iterator[None]:
    """Raises StudyError where the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise StudyError(no_space(folder, error)) from None


def finish(job: Job, store: Store, origin: Origin, history: list[dict[str, Any]], flip: bool) -> None:
    """Everything of the folder that is made from what the worker left; model.json last."""
    mirrored = mirrored_predictions(job.folder, store, job.test) if flip else None
    about = describe(job, store, origin.words, history, mirrored, origin.looks_of)
    about |= ended_early(job.patience, job.training.epochs, len(history)) | dict(origin.facts)
    write_predictions(job.folder, store, about)
    write_page(job.folder, about)
    write_about(job.folder, about)


def with_facts(origin: Origin, facts: Mapping[str, Any]) -> Origin:
    return replace(origin, facts=dict(origin.facts) | dict(facts))


def keep_best_so_far(job: Job, store: Store, origin: Origin, flip: bool, progress: Progress) -> None:
    """A model of the best epoch of a training that was stopped; its checkpoints stay, so that it can go on."""
    before = checkpoint.latest(job.folder, fingerprint(job))
    if before is None:
        progress.said("no epoch has ended, so there is nothing to keep")
        return
    best = best_of(before.epochs)
    if best.validation_mae == float("inf"):
        progress.said("no epoch gave finite predictions, so there is nothing to keep")
        return
    save_predictions(job.folder / VALIDATION, before.predictions)  # those there may be of an epoch without a checkpoint
    for name in (MODEL, TEST):
        if (left := numbered(job.folder, name, best.epoch)).exists():
            write_bytes(job.folder / name, left.read_bytes())
    stopped = {STOPPED: len(before.epochs), ENDED: None}
    finish(job, store, with_facts(origin, stopped), history_of(before.epochs), flip)
    progress.said(
        f"{job.folder}: the best epoch so far, {best.epoch}, is kept as a model ({best.validation_mae:.2f} months)"
    )


def added_in(folder: Path) -> Path:
    """Where a model's added epochs are trained: within its folder, where no other model can be."""
    return folder / f"{folder.name}.more"


def longer(
    job: Job,
    before: dict[str, Any],
    store: Store,
    origin: Origin,
    flip: bool,
    train_it: Callable[[Job], list[dict[str, Any]]],
    progress: Progress,
) -> None:
    """The same model after more epochs: from its weights, with the schedule of the learning rate anew over what is added.

    They are trained in a folder of their own. Where none of them is better the network stays, and its history says what was tried.
    """
    done, part = len(before["history"]), added_in(job.folder)
    start, early = job.folder / MODEL, early_words(before)
    for name in {MODEL, *before.get(DIGESTS, {})}:  # which are signed again where the network stays
        refuse_changed(job.folder, before, name)
    added = replace(job.training, epochs=job.training.epochs - done, warmup_epochs=0.0)
    progress.said(
        f"{job.folder.name} {early or f'has {done} epochs'}: it goes on from its best, {before['best_epoch']}, for {added.epochs} more"
    )
    part.mkdir(exist_ok=True)
    begins = replace(job, start=start.resolve(), start_digest=digest_of_file(start), epochs_before=done)
    more = train_it(replace(begins, folder=part, training=added))
    history = before["history"] + [epoch | {"epoch": done + epoch["epoch"]} for epoch in more]
    write_text(part / "job.json", json.dumps(job_dict(job), indent=1) + "\n")
    if least(more) < least(before["history"]):
        same = {name: before[name] for name in ("name", "tests_opened_before")}
        also_flipped = flip or bool(before["conformal_flipped"])
        finish(replace(job, folder=part), store, with_facts(origin, same), history, also_flipped)
        take_over(part)
    else:
        progress.said(f"none of the added epochs is better: the model stays that of epoch {before['best_epoch']}")
        about = {name: value for name, value in before.items() if name not in (ENDED, STOPPED)}
        about |= {"history": history, "training": job.training.to_dict(), "network": fingerprint(job)}
        about["seconds"] = round(sum(epoch["seconds"] for epoch in history), 1)
        about |= ended_early(job.patience, job.training.epochs, len(history))
        os.replace(part / "job.json", job.folder / "job.json")
        write_page(job.folder, about)
        write_about(job.folder, about)
        shutil.rmtree(part)


def least(history: list[dict[str, Any]]) -> float:
    return min(float(epoch["validation_mae"]) for epoch in history)


def take_over(part: Path) -> None:
    """The model that `longer` has left takes the place of the one in the folder above, also after a kill in the midst of that.

    model.json goes last. Whatever else is above stays: evaluations, maps, prepared data.
    """
    if not (part / ABOUT).exists():
        return
    checkpoint.clear(part)
    (part.parent / ABOUT).unlink(missing_ok=True)
    for path in sorted(part.iterdir(), key=lambda path: path.name == ABOUT):
        os.replace(path, part.parent / path.name)
    part.rmdir()


def trained(
    store: Store,
    job: Job,
    make_executor: Callable[[], Executor],
    progress: Progress,
    terms: Terms,
    lease: Lease,
) -> list[dict[str, Any]]:
    """The job's epochs, as model.json lists them."""
    name, counted = job.folder.name, cost(job.architecture, job.image_px)
    progress.study(
        name, f"{counted.params:,} parameters, {job.training.epochs} epochs; constant {constant_mae(store.cases):.1f}"
    )
    epochs = followed(job, make_executor, progress, terms, lease)
    best = best_of(epochs)
    if best.validation_mae == float("inf"):
        raise StudyError(f"the training of {name} gave no finite predictions; a lower --learning-rate may help")
    seconds = sum(epoch.seconds for epoch in epochs)
    progress.ended(name, Trial(0, {}, "complete", best.validation_mae, best.epoch, seconds=seconds))
    return history_of(epochs)


class Followed(Events[Supervised]):
    """A training as a person follows it."""

    def __init__(self, name: str, progress: Progress) -> None:
        self.name, self.progress = name, progress
        self.whole: list[EpochDone] = []  # all epochs, once it has trained to its end

    def said(self, sentence: str) -> None:
        self.progress.said(sentence)

    def resumed(self, one: Supervised, message: Resumed) -> None:
        self.progress.resumed(self.name, message)

    def epoch(self, one: Supervised, epoch: EpochDone, again: bool) -> str:
        if not again:
            self.progress.epoch(self.name, epoch, one.job.training.epochs)
        return ""

    def finished(self, one: Supervised, message: Finished) -> None:
        self.whole = one.epochs

    def failed(self, one: Supervised, message: Failed) -> None:
        log = one.job.folder / LOG
        raise StudyError(f"the training of {self.name} failed: {what_happened(message)}; its log is {log}")


def followed(
    job: Job, make_executor: Callable[[], Executor], progress: Progress, terms: Terms, lease: Lease
) -> list[EpochDone]:
    """Run the job to its end, through as many legs as that takes."""
    name = job.folder.name
    progress.started(name, job, 1, f"seed {job.seed}")
    jobs, following = iter([Supervised(job=job, label=name)]), Followed(name, progress)
    with Supervisor(following, make_executor, lease, terms.stop, terms.trial_timeout) as supervisor:
        supervisor.run(lambda: next(jobs, None), lambda: bool(following.whole))
    return following.whole
