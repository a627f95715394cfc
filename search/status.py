"""What a run has done and decided, read from its storage; starts nothing and changes nothing."""

import json
from collections.abc import Mapping
from typing import Any

from search.database import FILE, Rows, own_url, reading, refuse_emptied
from search.identity import Identity, identity
from search.run import SETTINGS, Run, read_settings
from search.typed import typed
from studies.order import STUDIES, study_name
from studies.preset import StudyError
from studies.study import Point, to_point

BEST = """
SELECT trials.trial_id, trial_values.value, trial_values.value_type
FROM trials JOIN trial_values ON trial_values.trial_id = trials.trial_id
WHERE trials.study_id = :study_id AND trials.state = 'COMPLETE' AND trial_values.objective = 0
ORDER BY CASE trial_values.value_type WHEN 'FINITE' THEN 0 ELSE 1 END, trial_values.value, trials.number LIMIT 1
"""  # the MAE is the first objective, and infinite where no prediction was finite


def storage_exists(run: Run) -> bool:
    """Whether there is anything to read; opening a missing SQLite file would create it."""
    if run.storage == own_url(run.folder):
        file = run.folder / FILE
        refuse_emptied(file)
        return file.exists() and file.stat().st_size > 0
    from search.storage import sqlite_path  # brings SQLAlchemy and Optuna

    path = sqlite_path(run.storage)
    return path is None or path.exists()


def refuse_missing(run: Run) -> None:
    """For commands that only read. Raises StudyError where nothing was ever begun in the run's folder."""
    if not (run.folder / SETTINGS).exists() and not storage_exists(run):
        raise StudyError(
            f"{run.folder} holds no run: begin one with `{typed('run', run.folder)}`, or name another with --run-dir"
        )


def status(run: Run) -> list[dict[str, Any]]:
    """Per study: name, state (not begun, begun or decided), trials by outcome, best value and point, decision."""
    if not storage_exists(run):
        return [not_begun(name) for name in STUDIES]
    with reading(run.storage, run.folder) as rows:
        stored = {name: study_id for study_id, name in rows("SELECT study_id, study_name FROM studies")}
        own = identity(read_settings(run.folder), lambda: stored)
        return [study_status(name, own, stored, rows) for name in STUDIES]


def study_status(name: str, own: Identity, stored: Mapping[str, int], rows: Rows) -> dict[str, Any]:
    """Raises StudyError where a study of that name is not ours."""
    called = (stored[called] for called in own.names(name) if called in stored)
    found = ((study_id, attributes(study_id, rows)) for study_id in called)
    study_id, attrs = next(((study_id, attrs) for study_id, attrs in found if own.owns(attrs)), (0, {}))
    if not study_id:
        return not_begun(name)
    counts: dict[str, int] = dict(
        rows("SELECT state, COUNT(*) FROM trials WHERE study_id = :study_id GROUP BY state", study_id=study_id)
    )
    if "settings" not in attrs:
        if counts:
            raise foreign(name)
        return not_begun(name)
    decision = json.loads(attrs["decision"]) if "decision" in attrs else None
    best_value, best_params = best(study_id, rows)
    return {
        "name": name,
        "state": "decided" if decision else "begun",
        "trials": sum(counts.get(state, 0) for state in ("COMPLETE", "PRUNED", "FAIL")),
        "running": counts.get("RUNNING", 0),
        "failed": counts.get("FAIL", 0),
        "configurations": attrs.get("configurations"),
        "turned_away": attrs.get("turned_away", 0),
        "constant_mae": attrs.get("constant_mae"),
        "synthetic": attrs.get("synthetic"),
        "best_value": best_value,
        "best_params": best_params,
        "decision": decision,
        "timing": json.loads(attrs["timing"]) if "timing" in attrs else None,
    }


def attributes(study_id: int, rows: Rows) -> dict[str, Any]:
    stored = rows("SELECT key, value_json FROM study_user_attributes WHERE study_id = :study_id", study_id=study_id)
    return {key: json.loads(value) for key, value in stored}


def foreign(name: str) -> StudyError:
    return StudyError(
        f"the storage holds a study {study_name(name)!r} that is not ours; use another --storage or --run-dir"
    )


def not_begun(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "state": "not begun",
        "trials": 0,
        "best_value": None,
        "best_params": None,
        "decision": None,
        "timing": None,
    }


def best(study_id: int, rows: Rows) -> tuple[float | None, Point | None]:
    """The lowest MAE in months and its point; None where no trial is complete."""
    found = rows(BEST, study_id=study_id)
    if not found:
        return None, None
    [(trial_id, value, kind)] = found
    asked = rows(
        "SELECT value_json FROM trial_system_attributes WHERE trial_id = :trial_id AND key = 'fixed_params'",
        trial_id=trial_id,
    )
    if asked:
        params = json.loads(asked[0][0])
    else:
        stored = rows(
            "SELECT param_name, param_value, distribution_json FROM trial_params WHERE trial_id = :trial_id",
            trial_id=trial_id,
        )
        params = {name: chosen(stored, json.loads(distribution)) for name, stored, distribution in stored}
    return value if kind == "FINITE" else float("inf"), to_point(params)


def chosen(stored: float, distribution: dict[str, Any]) -> Any:
    """A parameter as Optuna gives it out: it stores a choice by its place, and integers as decimals."""
    choices = distribution["attributes"].get("choices")
    if choices:
        return choices[int(stored)]
    return int(stored) if distribution["name"] == "IntDistribution" else stored


def next_command(run: Run, statuses: list[dict[str, Any]]) -> str | None:
    """What goes on with the run, to be pasted into a shell; None where all is decided."""
    left = next((status["name"] for status in statuses if status["state"] != "decided"), None)
    return typed(STUDIES[left].COMMAND, run.folder, *storage_option(run)) if left else None


def storage_option(run: Run) -> list[str]:
    """--storage, where the run does not remember it."""
    if run.storage == own_url(run.folder):
        return []
    from search.storage import without_password  # brings SQLAlchemy and Optuna

    url = without_password(run.storage)
    return [] if read_settings(run.folder).get("storage") == url else ["--storage", url]
