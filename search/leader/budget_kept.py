"""A budget kept while a search runs: before each study what is left is planned anew, by the epoch times measured so far."""

from dataclasses import dataclass, field, replace
from datetime import datetime

import optuna

from search.leader.timings import measured
from search.planning.budget import Budget, Design, changes, design
from search.planning.images import Images, images_of
from search.planning.plan import Rate, assumed, plan
from search.run import Run
from search.storage.opening import open_storage
from search.storage.records import decisions, load, trials_of
from search.storage.status import storage_exists
from search.workers.step_time import rate_of_steps
from studies.order import EVERY


@dataclass
class KeptBudget:
    """Of the whole run, with what earlier commands have spent."""

    budget: Budget
    run: Run  # as the command was given
    workers: int
    deterministic: bool = False
    began: datetime = field(default_factory=datetime.now)
    rate: Rate | None = None  # of steps that were timed at the beginning

    def planned(self) -> tuple[Run, Design]:
        """The run with the preset that the rest of the budget pays for, and what that is.

        Raises StudyError where nothing has begun and the budget is too small.
        """
        run, images = self.run, images_of(self.run)
        rate = measured(run, self.workers) or self.first_rate(images)
        storage = open_storage(run.storage) if storage_exists(run) else None
        made = decisions(storage, run.folder) if storage else {}
        studies = {name: study for name in EVERY if storage and (study := load(storage, name, run.folder))}
        trials = {name: trials_of(study) for name, study in studies.items()}
        begun = any(trials.values())
        found = design(
            run.preset,
            self.budget,
            lambda preset: plan(preset, images, rate, self.workers, self.deterministic, made, trials),
            self.spent(list(studies.values())),
            begun,
        )
        overrides = run.overrides | changes(run.preset, found.preset)
        if not begun:  # from then on its seeds stay, whatever is planned
            seeds = replace(run.preset, seeds=found.preset.seeds, resolve=found.preset.resolve)
            self.run = replace(run, preset=seeds, overrides=run.overrides | changes(run.preset, seeds))
        return replace(run, preset=found.preset, overrides=overrides), found

    def first_rate(self, images: Images) -> Rate:
        """While nothing is measured; where the budget is in epochs, nothing depends on it."""
        if self.rate is None:
            by_time = self.budget.unit == "seconds"
            self.rate = rate_of_steps(self.run, images, self.workers) if by_time else assumed(images)
        return self.rate

    def spent(self, studies: list[optuna.Study]) -> float:
        trials = [trial for study in studies for trial in study.get_trials(deepcopy=False)]
        trained = [trial for trial in trials if "copied_from" not in trial.user_attrs]
        if self.budget.unit == "epochs":
            return float(sum(len(trial.intermediate_values) for trial in trained))
        worked = sum(
            (ended - started).total_seconds()
            for trial in trained
            if (ended := trial.datetime_complete) and (started := trial.datetime_start) and ended < self.began
        )
        return worked / self.workers + (datetime.now() - self.began).total_seconds()
