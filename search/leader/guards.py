"""What a leader refuses before it takes a study: a study with other settings, or one that another run owns."""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from data.store.disk import Store
from models.training.settings import FILMS_OFF
from search.lease import is_held
from search.planning.asking import asked as wants
from search.planning.feasible import fitting
from search.run import Run, going_on_from, guarded, open_run, settings_in_full
from search.storage.identity import RUN
from search.storage.keys import storage_of
from search.storage.records import identity_of, note
from search.storage.settings import from_json, own_fields
from search.storage.stored import made_of
from studies.around.chain import (
    Made,
    as_json,
    contradictions,
    has,
    leading,
    listed,
    made_without,
    standing_on,
    without_words,
)
from studies.deciding import decided
from studies.order import EVERY, FIRST, asked, before, comes, preset_of, stored_decision
from studies.preset import Preset, StudyError
from studies.study import Decision, Given, Trial, pool, seeds_of

OLDER = {
    "objectives": ["mae"],
    "reference channel_multiple": 1,
    "reference family": "inception_v3",
    "reference se_ratio": 0.0,
    "reference input_px": 0,
    "reference group_betas": [],
    "reference even_detail": 0.0,
    "reference even_tone": 0.0,
    "weights": "",
    **FILMS_OFF,
}  # settings of versions that gave no choice
UNSAID = ("deterministic",)  # settings of which earlier versions gave one, and did not say which was taken


def refuse_other_settings(existing: optuna.Study, name: str, settings: Mapping[str, Any]) -> None:
    """A study that has trials goes on with the settings that they were made under."""
    if existing.get_trials(deepcopy=False):
        refuse_changed(made_of(existing.study_name, existing.user_attrs, name, begun=True), name, settings)


def refuse_changed(made: Made, name: str, settings: Mapping[str, Any]) -> None:
    """Of the study called `name`, which has trials."""
    # What it was given as this version would write it: one that knew fewer findings has left some out.
    unsaid = {name: settings[name] for name in UNSAID if name in settings}
    older = (
        OLDER | unsaid | dict(made.settings) | {"given": {done: without_words(one) for done, one in made.given.items()}}
    )
    now = dict(settings)
    if "given" in now:
        now["given"] = {done: without_words(stored_decision(done, values)) for done, values in now["given"].items()}
    changed = [setting for setting in now if now[setting] != older.get(setting)]
    if changed:
        first = changed[0]
        said = (
            "an earlier decision has changed"
            if first == "given"
            else f"{first} was {older.get(first)}, now {settings[first]}"
        )
        raise StudyError(f"{name} has trials made under other settings: {said}; use another --run-dir")


def as_decided(run: Run, made: Mapping[str, Made]) -> Run:
    """The run as it goes on from its baseline's decision, also where a leader was killed before it could record that in the folder."""
    for name in (name for name in made if comes(name) == FIRST):
        decision = made[name].decision
        if decision and run.preset.begun_with is None and not made_without(name, made):
            return going_on_from(run, decision.architecture)
    return run


def lacking(name: str, preset: Preset, made: Mapping[str, Made]) -> str:
    """The first study that has to decide before the one of this name; empty where none has."""
    # One that comes before all, where that is not too late.
    firsts = [one for one in EVERY if comes(one) == FIRST and asked(one, preset) and not made_without(one, made)]
    needed = [*firsts, EVERY[name].NEEDS, *before(name, preset)] if comes(name) != FIRST else []
    return next((one for one in needed if one and (one not in made or made[one].decision is None)), "")


def refuse_unsound(run: Run, store: Store, name: str, made: Mapping[str, Made]) -> None:
    """Before a study trains or records anything: what it would contradict in the other studies of the run.

    Raises StudyError where those with trials were made under other settings, where a study comes too late whose decision they
    would have been given, and where those before it were made from other decisions than those that are stored.
    """
    recorded = open_run(run.folder, None, {}, None, None).preset
    for other in (other for other in made if made[other].begun and other != name):
        preset = preset_of(other, run.preset)
        shared = guarded(run, store, preset.reference)
        if run.preset.objective != recorded.objective:  # by this command; an earlier version took it from `refine`
            shared |= {"objectives": EVERY[other].objectives(Given(preset, {}, constant_mae=0.0))}
        refuse_changed(made[other], other, as_json(shared))
    for late in (one for one in EVERY if one == name or (asked(one, run.preset) and not asked(one, recorded))):
        if without := made_without(late, made):
            raise StudyError(
                f"{late} comes too late: {listed(without)} {has(without)} trials that were made without its decision; "
                f"leave {late} out, or use another --run-dir"
            )
    for said in contradictions(made, before(name, run.preset)):
        raise StudyError(f"{said}; use another --run-dir")


def trainings_wanted(name: str, given: Given, trials: Sequence[Trial]) -> tuple[Any, ...]:
    """What the study would train now; empty where it has all that it wants."""
    feasible = fitting(EVERY[name], given)
    found = wants(EVERY[name], given, trials, feasible)
    sampled = found.sample and len(feasible) > len(trials)
    return (*found.new, *([f"{found.expected} in all"] if sampled else []))


def decision_now(name: str, given: Given, trials: Sequence[Trial]) -> dict[str, Any] | None:
    """What it would decide, without the words; None where it cannot."""
    try:
        return without_words(decided(EVERY[name], given, pool(trials, seeds_of(EVERY[name], given))))
    except StudyError:
        return None


def standing(run: Run, name: str, given: Given, made: Mapping[str, Made], trials: Sequence[Trial]) -> Decision | None:
    """The decision of a study that others stand on, which is kept as it is; None where it is free to train on and to decide.

    By the settings that it decided by it is not asked for anything again: predictions may be lost by now, and other versions decide by
    other rules. Raises StudyError where this command has other settings, by which it would train more, or decide otherwise. Where
    an earlier command has set them, for the studies after it, the decision stands.
    """
    others = standing_on(name, made)
    decision = made[name].decision if others else None
    if decision is None:
        return None
    now, recorded = own_settings(run.preset), own_settings(open_run(run.folder, None, {}, None, None).preset)
    under = made[name].under or recorded  # earlier versions did not say by what they decided
    changed = [field for field in now if field in under and now[field] != under[field]]
    asked_now = [field for field in changed if now[field] != recorded[field]]
    if not asked_now:
        return decision
    try:
        preset = with_own_settings(run.preset, {field: under[field] for field in changed})
    except (TypeError, ValueError):  # which go with nothing of today's
        preset = run.preset
    earlier = replace(given, preset=preset_of(name, preset))
    does = ""
    if (more := trainings_wanted(name, given, trials)) and more != trainings_wanted(name, earlier, trials):
        does = "train more"
    elif decision_now(name, given, trials) != decision_now(name, earlier, trials):
        does = "decide otherwise"
    if does:
        fields = ", ".join(f"{field} was {under[field]}, now {now[field]}" for field in asked_now)
        raise StudyError(
            f"{listed(others)} {'stands' if len(others) == 1 else 'stand'} on the decision of {name}, and with the new settings "
            f"({fields}) {name} would {does}: leave the settings as they were, or use another --run-dir"
        )
    return decision


def refuse_led(run: Run, name: str, made: Mapping[str, Made]) -> None:
    """Raises StudyError where another process leads a study whose decision this one would start from, and may still change it."""
    led = [
        one
        for one in leading()
        if name in later(one) and one in made and made[one].decision and is_held(run.folder, one)
    ]
    if open_yet := [one for one in led if not standing_on(one, made)]:
        raise StudyError(
            f"{listed(open_yet)} {'is' if len(open_yet) == 1 else 'are'} being run by another process, which may still change the decision "
            f"that {name} starts from: wait for it, or stop it; if it is gone, add --take-over"
        )


def used_meanwhile(run: Run, name: str, made: Mapping[str, Made]) -> list[str]:
    """Who stands on the decision of this study by now, or is about to. Asked again before another is stored: that may be hours after
    `standing` was asked. A later study that is led has looked before for whoever leads this one."""
    about_to = [other for other in later(name) if is_held(run.folder, other)] if name in leading() else []
    return [other for other in EVERY if other in {*standing_on(name, made), *about_to}]


def later(name: str) -> list[str]:
    return list(EVERY)[list(EVERY).index(name) + 1 :]


def own_settings(preset: Preset) -> dict[str, Any]:
    """The preset's own fields, as JSON holds them."""
    values = settings_in_full(preset)
    return {name: values[name] for name in own_fields()}


def with_own_settings(preset: Preset, own: Mapping[str, Any]) -> Preset:
    restored = from_json({"family": preset.reference.family} | dict(own))
    return replace(preset, **{name: restored[name] for name in own})


def refuse_another_folders(study: optuna.Study, run: Run) -> None:
    """A study of an earlier version does not say whose it is, only in which folder it ran.

    Its running trials must not be taken from it. A folder that is gone was moved, or removed.
    """
    folder = study.user_attrs.get("run_folder", "").partition(":")[2]
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING))
    if running and folder and Path(folder) != run.folder.resolve() and Path(folder).exists():
        raise StudyError(
            f"{study.study_name} has running or waiting trials in {folder}: continue it with that --run-dir, or, if nothing "
            "runs there now, with --take-over"
        )


def claimed(study: optuna.Study, run: Run, settings: str) -> None:
    """Say in the study whose it is; the caller holds it."""
    own = identity_of(storage_of(study), run.folder)
    if not own.owns(study.user_attrs):  # it has a plain name, and another run of an earlier version was first
        raise StudyError(
            f"{study.study_name} belongs to run {study.user_attrs[RUN]} now; the same command starts a new one"
        )
    note(study, RUN, own.id)
    note(study, "settings", settings)
    note(study, "run_folder", f"{socket.gethostname()}:{run.folder.resolve()}")
