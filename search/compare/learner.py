"""Learning curves that are trained when first asked for, in processes of their own, and never twice.

`compare/` in the run's folder has a folder for each training, and `curves.jsonl`: a line whenever one has come to the
epoch it was to reach. So whatever is killed, the same command knows what it knew, and goes on from the checkpoints.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from data.store.disk import Store
from search.compare.curves import Curve, Request
from search.lease import Lease, held
from search.run import Run, record
from search.show.progress import counting
from search.stopping import Stopped, Wish, heard
from search.workers import checkpoint
from search.workers.best import TEST, load_predictions
from search.workers.job import (
    Crashed,
    EpochDone,
    Failed,
    Finished,
    Halted,
    Job,
    Message,
    Paused,
    Remark,
    Resumed,
    TrialCrashed,
    fingerprint,
    halting,
    what_happened,
)
from search.workers.legs import Legs
from search.workers.local import Executor
from studies.joint import architecture

FOLDER = "compare"  # in the run's folder
POLL_SECONDS = 1.0


@contextmanager
def underway(
    run: Run, store: Store, what: str, make_executor: Callable[[], Executor], deterministic: bool = False
) -> Iterator[tuple["Trainings", Callable[[int, int], None]]]:
    """Trainings of the run, which is held and remembered meanwhile; and whom to tell how many of `what` are done, of how many."""
    run.folder.mkdir(parents=True, exist_ok=True)
    with held(run.folder, FOLDER) as lease, heard() as wish, counting(what) as (count, say):
        record(run)
        trainings = Trainings(run, store, make_executor, lease, wish, say, deterministic)
        try:
            yield trainings, count
        finally:
            trainings.close()


class Trainings:
    def __init__(
        self,
        run: Run,
        store: Store,
        make_executor: Callable[[], Executor],
        lease: Lease,
        wish: Wish,
        say: Callable[[str], None],
        deterministic: bool = False,
    ) -> None:
        self.deterministic = deterministic
        self.run, self.store, self.make_executor, self.lease = run, store, make_executor, lease
        self.wish, self.say = wish, say
        self.folder = run.folder / FOLDER
        self.folder.mkdir(parents=True, exist_ok=True)
        self.curves = read(self.folder / "curves.jsonl")
        self.tested = bool(len(store.split("test")))
        self.executor: Executor | None = None
        self.wanted: dict[str, Job] = {}  # by network, in the order of asking
        self.running: dict[int, Legs] = {}
        self.begun = 0

    def known(self, request: Request) -> Curve | None:
        curve = self.curves.get(fingerprint(self.job(request)))
        if curve is None or (len(curve.validation_mae) < request.until and not curve.failed):
            return None
        return curve.first(request.until)

    def want(self, request: Request) -> None:
        job = self.job(request)
        before = self.wanted.get(job.folder.name)
        if before is None or before.until < job.until:
            self.wanted[job.folder.name] = job

    def job(self, request: Request) -> Job:
        job = Job(
            number=0,
            architecture=architecture(self.run.preset, request.point),
            training=self.run.preset.training,
            seed=request.seed,
            store=self.store.path,
            data=self.store.digest,
            image_px=self.store.image_px,
            folder=self.folder,
            until=request.until,
            test=self.tested,
            deterministic=self.deterministic,
            lease=self.lease.path,
            token=self.lease.owner.token,
        )
        return replace(job, folder=self.folder / "trials" / fingerprint(job))

    def wait(self) -> None:
        """Until another training has come to where it was to go. Raises Stopped where the wish came true."""
        if self.executor is None:
            self.executor = self.make_executor()
        asked = False
        while not self.wish.signal or self.running:
            self.start(self.executor)
            if not self.running:
                return
            ended = [self.handle(message) for message in self.executor.wait(POLL_SECONDS)]
            self.lease.refresh()
            if self.wish.signal and not asked:
                asked = True
                self.executor.stop()
                self.say("stopping after the epochs that are running; press Ctrl-C again to stop at once")
            elif any(ended) and not self.wish.signal:
                return
        raise Stopped(self.wish)

    def start(self, executor: Executor) -> None:
        busy = {training.job.folder.name for training in self.running.values()}
        for network in [network for network in self.wanted if network not in busy]:
            if self.wish.signal or len(self.running) >= executor.workers:
                return
            job = replace(self.wanted.pop(network), number=self.begun)
            self.begun += 1
            self.running[job.number] = Legs(job=job)
            executor.start(job)

    def handle(self, message: Message) -> bool:
        """Whether a training has come to its end, or to where it was to leave."""
        self.lease.check()
        training = self.running[message.number]
        match message:
            case EpochDone():
                training.attempts = 0
                training.epochs.append(message)
            case Resumed():
                training.resume(len(message.epochs))
                training.epochs.extend(message.epochs)
            case Remark():
                self.say(f"{training.job.folder.name}: {message.sentence}")
            case Finished():
                return self.ended(training, test_mae=self.test_mae(training.job))
            case Paused():
                if len(training.epochs) >= training.job.until:
                    return self.ended(training)
                del self.running[message.number]  # it was asked to leave
            case Failed() if training.goes_on_after(message):
                training.lose_leg()
                assert self.executor is not None
                if self.wish.signal:
                    del self.running[message.number]
                else:
                    self.executor.start(training.job)
            case Failed():
                self.say(f"{training.job.folder.name}: {what_happened(message)}")
                return self.ended(training, failed=message.reason)
            case Halted():
                raise halting(message)
            case Crashed():
                raise TrialCrashed(message, training.job.folder / "log.txt")
        return False

    def ended(self, training: Legs, test_mae: float | None = None, failed: str = "") -> bool:
        del self.running[training.job.number]
        epochs = training.epochs
        curve = Curve(
            tuple(epoch.validation_mae for epoch in epochs),
            tuple(epoch.train_mae for epoch in epochs),
            tuple(epoch.seconds for epoch in epochs),
            test_mae,
            failed,
        )
        network = training.job.folder.name
        append(self.folder / "curves.jsonl", network, curve)
        self.curves[network] = curve
        if failed or len(epochs) == training.job.training.epochs:
            checkpoint.clear(training.job.folder)
        return True

    def test_mae(self, job: Job) -> float | None:
        if not self.tested:
            return None
        predictions = load_predictions(job.folder / TEST)
        return float(np.abs(predictions - self.store.split("test").age_months).mean())

    def close(self) -> None:
        if self.executor:
            self.executor.close()


def append(path: Path, network: str, curve: Curve) -> None:
    with path.open("a") as file:
        file.write(json.dumps({"network": network} | asdict(curve)) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> dict[str, Curve]:
    """By network, the last line of each; a line that was being written at a kill counts as not written."""
    curves: dict[str, Curve] = {}
    lines: Sequence[str] = path.read_text().splitlines() if path.exists() else []
    for line in lines:
        try:
            values = json.loads(line)
            curves[values["network"]] = Curve(
                tuple(map(float, values["validation_mae"])),
                tuple(map(float, values["train_mae"])),
                tuple(map(float, values["seconds"])),
                values["test_mae"],
                values["failed"],
            )
        except (KeyError, TypeError, ValueError):  # a line that does not say a curve: it is trained again
            continue
    return curves
