"""The trainings of a run as its storage holds them: how long they took."""

from datetime import datetime

import optuna
from optuna.trial import FrozenTrial, TrialState

from search.epoch_seconds import Timed
from search.records import load, point_of
from search.run import Run
from search.status import given
from studies.order import STUDIES
from studies.study import Given, Study


def history(run: Run, storage: optuna.storages.BaseStorage) -> list[Timed]:
    """Those of all studies in the order in which they ended; results that were taken over are none."""
    found: list[tuple[datetime, Timed]] = []
    for name, module in STUDIES.items():
        study = load(storage, name)
        if study is None or "constant_mae" not in study.user_attrs:  # made, and left at once
            continue
        started = given(run, study)
        found += [
            (trial.datetime_complete, timed(module, started, trial))
            for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
            if "copied_from" not in trial.user_attrs and trial.user_attrs.get("seconds") and trial.datetime_complete
        ]
    return [measured for _, measured in sorted(found, key=lambda pair: pair[0])]


def timed(module: Study, started: Given, trial: FrozenTrial) -> Timed:
    attrs = trial.user_attrs
    macs = started.cost(module.architecture(started, point_of(trial))).macs
    seconds = attrs["seconds"] / len(trial.intermediate_values)
    return Timed(macs, seconds, attrs.get("conditions", ""), attrs.get("workers", 0))
