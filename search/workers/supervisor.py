"""The one conversation with workers: jobs begin, are heard, resume after a kill, and come to an end.

A job goes through one leg or several: a worker that is killed is started again, and goes on from its checkpoint. What differs
between a study, a comparison and a single training is what they do with an epoch and with an end: their `Events`.

A stop request is Ctrl-C, or SIGTERM, which a cluster sends before it takes a machine away. Once: the running jobs finish their
epoch, leave a checkpoint, and all ends. Twice: it ends now. The handler only takes note, since it may run in the middle of
anything; the supervisor looks at the note.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Generic, TypeVar

from search.lease import Lease
from search.workers.executor import Executor
from search.workers.job import (
    ATTEMPTS,
    RESUMED_AFTER,
    Crashed,
    EpochDone,
    ExecutorGone,
    Failed,
    Finished,
    Halted,
    Job,
    Message,
    Paused,
    Remark,
    Resumed,
    TrialCrashed,
    halting,
    what_happened,
)
from search.workers.starting import LOG
from studies.preset import StudyError

POLL_SECONDS = 1.0  # how soon a stop request is noticed
SAME_SECONDS = 10.0  # a cluster sends SIGTERM to the job's script, which sends it on, and to the search itself: that is one request


class StopRequest:
    signal = 0  # the number of the first one; 0 while nobody wants to stop


class Stopped(KeyboardInterrupt):
    """All has stopped as it was asked to; the same command continues it."""

    def __init__(self, stop: StopRequest) -> None:
        self.exit_code = 128 + stop.signal


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """In the main thread: a signal becomes a stop request, a second one KeyboardInterrupt, until the block ends."""
    stop, asked = StopRequest(), 0.0

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if not stop.signal:
            stop.signal, asked = number, time.monotonic()
        elif not (number == stop.signal == signal.SIGTERM and time.monotonic() - asked < SAME_SECONDS):
            raise KeyboardInterrupt

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(kw_only=True)
class Supervised:
    """A job while it runs, leg after leg."""

    job: Job
    label: str  # what people call it: trial 3
    started: float = field(default_factory=time.monotonic)  # this leg
    epochs: list[EpochDone] = field(default_factory=list)
    resumed: int = 0  # how many of them are of earlier legs
    attempts: int = 0  # ends since the last epoch that the job went on after
    ending: str = ""  # why it is being ended, as EXIT_REASONS say; what it still tells is not heard

    def resume(self, finished: int) -> None:
        """The worker says that so many epochs were finished before; they are added again."""
        self.epochs, self.resumed, self.started = [], finished, time.monotonic()

    def goes_on_after(self, failed: Failed) -> bool:
        """Whether this end says nothing about the network, and has not come too often."""
        return failed.reason in RESUMED_AFTER and self.attempts + 1 < ATTEMPTS

    def lose_leg(self) -> None:
        """The worker is gone; the next one says where it goes on."""
        self.attempts += 1
        self.epochs, self.resumed = [], 0

    def overdue(self, limit_seconds: float) -> bool:
        """Whether all legs together have taken longer than this; 0 is no limit."""
        before = sum(epoch.seconds for epoch in self.epochs[: self.resumed])
        return 0 < limit_seconds < before + time.monotonic() - self.started


Kind = TypeVar("Kind", bound=Supervised)


class Events(Generic[Kind]):
    """What the supervisor tells. A job runs no more when its end is told, which is told once: by one of the last four."""

    def said(self, sentence: str) -> None:
        """Something that a person should know."""

    def resumed(self, one: Kind, message: Resumed) -> None:
        """It goes on from its checkpoint; the epochs that it had finished are told next."""

    def epoch(self, one: Kind, epoch: EpochDone, again: bool) -> str:
        """The last of `one.epochs`; `again` where an earlier leg trained it. A reason to end the job now, or nothing."""
        return ""

    def finished(self, one: Kind, message: Finished) -> None:
        """It has trained to its end."""

    def failed(self, one: Kind, message: Failed) -> None:
        """It has ended without a result."""

    def paused(self, one: Kind) -> None:
        """It has left at an epoch, because it was asked to; it can go on from its checkpoint."""

    def ended(self, one: Kind) -> None:
        """It has been ended for the reason `one.ending`."""


class Supervisor(Generic[Kind]):
    def __init__(
        self,
        events: Events[Kind],
        make_executor: Callable[[], Executor],
        lease: Lease,
        stop: StopRequest,
        trial_timeout: float = 0.0,
    ) -> None:
        """Workers are made when there is something to train; `trial_timeout` in seconds, 0 is no limit."""
        self.events, self.make_executor, self.lease, self.stop = events, make_executor, lease, stop
        self.trial_timeout = trial_timeout
        self.running: dict[int, Kind] = {}  # by the job's number
        self.executor: Executor | None = None
        self.asked_to_stop = False

    def __enter__(self) -> "Supervisor[Kind]":
        return self

    def __exit__(self, *_: object) -> None:
        if self.executor:
            self.executor.close()

    @property
    def workers(self) -> int:
        return self.executor.workers if self.executor else 1

    def run(self, next_one: Callable[[], Kind | None], enough: Callable[[], bool] = lambda: False) -> None:
        """Keep the workers busy with what `next_one` gives, until it gives nothing more and all has ended, or it is enough.

        Raises Stopped once all has ended because of a stop request; StudyError where no job can go on, TrialCrashed for a bug
        in a worker, Fenced where the lease is lost.
        """
        while not enough():
            while not self.stop.signal and len(self.running) < self.workers and (one := next_one()):
                self.start(one)
            if not self.running:
                if self.stop.signal:
                    raise Stopped(self.stop)
                return
            self.step()

    def start(self, one: Kind) -> None:
        if self.executor is None:
            self.executor = self.make_executor()
        self.running[one.job.number] = one
        self.executor.start(one.job)

    def step(self) -> None:
        """What the workers have said meanwhile, the lease, the time limit and the stop request, once."""
        assert self.executor is not None
        try:
            messages = self.executor.wait(POLL_SECONDS)
        except ExecutorGone:
            if self.stop.signal:  # the signal has ended it, too
                raise Stopped(self.stop) from None
            raise
        for message in messages:
            self.hear(message, self.executor)
        self.lease.refresh()
        for number, one in self.running.items():
            if one.overdue(self.trial_timeout):
                self.executor.kill(number, "timed_out")
        if self.stop.signal and not self.asked_to_stop:
            self.asked_to_stop = True
            self.executor.stop()
            self.events.said("stopping after the epochs that are running; press Ctrl-C again to stop at once")

    def hear(self, message: Message, executor: Executor) -> None:
        self.lease.check()
        one = self.running[message.number]
        match message:
            case Remark():
                self.events.said(f"{one.label}: {message.sentence}")
            case Halted():
                raise halting(message)
            case Crashed():
                raise TrialCrashed(message, one.job.folder / LOG)
            case EpochDone() | Resumed() if one.ending:
                pass  # it went on for a moment before it was ended
            case EpochDone():
                one.attempts = 0
                self.count(one, message, executor)
            case Resumed():
                one.resume(len(message.epochs))
                self.events.resumed(one, message)
                for epoch in message.epochs:
                    self.count(one, epoch, executor, again=True)
            case Failed() if one.goes_on_after(message) and not one.ending:
                one.lose_leg()
                self.events.said(f"{one.label}: {what_happened(message)}; resuming from its checkpoint")
                if self.stop.signal:
                    self.over(one, Paused(message.number))
                else:
                    executor.start(one.job)
            case Failed() if message.reason == "device_error" and not one.ending:
                raise StudyError(f"{one.label}: {what_happened(message)}, {ATTEMPTS} times: no trial would go on")
            case Finished() | Failed() | Paused():
                self.over(one, message)

    def count(self, one: Kind, epoch: EpochDone, executor: Executor, again: bool = False) -> None:
        if one.ending:
            return
        one.epochs.append(epoch)
        one.ending = self.events.epoch(one, epoch, again)
        if one.ending:
            executor.kill(epoch.number, one.ending)

    def over(self, one: Kind, message: Finished | Failed | Paused) -> None:
        del self.running[message.number]
        match message:
            case _ if one.ending:
                self.events.ended(one)
            case Finished():
                self.events.finished(one, message)
            case Failed():
                self.events.failed(one, message)
            case Paused():
                self.events.paused(one)
