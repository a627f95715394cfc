"""Whom a leader tells what happens, and on which terms it runs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from search.workers.job import EpochDone, Job, Resumed
from search.workers.supervisor import StopRequest
from studies.study import Decision, Trial

if TYPE_CHECKING:  # `prepare` shows its progress too, and needs no database
    from search.leader.opened import Ending, OpenStudy


def nothing(*_: object) -> None:
    """For whoever need not be told."""


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
    # For those who leave something beside what the leader stores: they are given the stored study itself.
    opened: Callable[["OpenStudy"], None] = nothing  # before its first trial
    set_aside: Callable[["OpenStudy", int, str], None] = (
        nothing  # Optuna's id of a trial, why it is not trained, or left out
    )
    ending: Callable[["OpenStudy", "Ending"], None] = nothing  # before the trial's end is told
    concluded: Callable[["OpenStudy", Decision], None] = nothing  # once the decision is stored


@dataclass(frozen=True)
class Terms:
    """How a study is run, which does not change what it finds."""

    deterministic: bool = False
    trial_timeout: float = 0.0  # seconds a trial may take, all its legs together; 0 is no limit
    take_over: bool = False  # of a study whose owner cannot be seen to be gone
    stop: StopRequest = field(default_factory=StopRequest)


PLAIN_TERMS = Terms()
