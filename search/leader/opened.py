"""A study that this process holds, as its leader sees it, and whoever is told of its progress."""

from dataclasses import dataclass

import optuna
from optuna.trial import TrialState

from data.store.disk import Store
from models.architecture import Architecture
from search.leader.sampler import FeasibleSampler
from search.lease import Lease
from search.run import Run
from search.storage.patience import PatientStorage
from studies.study import Given, Study


@dataclass(frozen=True)
class OpenStudy:
    run: Run
    store: Store
    name: str
    module: Study
    given: Given
    study: optuna.Study
    storage: PatientStorage  # the study's
    sampler: FeasibleSampler
    lease: Lease


@dataclass(frozen=True)
class Ending:
    """A trial's end, which is not told yet."""

    trial: optuna.trial.Trial
    architecture: Architecture
    validation_mae: float | None  # months; None where it has no result
    state: TrialState
