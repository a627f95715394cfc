"""The leader: turns one study's proposals into trials, and their results into its decision.

It alone talks to the Optuna storage, and is the only one to do so for a study at a time (`lease.py`). A trial that was
running when the leader stopped is adopted by the next under the same number, and goes on from its checkpoint.
"""

import json
import socket
import statistics
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from data.cases import constant_mae
from data.preparation import DISK_FULL, DataError, no_space
from data.store.disk import Store
from models.architecture import GROUPS
from search.leader.asking import asked, objective_values, seeds_of
from search.leader.forecast import Forecast
from search.leader.sampler import FeasibleSampler, key
from search.leader.timings import history, timed
from search.leader.unfit import why_unfit
from search.leader.waiting import begin_longest
from search.lease import Lease, held
from search.output.time_words import error_words, left_words
from search.output.typed import typed
from search.report.words import sentence
from search.run import TRIALS, Run, guarded, identify, record
from search.stopping import Stopped, Wish
from search.storage.fence import owning
from search.storage.identity import RUN
from search.storage.opening import open_storage
from search.storage.patience import PatientStorage
from search.storage.records import (
    decisions,
    identity_of,
    known_networks,
    left_out,
    load,
    note,
    point_of,
    seed_of,
    seen,
    trials_of,
)
from search.storage.sqlite import StorageError
from search.storage.stored import decision_written, decisions_given, settings_of
from search.storage.told import UNFIT, params_of, why_left_out
from search.watch import dashboard
from search.workers import checkpoint
from search.workers.best import MAPS, VALIDATION, drop, load_predictions
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
from studies.order import STUDIES, study_name
from studies.preset import StudyError
from studies.pruning import left_behind
from studies.study import SEED, Decision, Given, Study, Trial, decided, feasible_points, points, pool


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


def run_study(
    run: Run,
    store: Store,
    name: str,
    make_executor: Callable[[], Executor],
    progress: Progress,
    terms: Terms = Terms(),
) -> Decision:
    """Run a study to its decision, or continue it; a study that is decided already only decides again.

    Raises StudyError where the study before it is not decided, where no point meets the cap, or where the study was
    begun under other settings; TrialCrashed for a bug in a worker; Stopped, a KeyboardInterrupt, where the terms' wish
    came true. Whatever ends it, it can be run again.
    """
    identify(run)
    storage = open_storage(run.storage)
    module = STUDIES[name]
    earlier = list(STUDIES)[: list(STUDIES).index(name)]
    made = decisions(storage, run.folder, earlier)
    if lacking := next((needed for needed in (module.NEEDS, *earlier) if needed and needed not in made), ""):
        raise StudyError(
            f"{name} needs the decision of {lacking}: run `{typed(STUDIES[lacking].COMMAND, run.folder)}` first"
        )
    given = Given(run.preset, {done: made[done] for done in earlier}, constant_mae(store.cases))
    grid = list(points(module.space(given)))
    cap = module.max_params(given)
    feasible = feasible_points(module, given)
    if not feasible:
        least = min(given.cost(module.architecture(given, point)).params for point in grid)
        raise StudyError(
            f"no point of {name} fits {cap:,} parameters: the smallest of {len(grid):,} has {least:,}; raise --max-params"
        )
    with held(run.folder, name, take_over=terms.take_over) as lease:
        given = replace(given, errors=lambda trial: errors_of(run, store, trial, progress.said))
        space, objectives = module.space(given), len(module.objectives(given))
        sampler = FeasibleSampler(
            space, feasible, run.preset.seed, objectives, lambda trial: not why_left_out(trial, space)
        )
        settings = plain(
            guarded(run, store)
            | {
                "space": space,
                "given": {done: decision.to_dict() for done, decision in given.decisions.items()},
                "objectives": module.objectives(given),
            }
        )
        study = open_study(run, storage, name, sampler, settings, objectives, terms.take_over)
        with owning(storage, study._study_id, study.study_name, lease, terms.take_over):
            claimed(study, run, json.dumps(settings))
            note(study, "configurations", f"{len(feasible):,} of {len(grid):,} fit {cap:,} parameters")
            note(study, "constant_mae", round(given.constant_mae, 3))
            note(study, "synthetic", store.synthetic)
            dashboard.begin(study, name, module.objectives(given))
            progress.study(name, f"{len(feasible):,} of {len(grid):,} configurations fit {cap:,} parameters")
            leader = Leader(run, store, name, module, given, study, sampler, progress, terms, lease)
            try:
                leader.run(make_executor)
            except OSError as error:
                if error.errno not in DISK_FULL:
                    raise
                raise StudyError(no_space(run.folder, error)) from None
            decision = decided(module, given, pool(trials_of(study), seeds_of(module, given)))
            note(study, "turned_away", study.user_attrs.get("turned_away", 0) + sampler.turned_away)
            note(study, "decision", decision_written(decision))
            note(study, "summary", decision.summary)
            dashboard.decide(study, name, given, decision)
            progress.decided(name, decision)
            if leader.timing and (off := error_words(leader.timing)):
                progress.said(off)
            return decision


def plain(settings: dict[str, Any]) -> dict[str, Any]:
    """As they come back from the storage."""
    return dict(json.loads(json.dumps(settings)))


def errors_of(run: Run, store: Store, trial: Trial, say: Callable[[str], None]) -> np.ndarray | None:
    """Absolute errors in months of a trial's best epoch on the validation images; None where they are not kept."""
    age_months = store.split("validation").age_months
    try:
        predictions = load_predictions(run.folder / TRIALS / trial.folder / VALIDATION)
    except OSError:
        return None
    except DataError as error:
        say(f"{error}; trial {trial.number} is compared by its MAE alone")
        return None
    return np.abs(predictions.astype(float) - age_months) if predictions.shape == age_months.shape else None


def open_study(
    run: Run,
    storage: PatientStorage,
    name: str,
    sampler: FeasibleSampler,
    settings: dict[str, Any],
    objectives: int,
    take_over: bool,
) -> optuna.Study:
    """Load the run's study if it was made with the same settings, or make it under a name that carries the run's id.

    The run is recorded before anything is made.
    """
    existing = load(storage, name, run.folder)
    if existing is not None:
        older = {"objectives": ["mae"], "reference channel_multiple": 1}  # those of versions that gave no choice
        before = older | settings_of(existing.study_name, existing.user_attrs)
        # As this version would write them: one that knew fewer findings has left some out.
        started = decisions_given(existing.study_name, before)
        before["given"] = {done: decision.to_dict() for done, decision in started.items()}
        changed = [setting for setting in settings if settings[setting] != before.get(setting)]
        if changed and existing.get_trials(deepcopy=False):
            first = changed[0]
            said = (
                "a decision before it has changed"
                if first == "given"
                else f"{first} was {before.get(first)}, now {settings[first]}"
            )
            raise StudyError(f"{name} has trials made under other settings: {said}; use another --run-dir")
        if RUN not in existing.user_attrs and not take_over:
            refuse_another_folders(existing, run)
        if len(existing.directions) != objectives:  # of an attempt that had no trial yet
            optuna.delete_study(study_name=existing.study_name, storage=storage)
            existing = None
    record(run)
    own = identity_of(storage, run.folder)
    return optuna.create_study(
        study_name=existing.study_name if existing else study_name(name, own.id),
        storage=storage,
        sampler=sampler,
        pruner=optuna.pruners.NopPruner(),
        directions=["minimize"] * objectives,
        load_if_exists=True,
    )


def refuse_another_folders(study: optuna.Study, run: Run) -> None:
    """A study of an earlier version does not say whose it is, only in which folder it ran.

    Its running trials must not be taken from it. A folder that is gone was moved, or removed.
    """
    folder = study.user_attrs.get("run_folder", "").partition(":")[2]
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING))
    if running and folder and Path(folder) != run.folder.resolve() and Path(folder).exists():
        raise StudyError(
            f"{study.study_name} has trials that run, or wait, in {folder}: continue it with that --run-dir, or, if nothing "
            "runs there any more, with --take-over"
        )


def claimed(study: optuna.Study, run: Run, settings: str) -> None:
    """Say in the study whose it is; the caller holds it."""
    own = identity_of(study._storage, run.folder)
    if not own.owns(study.user_attrs):  # it has a plain name, and another run of an earlier version was first
        raise StudyError(
            f"{study.study_name} is run {study.user_attrs[RUN]}'s by now; the same command begins one anew"
        )
    note(study, RUN, own.id)
    note(study, "settings", settings)
    note(study, "run_folder", f"{socket.gethostname()}:{run.folder.resolve()}")


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
        for attribute, value in (self.description(job) | {"folder": folder}).items():
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

    def description(self, job: Job) -> dict[str, Any]:
        """Flat scalars, which the dashboard shows as columns."""
        architecture, cost = job.architecture, self.given.cost(job.architecture)
        counts = {PAPER_NAMES.get(group, group): getattr(architecture.blocks, group) for group in GROUPS}
        return {
            "beta": architecture.beta,
            **counts,
            "sex_units": architecture.sex_units,
            "fc_units": architecture.fc_units,
            "dropout": architecture.dropout,
            "params": cost.params,
            "params_m": round(cost.params / 1e6, 3),
            "macs": cost.macs,
            "gmacs": round(cost.macs / 1e9, 4),
            "gap_channels": cost.gap_channels,
            "seed": job.seed,
            "network": fingerprint(job),
        }

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
                results = {
                    "best_epoch": best.epoch,
                    "train_mae": round(best.train_mae, 4),
                    "final_train_mae": round(running.epochs[-1].train_mae, 4),
                    "final_validation_mae": round(running.epochs[-1].validation_mae, 4),
                    "train_mae_by_epoch": dashboard.listed(epoch.train_mae for epoch in running.epochs),
                    "seconds": round(sum(epoch.seconds for epoch in running.epochs), 1),
                    "workers": executor.workers,
                    "images_per_second": round(
                        statistics.median(epoch.images_per_second for epoch in running.epochs), 1
                    ),
                    "peak_memory_mb": message.peak_memory_mb,
                    "conditions": ", then ".join(dict.fromkeys(epoch.conditions for epoch in running.epochs)),
                    "exit_reason": "completed",
                }
                joules = [epoch.energy_joules for epoch in running.epochs if epoch.energy_joules is not None]
                if len(joules) == len(running.epochs):
                    results["energy_joules"] = round(sum(joules))
                for attribute, value in results.items():
                    trial.set_user_attr(attribute, value)
                macs = self.given.cost(running.job.architecture).macs
                self.forecast.ended(timed(results | {"macs": macs}, len(running.epochs)))
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


POLL_SECONDS = 1.0  # how soon a wish to stop is noticed


PAPER_NAMES = {"mixed5": "n5", "mixed7": "n7", "mixed9": "n9"}
RESULT_ATTRIBUTES = (
    "best_epoch",
    "train_mae",
    "final_train_mae",
    "final_validation_mae",
    "train_mae_by_epoch",
    "seconds",
    "energy_joules",
    "images_per_second",
    "peak_memory_mb",
    "conditions",
    "folder",
    "exit_reason",
)
MAX_SEED = 2**31 - 1


def suggest(trial: optuna.trial.Trial, name: str, choices: BaseDistribution) -> None:
    """Fix one parameter of the trial, by Optuna's public calls; one that is fixed already stays."""
    match choices:
        case IntDistribution():
            trial.suggest_int(name, choices.low, choices.high, step=choices.step)
        case FloatDistribution():
            trial.suggest_float(name, choices.low, choices.high, step=choices.step)
        case CategoricalDistribution():
            trial.suggest_categorical(name, choices.choices)
