"""The leader of one study while it runs: the bookkeeping of each trial, in Optuna's storage first."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from models.pretrained.file import checked
from search.leader import kept
from search.leader.attributes import RESULT_ATTRIBUTES, description, results
from search.leader.forecast import Forecast
from search.leader.opened import Ending, OpenStudy
from search.leader.progress import Progress, Terms
from search.leader.sampler import NothingLeft
from search.leader.schedule import Schedule, objective_values
from search.leader.timings import history, timed
from search.output.time_words import left_words
from search.planning.asking import key
from search.planning.unfit import why_unfit
from search.run import TRIALS
from search.storage.checked.trained import is_of, network_attributes
from search.storage.keys import storage_of, study_key, trial_key
from search.storage.records import known_networks, left_out, note, point_of, seen, trials_of
from search.storage.sqlite import StorageError
from search.storage.stored import meaning
from search.storage.told import UNFIT, is_anothers, params_of, why_damaged
from search.workers.executor import Executor
from search.workers.job import (
    EpochDone,
    Failed,
    Finished,
    Job,
    Resumed,
    best_of,
    fingerprint,
    what_happened,
    without_answers,
)
from search.workers.left import checkpoint
from search.workers.left.best import MAPS, MODEL, VALIDATION, drop, let_go
from search.workers.starting import log_ends
from search.workers.supervisor import Events, Supervised, Supervisor
from studies.order import study_name
from studies.preset import StudyError
from studies.study import SEED, Trial

PRUNED, TOLD = "pruned", "told_elsewhere"  # why the leader ends a trial


@dataclass(kw_only=True)
class Running(Supervised):
    trial: optuna.trial.Trial
    compared_with: int  # it is pruned where trials of lower numbers were better; 0 where nothing is pruned


class Leader(Events[Running]):
    def __init__(self, opened: OpenStudy, progress: Progress, terms: Terms) -> None:
        self.opened, self.progress, self.terms = opened, progress, terms
        self.name, self.module, self.given, self.study = opened.name, opened.module, opened.given, opened.study
        self.feasible = opened.sampler.feasible
        means = meaning(self.module, self.given)
        self.schedule = Schedule(
            self.study,
            self.module,
            self.given,
            opened.sampler,
            trials_of(self.study, means),
            terms.deterministic,
            self.is_fit,
        )
        for ended in filter(lambda trial: trial.finished, self.schedule.trials.values()):
            # Which a leader that was killed may have left. (A result that was taken over names another trial's folder.)
            checkpoint.clear(opened.run.folder / TRIALS / self.folder_of(ended.number))
        for left in left_out(self.study, means):
            progress.said(f"left out: {left.sentence}")
        self.known = known_networks(self.study, opened.run.folder)
        self.adopted = [
            optuna.trial.Trial(self.study, trial_key(frozen))
            for frozen in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        ]
        self.timing: dict[str, Any] = {}  # what was foretold last

    def run(self, make_executor: Callable[[], Executor]) -> None:
        """Run trials until the study proposes nothing more. Workers are only started if there is something to train."""

        def made() -> Executor:
            executor = make_executor()
            self.foretell(executor.workers)
            return executor

        with Supervisor(self, made, self.opened.lease, self.terms.stop, self.terms.trial_timeout) as self.supervisor:
            self.supervisor.run(self.next_one)

    def next_one(self) -> Running | None:
        """The next trial to train. Trials that have a result already, or are not fit, are ended on the way."""
        while not self.terms.stop.signal:
            trial = self.adopted.pop(0) if self.adopted else self.schedule.next_trial(bool(self.supervisor.running))
            if trial is None:
                return None
            try:
                running = self.begin(trial)
                if running and not self.copied(running):
                    return running
            except UpdateFinishedTrialError:
                self.lost(trial.number)
        return None

    def begin(self, trial: optuna.trial.Trial) -> Running | None:
        """Make the trial's point whole, record what it is, and describe the job; None for one that is not fit."""
        enqueued = self.stored(trial)
        if is_anothers(enqueued):
            self.turn_away(enqueued, "was begun by somebody else")
            return None
        if "fixed_params" in enqueued.system_attrs:
            if not self.is_fit(enqueued):
                return None
            self.fix(enqueued)
        try:
            begun = self.schedule.begin(trial)
        except (StorageError, StudyError):
            raise
        except NothingLeft:
            self.turn_away(enqueued, "was asked for, but all points that may run are taken")
            return None
        except ValueError as error:  # Optuna's, whose trials of one study agree on what a parameter may be
            raise StudyError(
                f"{self.study.study_name!r} has trials of somebody else, whose parameters do not fit ({error}): delete the "
                "study, or use another --run-dir"
            ) from None
        frozen = self.stored(trial)
        if not self.is_fit(frozen):
            return None
        job = self.job_of(begun)
        described = description(job, self.given.cost(job.architecture))
        self.describe(trial, described | {"folder": self.folder_of(trial.number)})
        what = ", ".join(f"{name}={value}" if name != "variant" else str(value) for name, value in begun.point.items())
        if self.module.SEEDED and job.seed != self.opened.run.preset.seed:
            what += f", seed {job.seed}"
        self.progress.started(self.name, job, self.schedule.expected, what)
        before = self.schedule.compared_with(frozen)
        return Running(job=job, label=f"trial {trial.number}", trial=trial, compared_with=before)

    def job_of(self, trial: Trial) -> Job:
        opened, training = self.opened, self.given.preset.training
        network = self.module.architecture(self.given, trial.point)
        return Job(
            number=trial.number,
            architecture=network,
            training=training,
            seed=trial.seed,
            store=opened.store.path,
            data=opened.store.digest,
            image_px=opened.store.image_px,
            folder=opened.run.folder / TRIALS / self.folder_of(trial.number),
            deterministic=self.terms.deterministic,
            maps=True,
            afresh=True,
            keep=bool(opened.run.preset.keep_networks),
            keep_below=kept.to_beat(opened.run, self.name),
            weights_digest=checked(training, network.family),
            lease=opened.lease.path,
            token=opened.lease.owner.token,
        )

    def folder_of(self, number: int) -> str:
        """A trial's folder in those of the run's trials."""
        return f"{study_name(self.name).replace(' ', '-')}/{number:04d}"

    def stored(self, trial: optuna.trial.Trial) -> FrozenTrial:
        return storage_of(self.study).get_trial(trial_key(trial))

    def fix(self, frozen: FrozenTrial) -> None:
        """Its point as the study writes it: what a browser has sent knows no 1.0."""
        point = self.feasible[key(point_of(frozen))]
        fixed = point | ({SEED: params_of(frozen)[SEED]} if self.module.SEEDED else {})
        if json.dumps(fixed, sort_keys=True) != json.dumps(params_of(frozen), sort_keys=True):
            storage_of(self.study).set_trial_system_attr(trial_key(frozen), "fixed_params", fixed)

    def is_fit(self, frozen: FrozenTrial) -> bool:
        """Whether it may be trained; one that may not has failed by it, and says why. Nobody but a person enqueues such."""
        others = [other for number, other in self.schedule.trials.items() if number != frozen.number]
        why = why_damaged(frozen.user_attrs) or why_unfit(
            self.module, self.given, self.feasible, params_of(frozen), others
        )
        if why:
            self.turn_away(frozen, why)
        return not why

    def turn_away(self, frozen: FrozenTrial, why: str) -> None:
        with suppress(UpdateFinishedTrialError):  # somebody was quicker
            self.describe(frozen, {"exit_reason": UNFIT, "exit_detail": why})
            self.opened.storage.set_trial_state_values(trial_key(frozen), TrialState.FAIL)
        self.set_aside(frozen, f"trial {frozen.number} is not trained: it {why}")

    def set_aside(self, frozen: FrozenTrial, said: str) -> None:
        self.schedule.trials.pop(frozen.number, None)
        self.progress.set_aside(self.opened, trial_key(frozen), said)
        self.progress.said(said)

    def copied(self, running: Running) -> bool:
        """Whether another study of this run has trained this very network the same way: its result is then taken over."""
        source = self.known.get(fingerprint(running.job))
        if source is None:
            return False
        study, before = source
        network = network_attributes(running.job.architecture, self.given.cost(running.job.architecture))
        if not is_of(before.user_attrs, network, running.job.seed):
            self.progress.said(
                f"nothing is taken over from {study} #{before.number}: it no longer says the network and seed that it was trained with"
            )
            return False
        for step, value in before.intermediate_values.items():
            self.report(running.trial, step, value)
        taken_over = {name: before.user_attrs[name] for name in RESULT_ATTRIBUTES if name in before.user_attrs}
        self.describe(running.trial, taken_over | {"copied_from": f"{study} #{before.number}"})
        self.tell(running, before.values[0])
        return True

    # What the supervisor tells.

    def said(self, sentence: str) -> None:
        self.progress.said(sentence)

    def resumed(self, one: Running, message: Resumed) -> None:
        self.progress.resumed(self.name, message)

    def epoch(self, one: Running, epoch: EpochDone, again: bool) -> str:
        """Report it, and end the trial where others have left it behind; a leader that was killed may not have heard of the last ones."""
        if not again:
            self.progress.epoch(self.name, epoch, one.job.training.epochs)
        try:
            self.report(one.trial, epoch.epoch, epoch.validation_mae)
        except UpdateFinishedTrialError:
            self.lost(epoch.number)
            return TOLD
        if not one.compared_with or epoch.epoch == one.job.training.epochs:
            return ""
        so_far = [done.validation_mae for done in one.epochs]
        return PRUNED if self.schedule.is_left_behind(so_far, one.compared_with) else ""

    def finished(self, one: Running, message: Finished) -> None:
        if failed := without_answers(message.number, one.epochs):
            self.failed(one, failed)
            return
        kept.note(one.job, one.epochs, self.name)
        found = results(one.epochs, message, self.supervisor.workers)
        macs = self.given.cost(one.job.architecture).macs
        self.forecast.ended(timed(found | {"macs": macs}, len(one.epochs)))
        self.over(one, found, best_of(one.epochs).validation_mae)
        kept.settle(self.opened.run)

    def failed(self, one: Running, message: Failed) -> None:
        ends = log_ends(one.job.folder)
        let_go(one.job.folder)
        found = {"exit_reason": message.reason, "exit_detail": what_happened(message), "log_ends": ends}
        self.over(one, found, None, TrialState.FAIL)

    def paused(self, one: Running) -> None:
        """It stays RUNNING in the storage, for the next leader."""
        self.foretell(self.supervisor.workers)

    def ended(self, one: Running) -> None:
        if one.ending == TOLD:
            checkpoint.clear(one.job.folder)
            let_go(one.job.folder)
            self.foretell(self.supervisor.workers)
            return
        for name in (VALIDATION, MAPS, MODEL):
            drop(one.job.folder, name)  # perhaps of an epoch after that
        found = {"exit_reason": PRUNED, "pruned_after_epoch": one.epochs[-1].epoch}
        self.over(one, found, None, TrialState.PRUNED)

    def over(
        self, one: Running, found: dict[str, Any], validation_mae: float | None, state: TrialState = TrialState.COMPLETE
    ) -> None:
        """Record what was found of a trial, and tell its end."""
        try:
            self.describe(one.trial, found)
            self.tell(one, validation_mae, state)
        except UpdateFinishedTrialError:
            self.lost(one.job.number)
            checkpoint.clear(one.job.folder)
            let_go(one.job.folder)
        self.foretell(self.supervisor.workers)

    def tell(self, one: Running, validation_mae: float | None, state: TrialState = TrialState.COMPLETE) -> None:
        """The trial's end, in the storage first."""
        architecture = one.job.architecture
        self.progress.ending(self.opened, Ending(one.trial, architecture, validation_mae, state))
        values = None
        if validation_mae is not None:
            values = objective_values(self.module, self.given, architecture, validation_mae)
        told = self.study.tell(one.trial, values, state=state, skip_if_finished=True)
        is_ours = told.state == state and (values is None or told.values == values)
        if not is_ours or why_damaged(told.user_attrs):
            raise UpdateFinishedTrialError(f"somebody else has set the result of trial {told.number}")
        self.schedule.trials[told.number] = seen(told)
        checkpoint.clear(one.job.folder)
        self.progress.ended(self.name, self.schedule.trials[told.number])

    def describe(self, trial: optuna.trial.Trial | FrozenTrial, attributes: Mapping[str, Any]) -> None:
        self.opened.storage.set_trial_user_attrs(trial_key(trial), attributes)

    def report(self, trial: optuna.trial.Trial, epoch: int, validation_mae: float) -> None:
        """The last report of an epoch counts: one may be trained again after a kill. (`Trial.report` keeps the first.)"""
        storage_of(self.study).set_trial_intermediate_value(trial_key(trial), epoch, validation_mae)

    def lost(self, number: int) -> None:
        """Somebody else has told the trial's end; what it is worth nobody knows, so its point is to be trained again."""
        trial_id = storage_of(self.study).get_trial_id_from_study_id_trial_number(study_key(self.study), number)
        frozen = storage_of(self.study).get_trial(trial_id)
        told = frozen.state.name.lower().replace("fail", "failed")
        self.set_aside(
            frozen,
            f"somebody else has set trial {number} to {told}; that result is left out, and its point is trained again",
        )

    # How long it may still take.

    @cached_property
    def forecast(self) -> Forecast:
        past = history(storage_of(self.study), self.opened.run.folder)
        preset = self.opened.run.preset
        return Forecast(self.name, self.module, self.given, self.terms.deterministic, past, preset)

    def foretell(self, workers: int) -> None:
        """Leave the time left with the study, for `status`, and say it."""
        trials, epochs = self.schedule.by_number, self.given.preset.training.epochs
        # Not of one yet to be adopted.
        done = {number: len(one.epochs) for number, one in self.supervisor.running.items()}
        running = [
            (self.module.architecture(self.given, trial.point), epochs - done.get(trial.number, 0))
            for trial in trials
            if not trial.finished
        ]
        timing = self.forecast.timing(trials, running, workers)
        if timing is None:
            return
        self.timing = timing
        note(self.study, "timing", json.dumps(timing))
        if words := left_words(self.name, timing):
            self.progress.said(words)
