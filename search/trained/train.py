"""`boneage-search train`: one network trained in full, evaluated once, and left as a model that can be used.

It is a job like a trial's, run by the same workers from the same checkpoints, so whatever ends it, the same command
goes on. It opens the test split, which no search does.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from data.cases import constant_mae
from data.counted import counted
from data.preparation import DISK_FULL, no_space
from data.store.disk import Store
from data.written import yardstick
from models.cost import cost
from models.pretrained.file import checked
from search.leader.kept import history_of
from search.leader.progress import Progress, Terms
from search.lease import Lease, held
from search.run import MODELS, Run, record_beside
from search.trained.choose import Chosen, name_of, seed_of, seed_words
from search.trained.folder import ABOUT, MEMBERS, open_folder, prepared_otherwise
from search.trained.left.added import longer, settle_within
from search.trained.left.begun import finished_before, unfinished
from search.trained.left.finish import Origin, finish, keep_best_so_far, with_facts
from search.trained.made_of import early_words, remembered
from search.workers.executor import Executor
from search.workers.job import EpochDone, Failed, Finished, Job, Resumed, best_of, what_happened
from search.workers.left import checkpoint
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
        raise StudyError(f"{job.folder} holds an ensemble: continue it with --seeds, give a --name, or remove it")
    origin = Origin(order.chosen.origin)

    def begin() -> None:
        if alone := record_beside(run):
            progress.said(alone)
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
            settle_within(job.folder)
            if (job.folder / ABOUT).exists() and (said := prepared_otherwise(open_folder(job.folder), store)):
                raise StudyError(said)
            if before := unfinished(job):
                begin()
                longer(job, before, store, origin, flip, train_it, progress, keep_best)
            done = finished_before(job)
            if done and (early := early_words(done)):
                progress.said(
                    f"{job.folder.name} {early}: to train on, leave --patience out, raise it, or raise --epochs"
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


def trained(
    store: Store,
    job: Job,
    make_executor: Callable[[], Executor],
    progress: Progress,
    terms: Terms,
    lease: Lease,
) -> list[dict[str, Any]]:
    """The job's epochs, as model.json lists them."""
    name, costs = job.folder.name, cost(job.architecture, job.image_px)
    progress.study(
        name,
        f"{costs.params:,} parameters, {counted(job.training.epochs, 'epoch')}; constant {yardstick(constant_mae(store.cases))}",
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
