"""A job on its way through one leg or several: a worker that is killed goes on in the next from its checkpoint."""

import time
from dataclasses import dataclass, field

from search.workers.job import ATTEMPTS, RESUMED_AFTER, EpochDone, Failed, Job


@dataclass(kw_only=True)
class Legs:
    job: Job
    started: float = field(default_factory=time.monotonic)  # this leg
    epochs: list[EpochDone] = field(default_factory=list)
    resumed: int = 0  # how many of them are of earlier legs
    attempts: int = 0  # ends since the last epoch that the job went on after

    def resume(self, finished: int) -> None:
        """The worker says that so many epochs were finished before; they are to be added again."""
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
