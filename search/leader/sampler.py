"""A sampler that proposes only points worth running: under the cap, and not proposed before.

An over-cap proposal never becomes a trial: the wrapped sampler is asked again, and where it insists, a feasible new
point is drawn. (Telling Optuna of over-cap trials as pruned instead would waste a third of a small budget on them.)
"""

import copy
from collections.abc import Callable, Container, Sequence
from itertools import pairwise
from typing import Any, cast

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, NSGAIISampler, TPESampler
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from search.planning.asking import key
from search.storage.keys import read_from, storage_of, trial_key
from search.storage.told import params_of
from studies.preset import StudyError
from studies.study import Point, Space, Value


class NothingLeft(Exception):
    """All points that may run are taken."""


TRIES = 100  # of the wrapped sampler, before a feasible point is drawn
POPULATION = 8  # of a generation of NSGA-II; small, as the budgets here are
STARTUP_TRIALS = 5  # drawn at random before TPE models anything; small, as the budgets here are


def distribution(values: tuple[Value, ...]) -> BaseDistribution:
    """The Optuna distribution whose grid is these values: numeric where they are evenly spaced, else categorical."""
    numbers = [value for value in values if not isinstance(value, str)]
    steps = {round(above - below, 6) for below, above in pairwise(numbers)}
    if len(numbers) < len(values) or len(steps) != 1 or min(steps) <= 0:
        return CategoricalDistribution(values)
    if all(isinstance(number, int) for number in numbers):
        return IntDistribution(int(numbers[0]), int(numbers[-1]), step=int(steps.pop()))
    return FloatDistribution(numbers[0], numbers[-1], step=steps.pop())


class Attributes:
    """Storage for one proposal: its system attributes are read once, and what the wrapped sampler writes is kept for the end."""

    def __init__(self, storage: BaseStorage) -> None:
        self.storage = storage
        self.of_studies: dict[int, dict[str, Any]] = {}
        self.of_trials: dict[tuple[int, str], Any] = {}  # by trial and name: every ask overwrites the one before

    def __getattr__(self, name: str) -> Any:
        return getattr(self.storage, name)

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        if study_id not in self.of_studies:
            self.of_studies[study_id] = dict(self.storage.get_study_system_attrs(study_id))
        return self.of_studies[study_id]

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        self.storage.set_study_system_attr(study_id, key, value)
        self.get_study_system_attrs(study_id)[key] = value

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        self.of_trials[trial_id, key] = value

    def write(self) -> None:
        for (trial_id, name), value in self.of_trials.items():
            self.storage.set_trial_system_attr(trial_id, name, value)


class Counted(optuna.Study):
    """A study as the wrapped sampler is to see it: without the trials that do not count.

    It is read once, for one proposal: the wrapped sampler is asked up to a hundred times for it.
    """

    def __init__(self, study: optuna.Study, is_left_out: Callable[[FrozenTrial], bool]) -> None:
        self.__dict__.update(study.__dict__)
        self.attributes = Attributes(storage_of(study))
        read_from(self, cast(BaseStorage, self.attributes))
        self.counted = [trial for trial in study.get_trials(deepcopy=False) if not is_left_out(trial)]

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        trials = [trial for trial in self.counted if states is None or trial.state in states]
        return copy.deepcopy(trials) if deepcopy else trials


class FeasibleSampler(BaseSampler):
    """Wraps TPE, or NSGA-II where there are several objectives.

    What it proposes is a function of the seed, the trial's number and the trials before it.
    """

    def __init__(
        self,
        space: Space,
        feasible: Sequence[Point],
        seed: int,
        objectives: int = 1,
        counts: Callable[[FrozenTrial], bool] | None = None,
    ) -> None:
        """`counts` says of a trial that has ended whether anything is to be learned from it; by default of all."""
        self.distributions = {name: distribution(values) for name, values in space.items()}
        self.feasible = {key(point): point for point in feasible}
        self.seed, self.objectives = seed, objectives
        self.counts = counts
        self.left_out: dict[int, bool] = {}  # by key, of trials that have ended: those change no more
        self.turned_away = 0  # proposals over the cap or repeated, since this object was made

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self.distributions

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """A whole point at once, so that the cap is a matter of the point and not of one parameter. Raises NothingLeft."""
        numbers = np.random.SeedSequence((self.seed, trial.number)).generate_state(2)
        sampler = self.wrapped(int(numbers[0]))
        if "fixed_params" in trial.system_attrs:  # an enqueued point: nothing to propose
            if isinstance(sampler, NSGAIISampler):
                sampler.get_trial_generation(study, trial)  # it belongs to one all the same
            return {}
        counted = Counted(study, self.is_left_out)
        taken = {key(params_of(other)) for other in counted.counted if other.number != trial.number}
        point = self.feasible_and_new(sampler, counted, trial, search_space, taken)
        counted.attributes.write()
        if point is not None:
            return point
        left = [point for name, point in self.feasible.items() if name not in taken]
        if not left:
            raise NothingLeft
        return dict(left[np.random.default_rng(int(numbers[1])).integers(len(left))])

    def feasible_and_new(
        self,
        sampler: BaseSampler,
        study: optuna.Study,
        trial: FrozenTrial,
        search_space: dict[str, BaseDistribution],
        taken: set[tuple[Any, ...]],
    ) -> dict[str, Any] | None:
        """The wrapped sampler's first proposal that is feasible and new; None where it has none in TRIES asks."""
        for _ in range(TRIES):
            point = sampler.sample_relative(study, trial, search_space)
            for name, choices in search_space.items():
                if name not in point:
                    point[name] = sampler.sample_independent(study, trial, name, choices)
            if key(point) in self.feasible and key(point) not in taken:
                return point
            self.turned_away += 1
        return None

    def is_left_out(self, trial: FrozenTrial) -> bool:
        if self.counts is None or not trial.state.is_finished():
            return False
        if trial_key(trial) not in self.left_out:
            self.left_out[trial_key(trial)] = not self.counts(trial)
        return self.left_out[trial_key(trial)]

    def wrapped(self, seed: int) -> TPESampler | NSGAIISampler:
        if self.objectives > 1:
            return NSGAIISampler(seed=seed, population_size=POPULATION)
        return TPESampler(seed=seed, multivariate=True, n_startup_trials=STARTUP_TRIALS)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A value for what a point lacks that was given in part, as one enqueued by hand may be: some point that fits has both.

        Raises StudyError where none does.
        """
        known = params_of(trial)
        whole = [point for name, point in self.feasible.items() if param_name in point and set(key(known)) <= set(name)]
        if not whole:
            raise StudyError(f"trial {trial.number}: no point that may run has {known} and a {param_name}")
        numbers = np.random.SeedSequence((self.seed, trial.number, len(known))).generate_state(1)
        return whole[np.random.default_rng(int(numbers[0])).integers(len(whole))][param_name]
