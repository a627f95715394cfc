"""The sampler under the cap, with real Optuna studies in memory."""

import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

from search.leader.sampler import TRIES, FeasibleSampler, distribution
from search.leader.schedule import suggest
from search.planning.asking import key
from search.storage.records import point_of
from studies.preset import StudyError
from studies.study import Point, Space, Value, points

SPACE: Space = {"beta": (0.7, 0.8, 0.9, 1.0), "mixed5": (2, 3, 4), "fc_units": (0, 1024, 3072)}
Objective = Callable[[Point], float]


def narrow_enough(point: Point) -> bool:
    """A cap that about half of SPACE meets."""
    return float(point["beta"]) * float(point["mixed5"]) + float(point["fc_units"]) / 2000 < 3


def feasible(space: Space = SPACE) -> list[Point]:
    return [point for point in points(space) if narrow_enough(point)]


def a_study(sampler: FeasibleSampler) -> optuna.Study:
    return optuna.create_study(sampler=sampler, pruner=optuna.pruners.NopPruner())


def ask(study: optuna.Study, sampler: FeasibleSampler) -> tuple[optuna.Trial, Point]:
    """The next proposal, as the engine takes it."""
    trial = study.ask()
    for name, choices in sampler.distributions.items():
        suggest(trial, name, choices)
    return trial, point_of(study._storage.get_trial(trial._trial_id))


def proposals(make: Callable[[], FeasibleSampler], count: int, objective: Objective, anew: bool = False) -> list[Point]:
    """So many proposals in a row, each told its result; `anew` makes another sampler for each."""
    sampler = make()
    study = a_study(sampler)
    asked = []
    for _ in range(count):
        if anew:
            sampler = study.sampler = make()
        trial, point = ask(study, sampler)
        study.tell(trial, objective(point))
        asked.append(point)
    return asked


def bowl(point: Point) -> float:
    return (float(point["beta"]) - 0.8) ** 2 + (float(point["mixed5"]) - 3) ** 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_every_proposal_is_feasible_and_new_until_every_feasible_point_was_visited_once(seed: int) -> None:
    fitting = feasible()
    asked = proposals(lambda: FeasibleSampler(SPACE, fitting, seed), len(fitting), bowl)

    assert 0.3 < len(fitting) / len(list(points(SPACE))) < 0.7
    assert sorted(map(key, asked)) == sorted(map(key, fitting))
    assert all(point in fitting for point in asked)


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_any_feasible_subset_is_visited_exactly(data: st.DataObject) -> None:
    space: Space = {"beta": (0.5, 1.0), "variant": ("baseline", "mixed0=0"), "count": (1, 2, 5)}
    fitting = data.draw(st.lists(st.sampled_from(list(points(space))), min_size=1, unique_by=key))
    asked = proposals(lambda: FeasibleSampler(space, fitting, 3), len(fitting), lambda point: float(point["beta"]))

    assert sorted(map(key, asked)) == sorted(map(key, fitting))


def test_points_still_running_and_points_enqueued_are_not_proposed_again() -> None:
    """With several workers; an enqueued point is taken up as it is."""
    fitting = feasible()
    sampler = FeasibleSampler(SPACE, fitting, 0)
    study = a_study(sampler)
    study.enqueue_trial(fitting[0])
    study.enqueue_trial(fitting[1])
    asked = [ask(study, sampler)[1] for _ in fitting]

    assert asked[:2] == fitting[:2]
    assert sorted(map(key, asked)) == sorted(map(key, fitting))


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("given", [{"beta": 1.0}, {"fc_units": 1024}, {"mixed5": 4, "fc_units": 0}, {}])
def test_a_point_enqueued_in_part_becomes_one_that_fits(given: Point, seed: int) -> None:
    fitting = feasible()
    sampler = FeasibleSampler(SPACE, fitting, seed)
    study = a_study(sampler)
    study.enqueue_trial(given)
    _, point = ask(study, sampler)

    assert point in fitting
    assert given.items() <= point.items()


def test_a_point_enqueued_in_part_that_none_fits_is_a_sentence() -> None:
    sampler = FeasibleSampler(SPACE, feasible(), 0)
    study = a_study(sampler)
    study.enqueue_trial({"beta": 1.0, "mixed5": 4})

    with pytest.raises(StudyError, match=r"no point that may run has \{'beta': 1.0, 'mixed5': 4\} and a fc_units"):
        ask(study, sampler)


def test_failed_points_are_not_proposed_again() -> None:
    fitting = feasible()
    sampler = FeasibleSampler(SPACE, fitting, 0)
    study = a_study(sampler)
    asked = []
    for _ in fitting:
        trial, point = ask(study, sampler)
        study.tell(trial, state=TrialState.FAIL)
        asked.append(point)

    assert sorted(map(key, asked)) == sorted(map(key, fitting))


def test_what_is_turned_away_is_counted() -> None:
    everything, some = list(points(SPACE)), feasible()
    free, capped = FeasibleSampler(SPACE, everything, 0), FeasibleSampler(SPACE, some[:2], 0)
    ask(a_study(free), free)
    ask(a_study(capped), capped)

    assert free.turned_away == 0
    assert capped.turned_away > 0


@pytest.mark.slow
def test_a_sampler_made_anew_before_every_proposal_proposes_the_same() -> None:
    """What a search proposes after it was stopped is what it would have proposed."""

    def make() -> FeasibleSampler:
        return FeasibleSampler(SPACE, feasible(), 5)

    assert proposals(make, 12, bowl, anew=True) == proposals(make, 12, bowl)


def test_another_seed_proposes_otherwise() -> None:
    asked = [proposals(lambda seed=seed: FeasibleSampler(SPACE, feasible(), seed), 8, bowl) for seed in range(3)]

    assert asked[0] != asked[1] != asked[2] != asked[0]


@pytest.mark.slow
def test_other_results_are_followed_by_other_proposals() -> None:
    def make() -> FeasibleSampler:
        return FeasibleSampler(SPACE, feasible(), 0)

    same, other = proposals(make, 12, bowl), proposals(make, 12, lambda point: -bowl(point))

    assert same[:5] == other[:5]  # drawn at random
    assert same != other


@given(st.integers(1, 5000), st.integers(1, 4000), st.integers(2, 14))
def test_evenly_spaced_floats_are_a_float_grid(low: int, step: int, count: int) -> None:
    """As widths and dropout rates are: four decimals."""
    values = tuple(round((low + n * step) / 10_000, 4) for n in range(count))
    made = distribution(values)

    assert isinstance(made, FloatDistribution)
    assert (made.low, made.high) == (values[0], values[-1])
    assert made.step is not None
    reached = [made.low + n * made.step for n in range(round((made.high - made.low) / made.step) + 1)]
    assert [round(value, 4) for value in reached] == list(values)


@given(st.integers(0, 50), st.integers(1, 20), st.integers(2, 14))
def test_evenly_spaced_integers_are_an_integer_grid(low: int, step: int, count: int) -> None:
    values = tuple(range(low, low + step * count, step))

    assert distribution(values) == IntDistribution(low, values[-1], step=step)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=8, unique=True))
def test_the_distribution_of_any_numbers_holds_these_and_no_others(numbers: list[int]) -> None:
    values: tuple[Value, ...] = tuple(sorted(numbers))
    made = distribution(values)

    if isinstance(made, CategoricalDistribution):
        assert made.choices == values
    else:
        assert isinstance(made, IntDistribution)
        assert tuple(range(made.low, made.high + 1, made.step)) == values


@pytest.mark.parametrize(
    "values", [("baseline", "mixed0=0"), (0, 512, 1024, 3072), (0.5,), (0.0437, 0.0625, 0.0875), (3, 2, 1)]
)
def test_strings_uneven_values_and_single_ones_are_categories(values: tuple[Value, ...]) -> None:
    assert distribution(values) == CategoricalDistribution(values)


def test_a_grids_values_return_from_optuna_as_they_were() -> None:
    """Optuna computes a grid's floats from low and step, so 0.3 returns as 0.30000000000000004."""
    space: Space = {"beta": tuple(round(0.1 * n, 4) for n in range(1, 17))}
    grid = list(points(space))

    asked = proposals(lambda: FeasibleSampler(space, grid, 0), len(grid), lambda point: float(point["beta"]))

    assert sorted(float(point["beta"]) for point in asked) == list(space["beta"])


def regrets(best_at: Callable[[int], Sequence[Point]], objective: Objective, lowest: float, seeds: int) -> list[float]:
    return [min(objective(point) for point in best_at(seed)) - lowest for seed in range(seeds)]


@pytest.mark.slow
def test_the_wrapped_tpe_still_learns_under_a_cap() -> None:
    """A quadratic with its valley at the cap, half of the grid over it: 20 proposals beat 20 random feasible draws."""
    space: Space = {name: tuple(range(10)) for name in ("x", "y", "z")}
    fitting = [point for point in points(space) if sum(map(float, point.values())) <= 13]

    def objective(point: Point) -> float:
        return (float(point["x"]) - 7) ** 2 + (float(point["y"]) - 2) ** 2 + (float(point["z"]) - 3) ** 2

    def by_tpe(seed: int) -> list[Point]:
        return proposals(lambda: FeasibleSampler(space, fitting, seed), 20, objective)

    def at_random(seed: int) -> list[Point]:
        return [fitting[index] for index in np.random.default_rng(seed).permutation(len(fitting))[:20]]

    lowest = min(map(objective, fitting))
    assert 0.4 < len(fitting) / 1000 < 0.6
    tpe = statistics.mean(regrets(by_tpe, objective, lowest, 6))
    random = statistics.mean(regrets(at_random, objective, lowest, 40))
    assert tpe < 0.7 * random


def trade_off(point: Point) -> tuple[float, float]:
    """Better with blocks and width, which cost."""
    size = float(point["beta"]) * (1 + float(point["mixed5"]))
    return 20 - 3 * float(point["mixed5"]) - 4 * float(point["beta"]), size


def two_objectives(seed: int, count: int, anew: bool = False) -> list[Point]:
    fitting = feasible()
    sampler = FeasibleSampler(SPACE, fitting, seed, objectives=2)
    study = optuna.create_study(sampler=sampler, directions=["minimize"] * 2)
    study.enqueue_trial(fitting[0])
    asked = []
    for _ in range(count):
        if anew:
            sampler = study.sampler = FeasibleSampler(SPACE, fitting, seed, objectives=2)
        trial, point = ask(study, sampler)
        study.tell(trial, trade_off(point))
        asked.append(point)
    return asked


def test_with_two_objectives_too_every_feasible_point_is_visited_once_and_no_other() -> None:
    fitting = feasible()

    assert sorted(map(key, two_objectives(0, len(fitting)))) == sorted(map(key, fitting))


def test_with_two_objectives_too_a_sampler_made_anew_proposes_the_same() -> None:
    every = len(feasible())
    assert two_objectives(3, every, anew=True) == two_objectives(3, every)
    assert two_objectives(3, 8) != two_objectives(4, 8)


PROPOSALS = 9  # of the 15 feasible points: the last ones cost the wrapped sampler a hundred asks each


class Asking(FeasibleSampler):
    """The reference: the wrapped sampler reads the storage, and writes to it, at every ask."""

    def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
        numbers = np.random.SeedSequence((self.seed, trial.number)).generate_state(2)
        sampler = self.wrapped(int(numbers[0]))
        taken = {key(other.params) for other in study.get_trials(deepcopy=False) if other.number != trial.number}
        for _ in range(TRIES):
            point = sampler.sample_relative(study, trial, search_space)
            for name, choices in search_space.items():
                if name not in point:
                    point[name] = sampler.sample_independent(study, trial, name, choices)
            if key(point) in self.feasible and key(point) not in taken:
                return point
        left = [point for name, point in self.feasible.items() if name not in taken]
        return dict(left[np.random.default_rng(int(numbers[1])).integers(len(left))])


def searched(sampler: FeasibleSampler, storage: Any, objectives: int, workers: int) -> list[Point]:
    """The proposals of a search, where so many trials run at once."""
    study = optuna.create_study(storage=storage, sampler=sampler, directions=["minimize"] * objectives)
    asked, running = [], []
    for _ in range(PROPOSALS):
        trial, point = ask(study, sampler)
        asked.append(point)
        running.append((trial, [bowl(point), float(point["fc_units"])][:objectives]))
        if len(running) == workers:
            study.tell(*running.pop(0))
    return asked


@pytest.mark.parametrize(("seed", "objectives", "workers"), [(0, 1, 1), (1, 1, 3), (2, 2, 1)])
def test_proposals_are_those_of_a_sampler_that_reads_the_storage_at_every_ask(
    seed: int, objectives: int, workers: int
) -> None:
    once, every = (kind(SPACE, feasible(), seed, objectives) for kind in (FeasibleSampler, Asking))

    assert searched(once, None, objectives, workers) == searched(every, None, objectives, workers)
    assert once.turned_away


class Noted(InMemoryStorage):
    """Counts what is asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: Counter[str] = Counter()

    def get_all_trials(self, *args: Any, **options: Any) -> list[optuna.trial.FrozenTrial]:
        self.noted["trials read"] += 1
        return super().get_all_trials(*args, **options)

    def get_study_system_attrs(self, *args: Any) -> dict[str, Any]:
        self.noted["study read"] += 1
        return super().get_study_system_attrs(*args)

    def set_trial_system_attr(self, *args: Any) -> None:
        self.noted["attributes written"] += 1
        super().set_trial_system_attr(*args)


@pytest.mark.parametrize("objectives", [1, 2])
def test_the_storage_is_asked_once_for_a_proposal_however_often_the_wrapped_sampler_is(objectives: int) -> None:
    sampler = FeasibleSampler(SPACE, feasible(), 0, objectives)
    storage = Noted()
    asked = searched(sampler, storage, objectives, workers=1)

    assert sampler.turned_away > len(asked)
    assert all(storage.noted[what] <= 2 * len(asked) for what in storage.noted), storage.noted
