"""The trainings of a run as its storage holds them: how long they took."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from search.planning.epoch_seconds import Timed, line
from search.planning.plan import MEASURED, Rate
from search.run import Run
from search.storage.opening import open_storage
from search.storage.records import counted, load
from search.storage.status import has_begun
from studies.order import EVERY


def history(storage: optuna.storages.BaseStorage, folder: Path | None = None) -> list[Timed]:
    """Those of all studies of the run in `folder`, in the order in which they ended; results that were taken over are none."""
    found: list[tuple[datetime, Timed]] = []
    for name in EVERY:
        study = load(storage, name, folder)
        found += [
            (trial.datetime_complete, timed(trial.user_attrs, len(trial.intermediate_values)))
            for trial in (counted(study, (TrialState.COMPLETE,)) if study else ())
            if "copied_from" not in trial.user_attrs and trial.user_attrs.get("seconds") and trial.datetime_complete
        ]
    return [measured for _, measured in sorted(found, key=lambda pair: pair[0])]


def timed(attrs: Mapping[str, Any], epochs: int) -> Timed:
    return Timed(macs_of(attrs), attrs["seconds"] / epochs, attrs.get("conditions", ""), attrs.get("workers", 0))


def macs_of(attrs: Mapping[str, Any]) -> int:
    """Of a trial by its attributes; those of earlier versions have the rounded one alone."""
    return round(float(attrs.get("macs") or attrs.get("gmacs", 0) * 1e9))


def measured(run: Run, workers: int) -> Rate | None:
    """From trials that have ended with so many workers; None where there are none."""
    if not has_begun(run):
        return None
    past = history(open_storage(run.storage), run.folder)
    alike = next((one.alike for one in reversed(past) if one.workers == workers), None)
    fitted = line(past, alike) if alike else None
    return Rate(fitted, MEASURED) if fitted else None


def last_workers(run: Run) -> int:
    """How many trained at once in the run's latest training; 0 where none has ended."""
    past = history(open_storage(run.storage), run.folder) if has_begun(run) else []
    return past[-1].workers if past else 0
