"""What a report is made of: a run's studies, trials, decisions and models, read once from its storage and folder.

Nothing is started, prepared or changed, and no TensorFlow is imported. What a run has not come to yet is absent here, and the
report says so.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState

from data.named_source import expanded
from data.store.disk import Store, is_store, open_store
from models.architecture import Architecture
from models.cost import Cost
from search.audit.remembered import worries_of
from search.output.confirmed import confirmed_words
from search.run import MODELS, PREPARED, TRIALS, Run
from search.storage.checked.trained import Means
from search.storage.opening import open_storage
from search.storage.records import counted, given, left_out, load, seen
from search.storage.status import CONFIRMATION, all_asked, next_command, refuse_missing, status, storage_exists
from search.storage.stored import DECIDED_UNDER, an_object, meaning, settings_of
from search.storage.told import LeftOut
from search.trained.folder import ABOUT, models_of, read_about
from search.trained.left.begun import begun
from search.workers.left.best import errors_of
from studies.around.confirmation import ConfirmationFindings
from studies.caps import Cap
from studies.findings import Choice
from studies.order import EVERY, LAST, comes, stored_decision, study_name
from studies.preset import RANGES, Preset
from studies.study import SEED, Decision, Given, Trial, best_of, pool

MARGINS = ("margin_months", "equivalence_months")
LEAST_FOR_IMPORTANCE = 20  # complete trials; PED-ANOVA looks at the best tenth of them, and one or two are no sample


@dataclass(frozen=True)
class Recorded:
    """One trial as the storage has it."""

    trial: Trial
    attrs: Mapping[str, Any]  # flat scalars, as the engine wrote them
    began: datetime | None
    ended: datetime | None

    is_led: bool = True  # whether a leader runs its study

    @property
    def state(self) -> str:
        """Running, interrupted, complete, pruned or failed."""
        return self.trial.state if self.trial.finished or self.is_led else "interrupted"

    @property
    def copied_from(self) -> str:
        return str(self.attrs.get("copied_from", ""))


@dataclass(frozen=True)
class StudyReport:
    name: str
    status: Mapping[str, Any]  # as `status --json` has it
    trials: tuple[Recorded, ...] = ()
    attrs: Mapping[str, Any] | None = None
    given: Given | None = None
    importance: Mapping[str, float] | None = None  # by parameter; None where too few trials tell
    left_out: tuple[LeftOut, ...] = ()  # trials that somebody else has ended or changed
    study: optuna.Study | None = None  # as the storage has it, for Optuna's own figures

    @property
    def label(self) -> str:
        return study_name(self.name)

    @property
    def decision(self) -> Decision | None:
        return stored_decision(self.name, self.status["decision"]) if self.status["decision"] else None

    @property
    def means(self) -> Means | None:
        return meaning(EVERY[self.name], self.given) if self.given else None

    @cached_property
    def pooled(self) -> list[Trial]:
        """One trial for each point: of the seeds that have ended, where a study is not that far."""
        return pool([recorded.trial for recorded in self.trials])

    def architecture(self, trial: Trial) -> Architecture:
        assert self.given is not None
        return EVERY[self.name].architecture(self.given, trial.point)

    def cost(self, trial: Trial) -> Cost:
        assert self.given is not None
        return self.given.cost(self.architecture(trial))

    def cap(self) -> int:
        assert self.given is not None
        return EVERY[self.name].max_params(self.given)

    def caps(self) -> tuple[Cap, ...]:
        """That its networks had to meet; the one of parameters is the first."""
        assert self.given is not None
        return self.given.caps(self.cap())

    def table(self) -> list[dict[str, Any]]:
        """The rows of the study's own table."""
        return EVERY[self.name].table(self.given, self.pooled) if self.given else []


@dataclass(frozen=True)
class Best:
    """The network a run has come to so far."""

    study: StudyReport  # that trained it
    trial: Trial  # of one point, all its seeds together
    choice: Choice | None = None  # what the surrogate expects of it, where that decided

    @property
    def architecture(self) -> Architecture:
        return self.study.architecture(self.trial)


@dataclass(frozen=True)
class Report:
    run: Run
    studies: tuple[StudyReport, ...]
    store: Store | None  # None where the data are not prepared, or not there any more
    models: tuple[tuple[Path, Mapping[str, Any]], ...] = ()  # folder and model.json of every model trained in full
    worries: tuple[str, ...] = ()  # of the audit, about the data
    place: Path | None = None  # where its page is to be, if not in the run's folder
    after: tuple[StudyReport, ...] = ()  # those that come after all and have begun; nothing is decided by them

    # job.json of each training in full that has begun and left no model yet, by its folder's name
    begun: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def every(self) -> tuple[StudyReport, ...]:
        """For what is said of all trainings of the run."""
        return (*self.studies, *self.after)

    @property
    def statuses(self) -> list[dict[str, Any]]:
        """Of everything that the search has, those that have not begun among them."""
        return all_asked([study.status for study in self.studies], self.run.preset)

    def link_to(self, path: Path) -> str:
        """From the page to a file of the run."""
        return os.path.relpath(path.resolve(), (self.place or self.run.folder).resolve())

    @property
    def next_command(self) -> str | None:
        return next_command(self.run, self.statuses)

    @property
    def synthetic(self) -> bool:
        said = [study.attrs.get("synthetic") for study in self.studies if study.attrs]
        return bool(any(said) or (self.store is not None and self.store.synthetic))

    @property
    def constant_mae(self) -> float | None:
        return next((study.given.constant_mae for study in self.studies if study.given), None)

    @property
    def confirmation(self) -> ConfirmationFindings | None:
        """What the decided network came to with fresh seeds; None where that is not known."""
        status = self.studies[-1].status.get(CONFIRMATION)
        if not status or not status["decision"]:
            return None
        found = stored_decision(CONFIRMATION, status["decision"]).findings
        return found if isinstance(found, ConfirmationFindings) else None

    @property
    def confirmed_words(self) -> list[str]:
        last = self.studies[-1].status
        confirmation = last.get(CONFIRMATION)
        return confirmed_words(last["decision"], confirmation and confirmation["decision"])

    def study(self, name: str) -> StudyReport:
        return next(study for study in self.studies if study.name == name)

    def decided(self, name: str) -> Best | None:
        """The network that the study of this name has decided for, as it has trained it, or else an earlier one; None where there is none."""
        decision, names = self.study(name).decision, [study.name for study in self.studies]
        if decision is None:
            return None
        for study in reversed(self.studies[: names.index(name) + 1]):
            chosen = [trial for trial in study.pooled if study.architecture(trial) == decision.architecture]
            if found := best_of(chosen):
                return Best(study, found, decision.findings.choice)
        return None

    @cached_property
    def best(self) -> Best | None:
        """What the last decision chose, be it trained in an earlier study; before the first decision, the best trial so far."""
        for study in reversed(self.studies):
            if found := self.decided(study.name):
                return found
        begun = [Best(study, trial) for study in self.studies for trial in study.pooled if trial.state == "complete"]
        return min(begun, key=lambda best: best.trial.error, default=None)

    @property
    def digest(self) -> str | None:
        """Of the data that its studies were trained on; before the first, of those that are prepared. None where nobody can tell."""
        begun = [study for study in self.studies if study.attrs and "settings" in study.attrs]
        named = (settings_of(study.label, study.attrs or {}).get("data") for study in begun)
        return next(filter(None, named), self.store.digest if self.store else None)

    def tested(self, network: Architecture) -> list[Mapping[str, Any]]:
        """model.json of the models of this very network that this run's data alone have made, and tested; the newest last.

        One that was made from another, by correction or further training, was tested on another set.
        """
        digest = self.digest
        return [
            about
            for _, about in self.models
            if about["test"]
            and about["architecture"] == network.to_dict()
            and about["data"]["digest"] == digest
            and not about.get("made_from")
        ]

    def errors(self, trial: Trial) -> np.ndarray | None:
        """Absolute errors in months on the validation images, mean over the trial's seeds; None where not all are kept."""
        if self.store is None:
            return None
        found = []
        for run in trial.by_seed:
            if run.validation_mae is None:
                continue
            errors = errors_of(self.run.folder / TRIALS, self.store, run)
            if errors is None:
                return None
            found.append(errors)
        return np.mean(found, axis=0) if found else None


def read(run: Run) -> Report:
    """Raises StudyError where there is no such run."""
    refuse_missing(run)
    storage = open_storage(run.storage) if storage_exists(run) else None
    store = store_of(run)
    statuses = status(run)
    after = [each for each in all_asked(statuses, run.preset) if comes(each["name"]) == LAST]
    return Report(
        run,
        tuple(read_study(run, of_study, storage) for of_study in statuses),
        store,
        tuple((folder, read_about(folder, whole=True)) for folder in models_of(run.folder)),
        tuple(worries_of(run.folder, store)) if store else (),
        begun=begun_in(run.folder),
        after=tuple(read_study(run, of_study, storage) for of_study in after if of_study["state"] != "not begun"),
    )


def begun_in(folder: Path) -> dict[str, Mapping[str, Any]]:
    places = [path.parent for path in sorted((folder / MODELS).glob("*/job.json"))]
    jobs = {place.name: begun(place) for place in places if not (place / ABOUT).exists()}
    return {name: job for name, job in jobs.items() if isinstance(job, dict)}


def read_study(run: Run, of_study: dict[str, Any], storage: Any) -> StudyReport:
    name = of_study["name"]
    study = load(storage, name, run.folder) if storage else None
    if study is None or "constant_mae" not in study.user_attrs:  # made, and left at once
        return StudyReport(name, of_study)
    start = given(run, study)
    if of_study["decision"]:
        start = replace(start, preset=judged_by(start.preset, name, study.user_attrs))
    means = meaning(EVERY[name], start)
    left = tuple(left_out(study, means))
    return StudyReport(
        name,
        of_study,
        recorded(study, not of_study.get("interrupted"), means),
        study.user_attrs,
        start,
        importance(study, left, means),
        left,
        study,
    )


def judged_by(preset: Preset, name: str, attrs: Mapping[str, Any]) -> Preset:
    """With the margins by which the study decided; the run's may have been changed for the studies after it."""
    under = an_object(name, DECIDED_UNDER, attrs[DECIDED_UNDER]) if DECIDED_UNDER in attrs else {}
    margins = {field: under[field] for field in MARGINS if under.get(field) in RANGES[field]}
    return replace(preset, **margins)


def recorded(study: optuna.Study, is_led: bool = True, means: Means | None = None) -> tuple[Recorded, ...]:
    """Its trials that have begun, but those that do not count."""
    return tuple(
        Recorded(seen(trial), trial.user_attrs, trial.datetime_start, trial.datetime_complete, is_led)
        for trial in counted(study, means=means)
    )


def importance(
    study: optuna.Study, left: Sequence[LeftOut] = (), means: Means | None = None
) -> dict[str, float] | None:
    """PED-ANOVA: which parameters the best tenth of the trials have in common. None for fewer than two parameters."""
    complete = counted(study, (TrialState.COMPLETE,), means)
    if len(complete) < LEAST_FOR_IMPORTANCE:
        return None
    varied = [
        name for name in complete[0].params if name != SEED and len({trial.params.get(name) for trial in complete}) > 1
    ]
    if len(varied) < 2:
        return None
    # Of two objectives the first, the MAE, must be named; where there is one, naming it brings a warning.
    target = (lambda trial: trial.values[0]) if len(study.directions) > 1 else None
    if left:
        study = optuna.create_study(directions=study.directions)
        study.add_trials(complete)
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    shares = optuna.importance.get_param_importances(study, evaluator=evaluator, params=varied, target=target)
    return dict(shares)


def store_of(run: Run) -> Store | None:
    named = expanded(run.data)
    place = named if run.data and is_store(named) else run.folder / PREPARED
    return open_store(place) if is_store(place) else None
