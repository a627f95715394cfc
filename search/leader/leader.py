"""One study while it runs: what is running, and the bookkeeping of each trial."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from data.store.disk import Store
from search.leader.attributes import RESULT_ATTRIBUTES, description, results
from search.leader.forecast import Forecast
from search.leader.progress import Progress, Terms
from search.leader.sampler import FeasibleSampler
from search.leader.schedule import MAX_SEED, begin_longest, objective_values, suggest
from search.leader.timings import history, timed
from search.leader.unfit import why_unfit
from search.lease import Lease
from search.output.time_words import left_words
from search.planning.asking import asked, key
from search.report.words import sentence
from search.run import TRIALS, Run
from search.stopping import Stopped
from search.storage.records import known_networks, left_out, note, point_of, seed_of, seen, trials_of
from search.storage.sqlite import StorageError
from search.storage.told import UNFIT, params_of
from search.watch import dashboard
from search.workers import checkpoint
from search.workers.best import MAPS, VALIDATION, drop
from search.workers.job import (
    LAST,
    Crashed,
    EpochDone,
    Failed,
    Finished,
    Halted,
    Job,
    Message,
    Paused,
    Remark,
    Resumed,
    TrialCrashed,
    fingerprint,
    halting,
    what_happened,
)
from search.workers.legs import Legs
from search.workers.local import Executor
from search.workers.starting import log_ends
from studies.ablation import AblationFindings
from studies.order import study_name
from studies.preset import StudyError
from studies.pruning import left_behind
from studies.study import SEED, Given, Study, Trial

POLL_SECONDS = 1.0  # how soon a wish to stop is noticed


class Leader:
    """One study while it runs: what is running, and the bookkeeping of each trial."""

    def __init__(
        self,
        run: Run,
        store: Store,
        name: str,
        module: Study,
        given: Given,
        study: optuna.Study,
        sampler: FeasibleSampler,
        progress: Progress,
        terms: Terms,
        lease: Lease,
    ) -> None:
        self.run_, self.store, self.name, self.module, self.given = run, store, name, module, given
        self.study, self.sampler, self.progress, self.terms, self.lease = study, sampler, progress, terms, lease
        waiting = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        self.trials = {trial.number: trial for trial in trials_of(study)}
        for left in left_out(study):
            progress.said(f"left out: {left.sentence}")
        self.running: dict[int, Running] = {}
        self.known = known_networks(study, run.folder)
        self.expected = len(self.trials) + len(waiting)  # trials of the study, as far as is known yet
        self.timing: dict[str, Any] = {}  # what was foretold last

    def run(self, make_executor: Callable[[], Executor]) -> None:
        """Run trials until the study proposes nothing more. Workers are only started if there is something to train."""
        adopted = [
            optuna.trial.Trial(self.study, frozen._trial_id)
            for frozen in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        ]
        executor: Executor | None = None
        wish, asked = self.terms.wish, False
        try:
            while True:
                while not wish.signal and (trial := self.next_trial(adopted, executor.workers if executor else 1)):
                    job = self.begun(trial)
                    if job is None:
                        continue
                    if executor is None:
                        executor = make_executor()
                        self.foretell(executor.workers)
                    executor.start(job)
                if wish.signal and not (self.running and executor):
                    raise Stopped(wish)
                if not self.running:
                    return
                assert executor is not None
                for message in executor.wait(POLL_SECONDS):
                    self.handle(message, executor)
                    if isinstance(message, LAST) and message.number not in self.running:
                        self.foretell(executor.workers)
                self.lease.refresh()
                self.end_overdue(executor)
                if wish.signal and not asked:
                    asked = True
                    executor.stop()
                    self.progress.said("stopping after the epochs that are running; press Ctrl-C again to stop at once")
        finally:
            if executor:
                executor.close()

    def next_trial(self, adopted: list[optuna.trial.Trial], workers: int) -> optuna.trial.Trial | None:
        """An adopted trial, else a new one for the next point; None while all workers are busy or nothing is to do.

        What the study wishes for now is enqueued together, so that the numbers of trials do not depend on who was killed
        when. With `deterministic` it is asked again only after all of it has run: whichever trial ends first is chance.
        """
        if len(self.running) >= workers:
            return None
        if adopted:
            return adopted.pop(0)
        waiting = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        if fit := [trial for trial in waiting if self.is_fit(trial)]:
            return begin_longest(self.study, self.module, self.given, fit)
        if self.running and self.terms.deterministic:
            return None
        wish = asked(self.module, self.given, self.by_number, self.sampler.feasible)
        self.expected = wish.expected
        # With `deterministic` a trial is compared with those before its round, whoever of its round is faster.
        remembered = {"compared_with": len(self.trials)} if self.terms.deterministic else None
        for point, seed in wish.new:
            self.study.enqueue_trial(point | ({SEED: seed} if self.module.SEEDED else {}), user_attrs=remembered)
        if wish.new:
            return self.next_trial(adopted, workers)
        left = len(self.sampler.feasible) > len(self.trials)
        return self.study.ask() if wish.sample and left else None

    @property
    def by_number(self) -> list[Trial]:
        """The trials as a leader that comes later finds them, whichever began first."""
        return [self.trials[number] for number in sorted(self.trials)]

    @cached_property
    def forecast(self) -> Forecast:
        past = history(self.study._storage, self.run_.folder)
        return Forecast(self.name, self.module, self.given, self.sampler.feasible, self.terms.deterministic, past)

    def foretell(self, workers: int) -> None:
        """Leave the time left with the study, for `status`, and say it."""
        done = {number: len(running.epochs) for number, running in self.running.items()}  # not of one yet to be adopted
        epochs = self.given.preset.training.epochs
        running = [
            (self.module.architecture(self.given, trial.point), epochs - done.get(trial.number, 0))
            for trial in self.by_number
            if not trial.finished
        ]
        timing = self.forecast.timing(self.by_number, running, workers)
        if timing is None:
            return
        self.timing = timing
        note(self.study, "timing", json.dumps(timing))
        if words := left_words(self.name, timing):
            self.progress.said(words)

    def is_fit(self, frozen: FrozenTrial) -> bool:
        """Whether it may be trained; one that may not has failed by it, and says why. Nobody but a person enqueues such."""
        others = [other for number, other in self.trials.items() if number != frozen.number]
        why = why_unfit(self.module, self.given, self.sampler.feasible, params_of(frozen), others)
        if why:
            storage = self.study._storage
            with suppress(UpdateFinishedTrialError):  # somebody was quicker
                storage.set_trial_user_attr(frozen._trial_id, "exit_reason", UNFIT)
                storage.set_trial_user_attr(frozen._trial_id, "exit_detail", why)
                storage.set_trial_state_values(frozen._trial_id, TrialState.FAIL)
            self.trials.pop(frozen.number, None)
            self.say_of(frozen, f"trial {frozen.number} is not trained: it {why}")
        return not why

    def say_of(self, frozen: FrozenTrial, said: str) -> None:
        """To whoever watches, and in the dashboard."""
        dashboard.write_trial_note(self.study, frozen._trial_id, sentence(said))
        self.progress.said(said)

    def begun(self, trial: optuna.trial.Trial) -> Job | None:
        """What is to be trained; None where nothing is, as there is a result already, or the trial is not fit."""
        try:
            job = self.begin(trial)
            return None if job is None or self.copied(job) else job
        except UpdateFinishedTrialError:
            self.lost(trial.number)
            return None

    def begin(self, trial: optuna.trial.Trial) -> Job | None:
        """Make the trial's point whole, record what it is, and describe the job; None for one that is not fit."""
        enqueued = self.study._storage.get_trial(trial._trial_id)
        if "fixed_params" in enqueued.system_attrs:
            if not self.is_fit(enqueued):
                return None
            self.fix(enqueued)
        try:
            for name, choices in self.sampler.distributions.items():
                suggest(trial, name, choices)
            if self.module.SEEDED:
                trial.suggest_int(SEED, 0, MAX_SEED)
        except (StorageError, StudyError):
            raise
        except ValueError as error:  # Optuna's, whose trials of one study agree on what a parameter may be
            raise StudyError(
                f"{self.study.study_name!r} has trials of somebody else, whose parameters do not fit ({error}): delete the "
                "study, or use another --run-dir"
            ) from None
        frozen = self.study._storage.get_trial(trial._trial_id)
        if not self.is_fit(frozen):
            return None
        point, seed = point_of(frozen), seed_of(frozen, self.given.preset.seed)
        architecture = self.module.architecture(self.given, point)
        folder = f"{study_name(self.name).replace(' ', '-')}/{trial.number:04d}"
        job = Job(
            number=trial.number,
            architecture=architecture,
            training=self.given.preset.training,
            seed=seed,
            store=self.store.path,
            data=self.store.digest,
            image_px=self.store.image_px,
            folder=self.run_.folder / TRIALS / folder,
            deterministic=self.terms.deterministic,
            maps=True,
            lease=self.lease.path,
            token=self.lease.owner.token,
        )
        for attribute, value in (description(job, self.given.cost(job.architecture)) | {"folder": folder}).items():
            trial.set_user_attr(attribute, value)
        before = frozen.user_attrs.get("compared_with", trial.number) if self.module.prunable(self.given, point) else 0
        self.running[trial.number] = Running(job=job, trial=trial, compared_with=before)
        self.trials[trial.number] = Trial(trial.number, point, "running", seed=seed)
        what = ", ".join(f"{name}={value}" if name != "variant" else str(value) for name, value in point.items())
        if self.module.SEEDED and seed != self.given.preset.seed:
            what += f", seed {seed}"
        self.progress.started(self.name, job, self.expected, what)
        return job

    def fix(self, frozen: FrozenTrial) -> None:
        """Its point as the study writes it: what a browser has sent knows no 1.0."""
        point = self.sampler.feasible[key(point_of(frozen))]
        fixed = point | ({SEED: params_of(frozen)[SEED]} if self.module.SEEDED else {})
        if json.dumps(fixed, sort_keys=True) != json.dumps(params_of(frozen), sort_keys=True):
            self.study._storage.set_trial_system_attr(frozen._trial_id, "fixed_params", fixed)

    def copied(self, job: Job) -> bool:
        """Whether another study of this run has trained this very network the same way: its result is then taken over."""
        source = self.known.get(fingerprint(job))
        if source is None:
            return False
        study, before = source
        running = self.running[job.number]
        for step, value in before.intermediate_values.items():
            self.report(running.trial, step, value)
        for attribute in RESULT_ATTRIBUTES:
            if attribute in before.user_attrs:
                running.trial.set_user_attr(attribute, before.user_attrs[attribute])
        running.trial.set_user_attr("copied_from", f"{study} #{before.number}")
        self.tell(job.number, before.values[0])
        return True

    def handle(self, message: Message, executor: Executor) -> None:
        self.lease.check()
        try:
            self.heard(message, executor)
        except UpdateFinishedTrialError:
            self.lost(message.number)
            if not isinstance(message, LAST):
                executor.kill(message.number, "told_elsewhere")

    def lost(self, number: int) -> None:
        """Somebody else has told the trial's end; what it is worth nobody knows, so its point is to be trained again."""
        trial_id = self.study._storage.get_trial_id_from_study_id_trial_number(self.study._study_id, number)
        frozen = self.study._storage.get_trial(trial_id)
        self.trials.pop(number, None)
        if number in self.running:
            self.running[number].told = True
        told = frozen.state.name.lower().replace("fail", "failed")
        self.say_of(
            frozen, f"trial {number} was told {told} by somebody else; that is left out, and its point is trained again"
        )

    def heard(self, message: Message, executor: Executor) -> None:
        running = self.running[message.number]
        trial = running.trial
        match message:
            case EpochDone() | Resumed() if running.pruned or running.told:
                pass  # it went on for a moment before it was ended
            case Finished() | Failed() | Paused() if running.told:
                del self.running[message.number]
                checkpoint.clear(running.job.folder)
            case Finished() | Failed() | Paused() if running.pruned:
                self.prune(message.number)
            case EpochDone():
                running.attempts = 0
                self.progress.epoch(self.name, message, running.job.training.epochs)
                self.epoch_done(message, executor)
            case Resumed():
                running.resume(len(message.epochs))
                self.progress.resumed(self.name, message)
                for epoch in message.epochs:  # a leader that was killed may not have heard of the last ones
                    if not running.pruned:
                        self.epoch_done(epoch, executor)
            case Remark():
                self.progress.said(f"trial {message.number}: {message.sentence}")
            case Finished():
                best = min(running.epochs, key=lambda epoch: epoch.validation_mae)
                if best.validation_mae == float("inf"):
                    self.fail(Failed(message.number, "not_finite", "no epoch gave finite predictions"))
                    return
                found = results(running.epochs, message, executor.workers)
                for attribute, value in found.items():
                    trial.set_user_attr(attribute, value)
                macs = self.given.cost(running.job.architecture).macs
                self.forecast.ended(timed(found | {"macs": macs}, len(running.epochs)))
                self.tell(message.number, best.validation_mae)
            case Failed() if running.goes_on_after(message):
                running.lose_leg()
                self.progress.said(f"trial {message.number}: {what_happened(message)}; resuming from its checkpoint")
                if not self.terms.wish.signal:
                    executor.start(running.job)
                else:
                    del self.running[message.number]
            case Failed():
                self.fail(message)
            case Paused():
                del self.running[message.number]  # it stays RUNNING in the storage, for the next leader
            case Halted():
                raise halting(message)
            case Crashed():
                raise TrialCrashed(message, running.job.folder / "log.txt")

    def epoch_done(self, epoch: EpochDone, executor: Executor) -> None:
        """Report it, and end the trial where others have left it behind."""
        running = self.running[epoch.number]
        running.epochs.append(epoch)
        self.report(running.trial, epoch.epoch, epoch.validation_mae)
        if not running.compared_with or epoch.epoch == running.job.training.epochs:
            return
        others = [other for other in self.trials.values() if other.finished and other.number < running.compared_with]
        warmup = self.given.found(AblationFindings).warmup_epochs
        so_far = [done.validation_mae for done in running.epochs]
        if left_behind(so_far, others, warmup, self.given.preset.margin_months):
            running.pruned = True
            executor.kill(epoch.number, "pruned")

    def prune(self, number: int) -> None:
        running = self.running[number]
        running.trial.set_user_attr("exit_reason", "pruned")
        running.trial.set_user_attr("pruned_after_epoch", running.epochs[-1].epoch)
        for name in (VALIDATION, MAPS):
            drop(running.job.folder, name)  # perhaps of an epoch after that
        self.tell(number, None, TrialState.PRUNED)

    def fail(self, failed: Failed) -> None:
        running = self.running[failed.number]
        running.trial.set_user_attr("exit_reason", failed.reason)
        running.trial.set_user_attr("exit_detail", what_happened(failed))
        running.trial.set_user_attr("log_ends", log_ends(running.job.folder))
        self.tell(failed.number, None, TrialState.FAIL)

    def tell(self, number: int, value: float | None, state: TrialState = TrialState.COMPLETE) -> None:
        """The trial's end, in the storage first."""
        running = self.running.pop(number)
        architecture = running.job.architecture
        dashboard.end(self.study, running.trial, architecture, self.given, self.run_.folder, self.store, value, state)
        values = self.values(running.job, value)
        told = self.study.tell(running.trial, values, state=state, skip_if_finished=True)
        if told.state != state or (values is not None and told.values != values):
            raise UpdateFinishedTrialError(f"trial {number} was told by somebody else")
        self.trials[number] = seen(told)
        checkpoint.clear(running.job.folder)
        self.progress.ended(self.name, self.trials[number])

    def values(self, job: Job, validation_mae: float | None) -> list[float] | None:
        """What Optuna is told, in the order of the study's objectives."""
        if validation_mae is None:
            return None
        return objective_values(self.module, self.given, job.architecture, validation_mae)

    def report(self, trial: optuna.trial.Trial, epoch: int, validation_mae: float) -> None:
        """The last report of an epoch counts: one may be trained again after a kill. (`Trial.report` keeps the first.)"""
        self.study._storage.set_trial_intermediate_value(trial._trial_id, epoch, validation_mae)

    def end_overdue(self, executor: Executor) -> None:
        for number, running in self.running.items():
            if running.overdue(self.terms.trial_timeout):
                executor.kill(number, "timed_out")


@dataclass(kw_only=True)
class Running(Legs):
    trial: optuna.trial.Trial
    compared_with: int  # it is pruned where trials of lower numbers were better; 0 where nothing is pruned
    pruned: bool = False  # it is being ended
    told: bool = False  # so is this: somebody else has told its end
