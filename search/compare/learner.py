"""Learning curves that are trained when first asked for, in processes of their own, and never twice.

`compare/` in the run's folder has a folder for each training, and `curves.jsonl`: a line whenever one has come to the
epoch it was to reach. So whatever is killed, the same command knows what it knew, and goes on from the checkpoints.
"""

import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from data.store.disk import Store
from models.pretrained.file import checked
from search.compare.curves import Curve, Request, judged
from search.lease import Lease, held
from search.run import Run, record_beside
from search.show.progress import counting
from search.workers.executor import Executor
from search.workers.job import Failed, Finished, Job, fingerprint, what_happened, without_answers
from search.workers.left import checkpoint
from search.workers.left.best import TEST, load_predictions
from search.workers.supervisor import Events, StopRequest, Supervised, Supervisor, stop_on_signals
from studies.joint import architecture

FOLDER = "compare"  # in the run's folder


@contextmanager
def underway(
    run: Run,
    store: Store,
    what: str,
    make_executor: Callable[[], Executor],
    remembered: Run | None = None,
) -> Iterator[tuple["Trainings", Callable[[int, int], None]]]:
    """Trainings of the run, which is held and remembered meanwhile; and whom to tell how many of `what` are done, of how many.

    `remembered` is the run as later commands are to find it, where that is not as it is now.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    with held(run.folder, FOLDER, kind="work") as lease, stop_on_signals() as stop, counting(what) as (count, say):
        if alone := record_beside(remembered or run):
            say(alone)
        trainings = Trainings(run, store, make_executor, lease, stop, say)
        with trainings.supervisor:
            yield trainings, count


class Trainings(Events[Supervised]):
    most_seeds = 0  # any number

    def __init__(
        self,
        run: Run,
        store: Store,
        make_executor: Callable[[], Executor],
        lease: Lease,
        stop: StopRequest,
        say: Callable[[str], None],
    ) -> None:
        self.run, self.store, self.lease, self.say = run, store, lease, say
        self.supervisor = Supervisor(self, make_executor, lease, stop)
        self.folder = run.folder / FOLDER
        self.folder.mkdir(parents=True, exist_ok=True)
        self.curves = read(self.folder / "curves.jsonl")
        self.tested = bool(len(store.split("test")))
        self.wanted: dict[str, Job] = {}  # by network, in the order of asking
        self.begun = self.done = 0  # trainings of this process

    def known(self, request: Request) -> Curve | None:
        curve = self.curves.get(fingerprint(self.job(request)))
        if curve is None or (len(curve.validation_mae) < request.until and not curve.failed):
            return None
        return judged(curve, self.run.preset.training.epochs).first(request.until)

    def want(self, request: Request) -> None:
        job = self.job(request)
        before = self.wanted.get(job.folder.name)
        if before is None or before.until < job.until:
            self.wanted[job.folder.name] = job

    def job(self, request: Request) -> Job:
        training, network = self.run.preset.training, architecture(self.run.preset, request.point)
        job = Job(
            number=0,
            architecture=network,
            training=training,
            weights_digest=checked(training, network.family),
            seed=request.seed,
            store=self.store.path,
            data=self.store.digest,
            image_px=self.store.image_px,
            folder=self.folder,
            until=request.until,
            test=self.tested,
            deterministic=self.run.deterministic,
            lease=self.lease.path,
            token=self.lease.owner.token,
        )
        return replace(job, folder=self.folder / "trials" / fingerprint(job))

    def wait(self) -> None:
        """Until another training has come to where it was to go. Raises Stopped where a stop request came first."""
        before = self.done
        self.supervisor.run(self.next_one, lambda: self.done > before)

    def next_one(self) -> Supervised | None:
        busy = {one.job.folder.name for one in self.supervisor.running.values()}
        network = next((network for network in self.wanted if network not in busy), None)
        if network is None:
            return None
        job = replace(self.wanted.pop(network), number=self.begun)
        self.begun += 1
        return Supervised(job=job, label=network)

    def said(self, sentence: str) -> None:
        self.say(sentence)

    def finished(self, one: Supervised, message: Finished) -> None:
        if failed := without_answers(message.number, one.epochs):  # as in a search
            self.failed(one, failed)
            return
        self.keep(one, test_mae=self.test_mae(one.job))

    def failed(self, one: Supervised, message: Failed) -> None:
        self.say(f"{one.label}: {what_happened(message)}")
        self.keep(one, failed=message.reason)

    def paused(self, one: Supervised) -> None:
        if one.job.until and len(one.epochs) >= one.job.until:
            self.keep(one)

    def keep(self, one: Supervised, test_mae: float | None = None, failed: str = "") -> None:
        """A training's curve, as far as it was to go."""
        curve = Curve(
            tuple(epoch.validation_mae for epoch in one.epochs),
            tuple(epoch.train_mae for epoch in one.epochs),
            tuple(epoch.seconds for epoch in one.epochs),
            test_mae,
            failed,
        )
        network = one.job.folder.name
        append(self.folder / "curves.jsonl", network, curve)
        self.curves[network] = curve
        self.done += 1
        if failed or len(one.epochs) == one.job.training.epochs:
            checkpoint.clear(one.job.folder)

    def test_mae(self, job: Job) -> float | None:
        if not self.tested:
            return None
        predictions = load_predictions(job.folder / TEST)
        error = float(np.abs(predictions - self.store.split("test").age_months).mean())
        return error if math.isfinite(error) else math.inf


def append(path: Path, network: str, curve: Curve) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"network": network} | asdict(curve)) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> dict[str, Curve]:
    """By network, the last line of each; a line that was being written at a kill counts as not written."""
    curves: dict[str, Curve] = {}
    lines: Sequence[bytes] = path.read_bytes().splitlines() if path.exists() else []
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
        except (
            KeyError,
            TypeError,
            ValueError,
            RecursionError,
        ):  # a line that does not say a curve: it is trained again
            continue
    return curves
