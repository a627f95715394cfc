"""The leader: turns one study's proposals into trials, and their results into its decision.

It alone talks to the Optuna storage, and is the only one to do so for a study at a time (`lease.py`). A trial that was
running when the leader stopped is adopted by the next under the same number, and goes on from its checkpoint.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import optuna
from optuna.trial import TrialState

from data.cases import constant_mae
from data.counted import counted
from data.preparation import DISK_FULL, no_space
from data.store.disk import Store
from models.cost import Cost
from search.leader.guards import (
    as_decided,
    claimed,
    lacking,
    own_settings,
    refuse_another_folders,
    refuse_led,
    refuse_other_settings,
    refuse_unsound,
    standing,
    used_meanwhile,
)
from search.leader.leader import Leader
from search.leader.opened import OpenStudy
from search.leader.progress import PLAIN_TERMS, Progress, Terms
from search.leader.sampler import FeasibleSampler
from search.lease import held
from search.output.time_words import error_words
from search.output.typed import typed
from search.planning.feasible import fitting
from search.run import TRIALS, Run, guarded, identify, record
from search.storage.fence import owning
from search.storage.identity import RUN
from search.storage.keys import study_key
from search.storage.opening import open_storage
from search.storage.patience import PatientStorage
from search.storage.records import decisions, identity_of, load, made_in, note, trained_before, trials_of
from search.storage.status import has_begun
from search.storage.stored import DECIDED_UNDER, decision_written, meaning
from search.storage.told import why_left_out
from search.workers.executor import Executor
from search.workers.left.best import errors_of
from studies.around.chain import Made, as_json, has, listed, standing_on
from studies.caps import Cap, over, said, unmet
from studies.deciding import decided
from studies.order import EVERY, before, may_decide, preset_of, study_name
from studies.preset import StudyError
from studies.study import RULES, Decision, Given, Point, Study, points, pool, seeds_of

MakeExecutor = Callable[[], Executor]


def run_study(
    run: Run,
    store: Store,
    name: str,
    make_executor: MakeExecutor,
    progress: Progress,
    terms: Terms = PLAIN_TERMS,
) -> Decision:
    """Run a study to its decision, or continue it; a study that is decided already only decides again, or, where others stand on
    its decision, keeps it.

    Raises StudyError where the study before it is not decided, or is being led elsewhere, where no point meets the cap, where the run was
    begun under other settings, or where others would not stand any more; TrialCrashed for a bug in a worker; Stopped, a KeyboardInterrupt, where the terms'
    stop request came. Whatever ends it, it can be run again.
    """
    identify(run)
    deterministic = run.deterministic or terms.deterministic  # a run that is so stays so
    run, terms = replace(run, deterministic=deterministic), replace(terms, deterministic=deterministic)
    storage = open_storage(run.storage)
    with held(run.folder, name, take_over=terms.take_over) as lease:
        # In here: who begins to lead an earlier study from now on finds this one led.
        made = made_in(storage, run.folder)
        if not terms.take_over:
            refuse_led(run, name, made)
        run = as_decided(run, made)
        asked = asked_of(run, store, storage, name, made)
        given, feasible = asked.given, asked.feasible
        given = scored(given, run, store, progress.said)
        space, objectives = asked.module.space(given), len(asked.module.objectives(given))
        means = meaning(asked.module, given)
        sampler = FeasibleSampler(
            space, feasible, run.preset.seed, objectives, lambda trial: not why_left_out(trial, space, means)
        )
        stands = refuse_changes(run, storage, asked, given, made)
        study = open_study(run, storage, name, sampler, asked.settings, objectives, terms.take_over)
        with owning(storage, study_key(study), study.study_name, lease, terms.take_over):
            claimed(study, run, json.dumps(asked.settings) if stands is None else study.user_attrs["settings"])
            opened = OpenStudy(run, store, name, asked.module, given, study, storage, sampler, lease)
            progress.opened(opened)
            progress.study(name, asked.fitting)
            if stands is None:
                decision = led(opened, asked, progress, terms, make_executor)
            else:
                decision = stands
                note(study, "decision", decision_written(decision))  # of an earlier version it had no sum
                for number in unended(study):
                    progress.said(
                        f"trial {number} of {name} is not trained: other studies already use the decision of {name}"
                    )
            progress.concluded(opened, decision)
            progress.decided(name, decision)
            return decision


@dataclass(frozen=True)
class Asked:
    """A study that may be begun or gone on with, by what the run holds and the command asks."""

    name: str
    module: Study
    given: Given
    feasible: Sequence[Point]
    fitting: str  # how many of its points, and what they fit
    settings: dict[str, Any]  # that its trials share


def asked_of(run: Run, store: Store, storage: PatientStorage, name: str, made: Mapping[str, Made]) -> Asked:
    """Raises StudyError as `run_study` does; nothing is recorded."""
    module = EVERY[name]
    earlier = before(name, run.preset)
    decided_before = decisions(storage, run.folder, earlier)  # first: of a damaged one it says how it is mended
    refuse_unsound(run, store, name, made)
    refuse_lacking(run, name, made)
    given = Given(preset_of(name, run.preset), decided_before, constant_mae(store.cases))
    given = replace(given, trained=trained_before(storage, run.folder, given))
    feasible, fitting = fitting_of(name, given)
    settings = as_json(
        guarded(run, store, given.preset.reference)
        | {
            "objectives": module.objectives(given),
            "space": module.space(given),
            "given": {done: decision.to_dict() for done, decision in given.decisions.items()},
        }
    )
    return Asked(name, module, given, feasible, fitting, settings)


def fitting_of(name: str, given: Given) -> tuple[list[Point], str]:
    """The study's points under its caps; and how many they are, in words. Raises StudyError where it could decide for none."""
    module = EVERY[name]
    feasible, met = fitting(module, given), given.caps(module.max_params(given))
    if not feasible:
        every = [module.architecture(given, point) for point in points(feasible.space)]
        raise StudyError(nothing_fits(name, met, [given.cost(network) for network in every]))
    if not any(may_decide(name, given, point) for point in feasible.values()):
        raise StudyError(unmet(f"network that {name} may decide for", met))
    of = f"of {counted(prod(map(len, feasible.space.values())), 'configuration')}"
    return list(feasible.values()), f"{counted(len(feasible), f'{of} fits', f'{of} fit')} {said(met)}"


def refuse_lacking(run: Run, name: str, made: Mapping[str, Made]) -> None:
    if needed := lacking(name, run.preset, made):
        raise StudyError(
            f"{name} needs the decision of {needed}: run `{typed(EVERY[needed].COMMAND, run.folder)}` first"
        )


def refuse_at_once(run: Run, name: str) -> None:
    """Before the data of a run are prepared, which takes minutes: what the first study of its first command is refused for, whatever
    the data are. `checked_before` looks at a run that has begun."""
    if not has_begun(run):
        refuse_lacking(run, name, {})
        # Nothing that is asked here depends on the constant predictor's MAE.
        given = Given(preset_of(name, run.preset), {}, 0.0)
        fitting_of(name, given)
        EVERY[name].propose(given, [])


def refuse_changes(
    run: Run, storage: PatientStorage, asked: Asked, given: Given, made: Mapping[str, Made]
) -> Decision | None:
    """Before it is recorded: the decision of a study that others stand on, which is kept.

    Raises StudyError where the study was begun under other settings, or would not keep what others stand on.
    """
    existing = load(storage, asked.name, run.folder)
    if existing is None:
        asked.module.propose(given, [])  # which may refuse the very first trial
        return None
    # What a later study may be asked to try is of no concern to one that is asked for nothing.
    kept = {"space"} if standing_on(asked.name, made) and made[asked.name].decision else set()
    settings = {name: value for name, value in asked.settings.items() if name not in kept}
    refuse_other_settings(existing, asked.name, settings)
    return standing(run, asked.name, given, made, trials_of(existing, meaning(asked.module, given)))


def scored(given: Given, run: Run, store: Store, say: Callable[[str], None] = lambda said: None) -> Given:
    """With the trials' errors on the validation images, where they are kept, and with whose these images are."""
    return replace(
        given,
        errors=lambda trial: errors_of(run.folder / TRIALS, store, trial, say),
        patients=tuple(store.patients_in("validation").tolist()),
    )


def checked_before(run: Run, store: Store, names: Sequence[str]) -> Run:
    """The run of a command for these studies, before the first of them begins: what one of them would be refused for is refused
    before anything is trained or recorded. Those that nothing can be said of yet are not looked at."""
    if not has_begun(run):
        return run
    storage = open_storage(run.storage)
    made = made_in(storage, run.folder)
    run = as_decided(run, made)
    for name in names:
        if lacking(name, run.preset, made):
            refuse_unsound(run, store, name, made)
            continue
        asked = asked_of(run, store, storage, name, made)
        given = scored(asked.given, run, store)
        refuse_changes(run, storage, asked, given, made)
    return run


def led(opened: OpenStudy, asked: Asked, progress: Progress, terms: Terms, make_executor: MakeExecutor) -> Decision:
    """The study's trials, as far as they have not run, and what it decides by them."""
    run, study, name, module, given = opened.run, opened.study, opened.name, opened.module, opened.given
    note(study, "configurations", asked.fitting)
    note(study, "constant_mae", given.constant_mae)
    note(study, "synthetic", opened.store.synthetic)
    leader, means = Leader(opened, progress, terms), meaning(module, given)
    stood = decisions(opened.storage, run.folder, [name]).get(name) if study.user_attrs.get("rules") != RULES else None
    ended_before = [trial.number for trial in trials_of(study, means) if trial.finished]
    try:
        leader.run(make_executor)
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise StudyError(no_space(run.folder, error)) from None
    ended = trials_of(study, means)
    kept = kept_meanwhile(opened, progress)
    if kept is not None:
        decision = kept
    elif stood is not None and [trial.number for trial in ended if trial.finished] == ended_before:
        decision = stood  # of an earlier version; what was done after it was done on its word
    else:
        decision = decided(module, given, pool(ended, seeds_of(module, given)))
        note(study, "rules", RULES)
        note(study, DECIDED_UNDER, json.dumps(own_settings(run.preset)))
    note(study, "turned_away", study.user_attrs.get("turned_away", 0) + opened.sampler.turned_away)
    note(study, "decision", decision_written(decision))
    note(study, "summary", decision.summary)
    if leader.timing and (off := error_words(leader.timing)):
        progress.said(off)
    return decision


def kept_meanwhile(opened: OpenStudy, progress: Progress) -> Decision | None:
    """The stored decision, where others have begun to use it since this leader asked; None where another may be stored."""
    made = made_in(opened.storage, opened.run.folder)
    decision = made[opened.name].decision
    users = used_meanwhile(opened.run, opened.name, made)
    if decision is None or not users:
        return None
    progress.said(
        f"{listed(users)} {has(users)} begun from the decision of {opened.name} meanwhile, so that decision stays; the trials that were "
        "trained since are kept and change nothing"
    )
    return decision


def unended(study: optuna.Study) -> list[int]:
    """Trials that somebody has asked for since the study decided."""
    return [trial.number for trial in study.get_trials(deepcopy=False, states=(TrialState.WAITING, TrialState.RUNNING))]


def nothing_fits(name: str, met: Sequence[Cap], costs: Sequence[Cost]) -> str:
    """Which cap nothing meets, where that is one of them."""
    alone = [cap for cap in met if all(over([cap], cost) for cost in costs)]
    if not alone:
        return unmet(f"point of {name}", met)
    least = min(alone[0].measure(cost) for cost in costs)
    smallest = f"the smallest of {len(costs):,} has {least:,}"
    return f"no point of {name} fits {alone[0]}: {smallest}; raise {alone[0].option}"


def open_study(
    run: Run,
    storage: PatientStorage,
    name: str,
    sampler: FeasibleSampler,
    settings: dict[str, Any],
    objectives: int,
    take_over: bool,
) -> optuna.Study:
    """Load the run's study, or make it under a name that carries the run's id.

    The run is recorded before anything is made.
    """
    existing = load(storage, name, run.folder)
    if existing is not None:
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
