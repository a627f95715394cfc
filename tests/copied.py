"""A storage with everything in it that a copy has to carry, and all that Optuna knows of one."""

import math
from typing import Any

import optuna
from formula import FormulaExecutor, deeper_is_better, silent
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from data.store.disk import Store
from models.architecture import Architecture
from search.leader.engine import run_study
from search.run import Run
from search.watch.dashboard import noted
from studies.order import STUDIES


def unheard(table: str, rows: int) -> None:
    pass


def some_fail(architecture: Architecture) -> float:
    return math.inf if architecture.blocks.mixed9 == 0 else deeper_is_better(architecture)


def search(run: Run, store: Store, executor: FormulaExecutor) -> None:
    for name in STUDIES:
        run_study(run, store, name, lambda: executor, noted(silent()))


def odd_study(storage: RDBStorage) -> None:
    """Everything that a trial can be, beside what a search makes of them."""
    study = optuna.create_study(storage=storage, study_name="odd ünïcode 'study'", directions=["minimize", "maximize"])
    study.set_user_attr("nothing", None)
    study.set_user_attr("not a number", math.nan)
    storage.set_study_system_attr(study._study_id, "artifacts:5", '{"artifact_id": "5"}')
    study.add_trial(
        optuna.create_trial(
            values=[math.inf, -math.inf],
            params={"kind": None, "x": 0.1 + 0.2, "n": 7, "flag": True},
            distributions={
                "kind": CategoricalDistribution([None, "a", 1.5]),
                "x": FloatDistribution(1e-300, 1e300, log=True),
                "n": IntDistribution(1, 9, step=2),
                "flag": CategoricalDistribution([True, False]),
            },
            user_attrs={"list": [1, None, "\0"], "infinite": math.inf},
            system_attrs={"artifacts:6": '{"artifact_id": "6"}'},
            intermediate_values={2: math.nan, 1: math.inf, 3: -math.inf, 0: 1 / 3},
        )
    )
    study.add_trial(optuna.create_trial(state=TrialState.FAIL, user_attrs={"exit_reason": "killed"}))
    study.add_trial(optuna.create_trial(state=TrialState.PRUNED, intermediate_values={1: 2.0}))
    running = study.ask()
    running.suggest_float("y", 0, 1)
    running.set_user_attr("epoch", 3)
    study.enqueue_trial({"y": 0.5})
    optuna.create_study(storage=storage, study_name="empty")


def contents(storage: RDBStorage) -> list[Any]:
    """Everything that Optuna knows of a storage, but for its keys; as text, in which nan equals nan."""
    return [
        [
            study.study_name,
            [direction.name for direction in study.directions],
            repr(sorted(study.user_attrs.items())),
            repr(sorted(study.system_attrs.items())),
            [told(trial) for trial in storage.get_all_trials(study._study_id)],
        ]
        for study in storage.get_all_studies()
    ]


def told(trial: optuna.trial.FrozenTrial) -> str:
    facts = {name.lstrip("_"): value for name, value in vars(trial).items() if name != "_trial_id"}
    return repr({name: sorted(value.items()) if isinstance(value, dict) else value for name, value in facts.items()})
