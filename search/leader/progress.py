"""Who is told by a leader what happens, and the terms on which it runs."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from data.shown import one_line
from search.workers.job import EpochDone, Job, Resumed
from search.workers.supervisor import StopRequest
from studies.study import Decision, Trial

if TYPE_CHECKING:  # `prepare` shows its progress too, and needs no database
    from search.leader.opened import Ending, OpenStudy


def nothing(*_: object) -> None:
    """For whoever need not be told."""


@dataclass(frozen=True)
class Progress:
    """Whom the engine tells what happens; each is called with plain values, in the leader, which waits for it."""

    study: Callable[[str, str], None] = nothing  # name, what is to come
    started: Callable[[str, Job, int, str], None] = nothing  # study, the trial's job, trials expected, what it is
    resumed: Callable[[str, Resumed], None] = nothing  # study, message with the epochs it had finished before
    epoch: Callable[[str, EpochDone, int], None] = nothing  # study, message, epochs in all
    ended: Callable[[str, Trial], None] = nothing
    decided: Callable[[str, Decision], None] = nothing
    said: Callable[[str], None] = nothing  # a sentence about the search as a whole
    # For those who leave something beside what the leader stores: they are given the stored study itself.
    opened: Callable[["OpenStudy"], None] = nothing  # before its first trial
    set_aside: Callable[["OpenStudy", int, str], None] = (
        nothing  # Optuna's id of a trial, why it is not trained, or left out
    )
    ending: Callable[["OpenStudy", "Ending"], None] = nothing  # before the trial's end is told
    concluded: Callable[["OpenStudy", Decision], None] = nothing  # once the decision is stored


def observed(progress: Progress, observer: Progress, name: str) -> Progress:
    """The same progress, which then tells an observer that is not ours, such as one that logs to MLflow; `name` is for people.

    No search ends because of it: what it raises is said once, and from then on it is told nothing.
    """
    failed: list[Exception] = []

    def both(event: str) -> Callable[..., None]:
        ours, theirs = getattr(progress, event), getattr(observer, event)

        def tell(*facts: object) -> None:
            ours(*facts)
            if failed:
                return
            try:
                theirs(*facts)
            except Exception as error:
                failed.append(error)
                progress.said(
                    f"{name} failed at {event!r} and is told nothing more; the search continues: {raised(error)}"
                )

        return tell

    return Progress(**{each.name: both(each.name) for each in fields(Progress)})


def raised(error: Exception) -> str:
    """What an observer raised, and in which of its lines."""
    _, *inside = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(inside[0].filename).name}, line {inside[0].lineno})" if inside else ""
    return f"{type(error).__name__}: {one_line(str(error))}{where}"


@dataclass(frozen=True)
class Terms:
    """How a study is run; what it finds changes by none of it, but for the digits of `deterministic`, which a run then keeps."""

    deterministic: bool = False
    trial_timeout: float = 0.0  # seconds a trial may take, all its legs together; 0 is no limit
    take_over: bool = False  # of a study whose owner cannot be seen to be gone
    stop: StopRequest = field(default_factory=StopRequest)


PLAIN_TERMS = Terms()
