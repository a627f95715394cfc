"""A budget kept while a search runs: before each study what is left is planned anew, by the epoch times measured so far.

`plan` asks here, too, what a run that has begun has done and what is left of it.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from optuna.trial import FrozenTrial

from search.leader.guards import refuse_other_settings
from search.leader.timings import macs_of, measured
from search.planning.amount import Budget
from search.planning.budget import AFTERWARDS, STAYING, TRIALS, Design, afterwards, changes, design, reaches
from search.planning.images import Images, images_of
from search.planning.plan import Plan, Rate, assumed, plan
from search.run import REFUSED, Run, alike, set_by_a_budget
from search.storage.opening import open_storage
from search.storage.records import counted, decisions, load, trials_now
from search.storage.status import has_begun
from search.workers.step_time import rate_of_steps
from studies.order import EVERY, preset_of
from studies.preset import Preset
from studies.study import Decision, Trial


@dataclass(frozen=True)
class SoFar:
    """What a run has done."""

    decisions: dict[str, Decision]  # by study
    trials: dict[str, list[Trial]]
    trained: list[
        FrozenTrial
    ]  # by this program, of all studies, unfinished ones too; results that were taken over are none

    @property
    def begun(self) -> bool:
        return any(self.trials.values())

    def left(self, preset: Preset, images: Images, rate: Rate, workers: int, deterministic: bool) -> Plan:
        """Of a search with this preset."""
        return plan(preset, images, rate, workers, deterministic, self.decisions, self.trials)

    def to_dict(self) -> dict[str, Any]:
        return {
            name: {"trials": sum(trial.finished for trial in trials), "decided": name in self.decisions}
            for name, trials in self.trials.items()
        }


def so_far(run: Run) -> SoFar:
    """Raises StudyError where its trials were made under other settings than the run has now."""
    if not has_begun(run):
        return SoFar({}, {}, [])
    storage = open_storage(run.storage)
    studies = {name: study for name in EVERY if (study := load(storage, name, run.folder))}
    for name, study in studies.items():
        settings = json.loads(
            json.dumps(alike(run, preset_of(name, run.preset).reference))
        )  # as the storage holds them
        del settings["weights"]  # there it is what the file holds
        refuse_other_settings(study, name, settings)
    every = [trial for study in studies.values() for trial in counted(study)]
    return SoFar(
        decisions(storage, run.folder, EVERY),
        {name: trials_now(run, name, study) for name, study in studies.items()},
        [trial for trial in every if "copied_from" not in trial.user_attrs],
    )


def staying(run: Run, done: SoFar) -> dict[str, Any]:
    """What a budget has set and no other may set anew, once trials were made by it."""
    return {name: getattr(run.preset, name) for name in STAYING if done.begun}


def settled(run: Run, done: SoFar) -> dict[str, Any]:
    """The numbers of trials with which studies have decided: with more of them they would train on, and decide anew. What has been done
    after the search stays asked for."""
    asked = {f"{EVERY[name].COMMAND}_trials" for name in done.decisions}
    names = [*(name for name in TRIALS if name in asked), *done_afterwards(done)]
    return {name: getattr(run.preset, name) for name in names}


def done_afterwards(done: SoFar) -> list[str]:
    """What asks for the studies after the search that are decided."""
    return [field for field, one in AFTERWARDS.items() if one.study in done.decisions]


def refuses_ablation(run: Run) -> bool:
    """Whether somebody has said that the winner's blocks are not to be ablated: whatever a budget has set is nobody's word."""
    return REFUSED in run.overrides.items() and REFUSED[0] not in run.wanted


def without_budget(run: Run) -> Run:
    """The run of a command that names no budget: what was asked for, but for what stays of a search that has begun."""
    if not run.wanted:
        return run
    done = so_far(run)
    return set_by_a_budget(run, run.wanted | staying(run, done) | settled(run, done))


def said_without(planned: Run, run: Run) -> list[str]:
    """What such a command changes of what an earlier budget had planned, as a sentence; none where it changes nothing."""
    changed = changes(planned.preset, run.preset)
    fields = ", ".join(
        f"{name} {value} (the budget had {getattr(planned.preset, name)})" for name, value in changed.items()
    )
    return [f"without --budget the search uses the settings asked for before the budget: {fields}"] * bool(fields)


@dataclass
class KeptBudget:
    """Of the whole run, with what earlier commands have spent."""

    budget: Budget
    run: Run  # as it was planned last
    workers: int
    deterministic: bool = False
    began: datetime = field(default_factory=datetime.now)
    rate: Rate | None = None  # while nothing is measured; None: of steps that are timed at the beginning
    before: float | None = None  # what earlier commands have spent, and this one before it first asked
    preparing_seconds: float = 0.0  # of this command, before anything could be planned

    def planned(self, after_all: bool = False) -> tuple[Run, Design]:
        """The run with the preset that the rest of the budget pays for, and what that is; `after_all`, once the search has decided.

        Every time by what was asked for, whatever was planned before: what is begun stays, the rest is planned anew. Raises StudyError
        where nothing has begun and the budget is too small.
        """
        images = images_of(self.run)
        rate = measured(self.run, self.workers) or self.first_rate(images)
        done, asked = so_far(self.run), self.run.wish
        wish, decided = replace(asked, **staying(self.run, done)), settled(self.run, done)
        spent, trained = self.spent(done.trained, rate), sum(trial.state.is_finished() for trial in done.trained)
        # What was cut stays cut once the search has begun: then the budget has not paid for all that was asked for, whatever is left of it.
        whole = reaches(replace(wish, **decided), asked)
        spare = whole and not (asked.ablate_winner or refuses_ablation(self.run))

        def left(preset: Preset) -> Plan:
            return done.left(preset, images, rate, self.workers, self.deterministic)

        if after_all:
            wish = replace(wish, **decided)
            found = afterwards(wish, self.budget, left, spent, done_afterwards(done), trained, spare)
        else:
            found = design(wish, self.budget, left, spent, done.begun, trained, spare)
            found = replace(found, preset=replace(found.preset, **decided))
        self.run = set_by_a_budget(self.run, changes(self.run.preset, found.preset))
        return self.run, found

    def first_rate(self, images: Images) -> Rate:
        """While nothing is measured; where the budget is in epochs, nothing depends on it."""
        if self.rate is None:
            by_time = self.budget.unit == "seconds"
            self.rate = rate_of_steps(self.run, images, self.workers) if by_time else assumed(images)
        return self.rate

    def spent(self, trained: Sequence[FrozenTrial], rate: Rate) -> float:
        """Of time what earlier commands have trained, and all of this one: its preparing, and what passed since it was first asked."""
        if self.budget.unit == "epochs":
            return float(sum(len(trial.intermediate_values) for trial in trained))
        if self.before is None:
            self.before = seconds_together(trained, rate, self.workers) + self.preparing_seconds
            return self.before
        return self.before + (datetime.now() - self.began).total_seconds()


def seconds_together(trained: Sequence[FrozenTrial], rate: Rate, workers: int) -> float:
    """What trainings took of the run's time: as long as any of them ran, and no less than what so many workers need for all of them."""
    shared = sum(seconds_of(trial, rate, workers) for trial in trained)
    spans = sorted(span(trial, seconds_alone(trial, rate)) for trial in trained if trial.datetime_start)
    covered, until = 0.0, -math.inf
    for began, ended in spans:
        covered += max(ended - max(began, until), 0.0)
        until = max(until, ended)
    return max(shared, covered)


def span(trial: FrozenTrial, took: float) -> tuple[float, float]:
    """When it trained, in seconds. It has as many as it `took`: from its beginning to its end would count the nights in which nothing ran."""
    if trial.datetime_complete:
        ended = trial.datetime_complete.timestamp()
        return ended - took, ended
    assert trial.datetime_start
    began = trial.datetime_start.timestamp()
    return began, began + took


def seconds_of(trial: FrozenTrial, rate: Rate, workers: int) -> float:
    """The least that a training took of the run's time: as if all workers had been busy.

    Without a number of workers it counts as by `workers`.
    """
    return seconds_alone(trial, rate) / max(trial.user_attrs.get("workers") or workers, 1)


def seconds_alone(trial: FrozenTrial, rate: Rate) -> float:
    """All epochs of all its legs. A training that has not ended, was ended early or failed has not left its time, and counts by the epochs
    that it reached."""
    attrs = trial.user_attrs
    epoch_seconds = rate.epoch_seconds(macs_of(attrs))
    return float(attrs.get("seconds") or epoch_seconds * len(trial.intermediate_values))
