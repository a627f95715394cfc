"""The leader: turns one study's proposals into trials, and their results into its decision.

It alone talks to the Optuna storage, and is the only one to do so for a study at a time (`lease.py`). A trial that was
running when the leader stopped is adopted by the next under the same number, and goes on from its checkpoint.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import optuna

from data.cases import constant_mae
from data.preparation import DISK_FULL, no_space
from data.store.disk import Store
from models.cost import Cost
from search.leader.guards import claimed, refuse_another_folders, refuse_other_settings
from search.leader.leader import Leader
from search.leader.opened import OpenStudy
from search.leader.progress import PLAIN_TERMS, Progress, Terms
from search.leader.sampler import FeasibleSampler
from search.lease import held
from search.output.time_words import error_words
from search.output.typed import typed
from search.run import TRIALS, Run, guarded, identify, record
from search.storage.fence import owning
from search.storage.identity import RUN
from search.storage.keys import study_key
from search.storage.opening import open_storage
from search.storage.patience import PatientStorage
from search.storage.records import decisions, identity_of, load, note, trained_before, trials_of
from search.storage.stored import decision_written, meaning
from search.storage.told import why_left_out
from search.workers.best import errors_of
from search.workers.executor import Executor
from studies.caps import Cap, over, said, unmet
from studies.deciding import decided
from studies.order import EVERY, before, may_decide, preset_of, study_name
from studies.preset import StudyError
from studies.study import RULES, Decision, Given, feasible_points, points, pool, seeds_of


def run_study(
    run: Run,
    store: Store,
    name: str,
    make_executor: Callable[[], Executor],
    progress: Progress,
    terms: Terms = PLAIN_TERMS,
) -> Decision:
    """Run a study to its decision, or continue it; a study that is decided already only decides again.

    Raises StudyError where the study before it is not decided, where no point meets the cap, or where the study was
    begun under other settings; TrialCrashed for a bug in a worker; Stopped, a KeyboardInterrupt, where the terms'
    stop request came. Whatever ends it, it can be run again.
    """
    identify(run)
    storage = open_storage(run.storage)
    module = EVERY[name]
    earlier = before(name, run.preset)
    made = decisions(storage, run.folder, earlier)
    if lacking := next((needed for needed in (module.NEEDS, *earlier) if needed and needed not in made), ""):
        raise StudyError(
            f"{name} needs the decision of {lacking}: run `{typed(EVERY[lacking].COMMAND, run.folder)}` first"
        )
    given = Given(preset_of(name, run.preset), {done: made[done] for done in earlier}, constant_mae(store.cases))
    given = replace(given, trained=trained_before(storage, run.folder, given))
    grid = list(points(module.space(given)))
    met = given.caps(module.max_params(given))
    feasible = feasible_points(module, given)
    if not feasible:
        raise StudyError(nothing_fits(name, met, [given.cost(module.architecture(given, point)) for point in grid]))
    if not any(may_decide(name, given, point) for point in feasible):
        raise StudyError(unmet(f"network that {name} may decide for", met))
    with held(run.folder, name, take_over=terms.take_over) as lease:
        given = replace(given, errors=lambda trial: errors_of(run.folder / TRIALS, store, trial, progress.said))
        space, objectives = module.space(given), len(module.objectives(given))
        means = meaning(module, given)
        sampler = FeasibleSampler(
            space, feasible, run.preset.seed, objectives, lambda trial: not why_left_out(trial, space, means)
        )
        settings = plain(
            guarded(run, store, given.preset.reference)
            | {
                "objectives": module.objectives(given),
                "space": space,
                "given": {done: decision.to_dict() for done, decision in given.decisions.items()},
            }
        )
        study = open_study(run, storage, name, sampler, settings, objectives, terms.take_over)
        with owning(storage, study_key(study), study.study_name, lease, terms.take_over):
            claimed(study, run, json.dumps(settings))
            note(study, "configurations", f"{len(feasible):,} of {len(grid):,} fit {said(met)}")
            note(study, "constant_mae", round(given.constant_mae, 3))
            note(study, "synthetic", store.synthetic)
            opened = OpenStudy(run, store, name, module, given, study, storage, sampler, lease)
            progress.opened(opened)
            progress.study(name, f"{len(feasible):,} of {len(grid):,} configurations fit {said(met)}")
            leader = Leader(opened, progress, terms)
            stood = decisions(storage, run.folder, [name]).get(name) if study.user_attrs.get("rules") != RULES else None
            ended_before = [trial.number for trial in trials_of(study, means) if trial.finished]
            try:
                leader.run(make_executor)
            except OSError as error:
                if error.errno not in DISK_FULL:
                    raise
                raise StudyError(no_space(run.folder, error)) from None
            ended = trials_of(study, means)
            if stood is not None and [trial.number for trial in ended if trial.finished] == ended_before:
                decision = stood  # of an earlier version; what was done after it was done on its word
            else:
                decision = decided(module, given, pool(ended, seeds_of(module, given)))
                note(study, "rules", RULES)
            note(study, "turned_away", study.user_attrs.get("turned_away", 0) + sampler.turned_away)
            note(study, "decision", decision_written(decision))
            note(study, "summary", decision.summary)
            progress.concluded(opened, decision)
            progress.decided(name, decision)
            if leader.timing and (off := error_words(leader.timing)):
                progress.said(off)
            return decision


def plain(settings: dict[str, Any]) -> dict[str, Any]:
    """As they come back from the storage."""
    return dict(json.loads(json.dumps(settings)))


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
    """Load the run's study if it was made with the same settings, or make it under a name that carries the run's id.

    The run is recorded before anything is made.
    """
    existing = load(storage, name, run.folder)
    if existing is not None:
        refuse_other_settings(existing, name, settings)
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
