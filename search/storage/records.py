"""What Optuna's storage holds of a run, in our own terms: studies, trials, decisions."""

from collections.abc import Container, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from search.storage.checked.trained import Means
from search.storage.identity import Identity, identity
from search.storage.keys import storage_of
from search.storage.opening import open_storage
from search.storage.settings import StoredRun, read_settings
from search.storage.status import foreign
from search.storage.stored import (
    checked,
    decision_of,
    decisions_given,
    made_of,
    meaning,
    refuse_directions,
    settings_of,
)
from search.storage.told import BEGUN, LeftOut, params_of, sound, why_left_out
from studies.around.chain import Made
from studies.order import EVERY, deciding, preset_of, stored_decision, study_name
from studies.study import (
    SEED,
    Decision,
    Given,
    Point,
    Space,
    Training,
    Trial,
    pool,
    seeds_of,
    to_point,
    trainings,
)

STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}  # others are running
OPTUNA_STATES = {name: state for state, name in STATES.items()}


def load(storage: BaseStorage, name: str, folder: Path | None = None) -> optuna.Study | None:
    """The stored study of the run in `folder`, or None where it has not begun.

    Without a folder it is that of the database's only run. Raises StudyError where a study of that name is not ours.
    """
    own = identity_of(storage, folder)
    for stored in own.names(name):
        try:
            study = optuna.load_study(study_name=stored, storage=storage)
        except KeyError:
            continue
        attrs = study.user_attrs  # read anew from the database each time they are asked for
        if "settings" in attrs:
            if own.owns(checked(stored, attrs)):
                directions = [direction.name for direction in study.directions]
                refuse_directions(stored, settings_of(stored, attrs), directions)
                return study
        elif study.get_trials(deepcopy=False):
            raise foreign(name)
        # Else it was made this moment, or its maker was killed before it could say what it is.
    return None


def identity_of(storage: BaseStorage, folder: Path | None) -> Identity:
    settings = read_settings(folder) if folder else {}
    return identity(settings, lambda: [study.study_name for study in storage.get_all_studies()])


def decisions(
    storage: BaseStorage, folder: Path | None = None, names: Iterable[str] | None = None
) -> dict[str, Decision]:
    """The decisions of these studies recorded so far, of all that decide unless some are named. Raises StudyError for one that
    somebody has changed."""
    studies = {name: load(storage, name, folder) for name in (deciding() if names is None else names)}
    written = {
        name: decision_of(study.study_name, study.user_attrs, name)
        for name, study in studies.items()
        if study is not None
    }
    return {name: stored_decision(name, values) for name, values in written.items() if values is not None}


def made_in(storage: BaseStorage, folder: Path) -> dict[str, Made]:
    """The studies of the run in this folder that have begun, by name, in their order."""
    studies = {name: load(storage, name, folder) for name in EVERY}
    return {
        name: made_of(study.study_name, study.user_attrs, name, bool(study.get_trials(deepcopy=False)))
        for name, study in studies.items()
        if study is not None
    }


def counted(
    study: optuna.Study, states: Container[TrialState] | None = None, means: Means | None = None
) -> list[FrozenTrial]:
    """The trials that this program began, and ended, if they have ended: the only ones that anything comes from.

    Whoever asks what they say of networks gives what their points mean now (`meaning`); the others ask what was trained at all.
    """
    space = space_of(study)
    trials = study.get_trials(deepcopy=False, states=states)
    return [trial for trial in trials if not why_left_out(trial, space, means)]


def left_out(study: optuna.Study, means: Means | None = None) -> list[LeftOut]:
    """The trials that have ended but do not count."""
    space = space_of(study)
    found = (
        (trial.number, why_left_out(trial, space, means))
        for trial in study.get_trials(deepcopy=False)
        if trial.state.is_finished()
    )
    return [LeftOut(number, why) for number, why in found if why]


def space_of(study: optuna.Study) -> Space:
    """That its trials share; empty where it has none yet, or does not say it."""
    attrs = study.user_attrs
    return settings_of(study.study_name, attrs).get("space", {}) if "settings" in attrs else {}


def trials_of(study: optuna.Study, means: Means | None = None) -> list[Trial]:
    return [seen(trial) for trial in counted(study, means=means)]


def seen(trial: FrozenTrial) -> Trial:
    """An Optuna trial as a study sees it."""
    attrs = sound(trial.user_attrs)
    reports = trial.intermediate_values
    return Trial(
        number=trial.number,
        point=point_of(trial),
        state=STATES.get(trial.state, "running"),
        validation_mae=trial.values[0] if trial.state == TrialState.COMPLETE else None,
        best_epoch=attrs.get("best_epoch"),
        train_mae=tuple(float(mae) for mae in attrs.get("train_mae_by_epoch", "").replace(",", " ").split()),
        seconds=attrs.get("seconds", 0.0),
        exit_reason=attrs.get("exit_reason", ""),
        validation_mae_by_epoch=tuple(reports[epoch] for epoch in sorted(reports)),
        seed=attrs.get("seed", params_of(trial).get(SEED, 0)),
        conditions=attrs.get("conditions", ""),
        folder=attrs.get("folder", ""),
    )


def point_of(trial: FrozenTrial) -> Point:
    return to_point(params_of(trial))


def seed_of(trial: FrozenTrial, first: int) -> int:
    """The trial's seed; `first` in a study whose trials all have that one."""
    return int(params_of(trial).get(SEED, first))


def note(study: optuna.Study, attribute: str, value: Any) -> None:
    if study.user_attrs.get(attribute) != value:
        study.set_user_attr(attribute, value)


def known_networks(study: optuna.Study, folder: Path) -> dict[str, tuple[str, FrozenTrial]]:
    """Complete trials of the run's other studies, by fingerprint, whatever their points mean now."""
    found: dict[str, tuple[str, FrozenTrial]] = {}
    for name in EVERY:
        other = load(storage_of(study), name, folder)
        if other is None or other.study_name == study.study_name:
            continue
        for trial in counted(other, (TrialState.COMPLETE,)):
            found.setdefault(trial.user_attrs[BEGUN], (study_name(name), trial))
    return found


def given(run: StoredRun, study: optuna.Study) -> Given:
    """What the study started from. Raises StudyError where it does not say what it has to."""
    name = next((name for name in EVERY if study.study_name.startswith(study_name(name))), "")
    settings = {"given": {}} | settings_of(study.study_name, study.user_attrs)
    decisions = decisions_given(study.study_name, settings, name)
    start = Given(preset_of(name, run.preset), decisions, study.user_attrs["constant_mae"])
    return replace(start, trained=trained_before(storage_of(study), run.folder, start))


def trained_before(storage: BaseStorage, folder: Path | None, given: Given) -> tuple[Training, ...]:
    """The finished trainings of the studies whose decisions are given."""
    found: list[Training] = []
    for name in given.decisions:
        study = load(storage, name, folder)
        if study and name in EVERY:
            found += trainings(EVERY[name], given, trials_of(study, meaning(EVERY[name], given)))
    return tuple(found)


def trials_now(run: StoredRun, name: str, study: optuna.Study) -> list[Trial]:
    """Those of a study that count, by what its points mean in the run as it is set now."""
    if "constant_mae" not in study.user_attrs:  # made, and left at once
        return []
    return trials_of(study, meaning(EVERY[name], given(run, study)))


def table(run: StoredRun, name: str) -> list[dict[str, Any]]:
    """The rows of a study's own table."""
    study = load(open_storage(run.storage), name, run.folder)
    if study is None:
        return []
    module, start = EVERY[name], given(run, study)
    return module.table(start, pool(trials_now(run, name, study), seeds_of(module, start)))
