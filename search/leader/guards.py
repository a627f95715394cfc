"""What a leader refuses before it takes a study: one of other settings, or one that is another's."""

import socket
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from models.training.settings import FILMS_OFF
from search.run import Run
from search.storage.identity import RUN
from search.storage.keys import storage_of
from search.storage.records import identity_of, note
from search.storage.stored import decisions_given, settings_of
from studies.preset import StudyError


def refuse_other_settings(existing: optuna.Study, name: str, settings: dict[str, Any]) -> None:
    """A study that has trials goes on with the settings that they were made under."""
    older = {
        "objectives": ["mae"],
        "reference channel_multiple": 1,
        "reference family": "inception_v3",
        "reference se_ratio": 0.0,
        "reference input_px": 0,
        "reference group_betas": [],
        "weights": "",
        **FILMS_OFF,
    }  # those of versions that gave no choice
    before = older | settings_of(existing.study_name, existing.user_attrs)
    # As this version would write them: one that knew fewer findings has left some out.
    started = decisions_given(existing.study_name, before)
    before["given"] = without_words({done: decision.to_dict() for done, decision in started.items()})
    now = settings | ({"given": without_words(settings["given"])} if "given" in settings else {})
    changed = [setting for setting in now if now[setting] != before.get(setting)]
    if changed and existing.get_trials(deepcopy=False):
        first = changed[0]
        said = (
            "an earlier decision has changed"
            if first == "given"
            else f"{first} was {before.get(first)}, now {settings[first]}"
        )
        raise StudyError(f"{name} has trials made under other settings: {said}; use another --run-dir")


def without_words(decisions: dict[str, Any]) -> dict[str, Any]:
    """What was decided, and not in which sentence: another version says the same otherwise."""
    return {
        done: {name: value for name, value in decision.items() if name != "summary"}
        for done, decision in decisions.items()
    }


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
    own = identity_of(storage_of(study), run.folder)
    if not own.owns(study.user_attrs):  # it has a plain name, and another run of an earlier version was first
        raise StudyError(
            f"{study.study_name} belongs to run {study.user_attrs[RUN]} now; the same command starts a new one"
        )
    note(study, RUN, own.id)
    note(study, "settings", settings)
    note(study, "run_folder", f"{socket.gethostname()}:{run.folder.resolve()}")
