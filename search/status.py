"""What a run has done and decided, read from its storage; starts nothing and changes nothing."""

import json
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from search.records import load, seen, trials_of
from search.run import Run
from search.storage import open_storage, sqlite_path, trial_counts
from studies.order import COMMANDS, STUDIES
from studies.study import Decision, Given, Trial, best_of, pool


def storage_exists(run: Run) -> bool:
    """Whether there is anything to read; opening a missing SQLite file would create it."""
    path = sqlite_path(run.storage)
    return path is None or path.exists()


def status(run: Run) -> list[dict[str, Any]]:
    """Per study: name, state (not begun, begun or decided), trials by outcome, best value and point, decision."""
    storage = open_storage(run.storage) if storage_exists(run) else None
    return [study_status(name, storage) for name in STUDIES]


def study_status(name: str, storage: RDBStorage | None) -> dict[str, Any]:
    study = load(storage, name) if storage else None
    if study is None or storage is None:
        return {
            "name": name,
            "state": "not begun",
            "trials": 0,
            "best_value": None,
            "best_params": None,
            "decision": None,
            "timing": None,
        }
    attrs = study.user_attrs
    decision = json.loads(attrs["decision"]) if "decision" in attrs else None
    counts = trial_counts(storage, study.study_name)
    best = best_trial(study) if counts.get(TrialState.COMPLETE) else None
    return {
        "name": name,
        "state": "decided" if decision else "begun",
        "trials": sum(count for state, count in counts.items() if state.is_finished()),
        "running": counts.get(TrialState.RUNNING, 0),
        "failed": counts.get(TrialState.FAIL, 0),
        "configurations": attrs.get("configurations"),
        "turned_away": attrs.get("turned_away", 0),
        "constant_mae": attrs.get("constant_mae"),
        "synthetic": attrs.get("synthetic"),
        "best_value": best.validation_mae if best else None,
        "best_params": best.point if best else None,
        "decision": decision,
        "timing": json.loads(attrs["timing"]) if "timing" in attrs else None,
    }


def best_trial(study: optuna.Study) -> Trial | None:
    """The one with the lowest MAE. Of one objective the database knows it; reading all trials takes seconds."""
    return seen(study.best_trial) if len(study.directions) == 1 else best_of(trials_of(study))


def next_command(statuses: list[dict[str, Any]]) -> str | None:
    return next((COMMANDS[status["name"]] for status in statuses if status["state"] != "decided"), None)


def table(run: Run, name: str) -> list[dict[str, Any]]:
    """The rows of a study's own table."""
    storage = open_storage(run.storage)
    study = load(storage, name)
    if study is None:
        return []
    module = STUDIES[name]
    return module.table(given(run, study), pool(trials_of(study), run.preset.seeds if module.SEEDED else 1))


def given(run: Run, study: optuna.Study) -> Given:
    """What the study started from."""
    before = json.loads(study.user_attrs["settings"])["given"]
    decisions = {done: Decision.from_dict(decision) for done, decision in before.items()}
    return Given(run.preset, decisions, study.user_attrs["constant_mae"])
