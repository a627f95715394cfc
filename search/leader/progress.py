"""Whom a leader tells what happens, and on which terms it runs."""

from collections.abc import Callable
from dataclasses import dataclass, field

from search.stopping import Wish
from search.workers.job import EpochDone, Job, Resumed
from studies.study import Decision, Trial


@dataclass(frozen=True)
class Progress:
    """Whom the engine tells what happens; each is called with plain values."""

    study: Callable[[str, str], None]  # name, what is to come
    started: Callable[[str, Job, int, str], None]  # study, the trial's job, trials expected, what it is
    resumed: Callable[[str, Resumed], None]  # study, message with the epochs it had finished before
    epoch: Callable[[str, EpochDone, int], None]  # study, message, epochs in all
    ended: Callable[[str, Trial], None]
    decided: Callable[[str, Decision], None]
    said: Callable[[str], None]  # a sentence about the search as a whole


@dataclass(frozen=True)
class Terms:
    """How a study is run, which does not change what it finds."""

    deterministic: bool = False
    trial_timeout: float = 0.0  # seconds a trial may take, all its legs together; 0 is no limit
    take_over: bool = False  # of a study whose owner cannot be seen to be gone
    wish: Wish = field(default_factory=Wish)


PLAIN_TERMS = Terms()
