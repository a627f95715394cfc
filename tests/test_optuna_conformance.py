"""Optuna's own suites on ours: what it demands of every storage, and of every sampler as far as a finite space allows."""

import re
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    check_distribution_compatibility,
)
from optuna.storages import BaseStorage
from optuna.storages import get_storage as cached
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
)
from optuna.testing.pytest_storages import StorageTestCase

from search.leader.sampler import FeasibleSampler
from search.storage.opening import open_storage
from search.storage.patience import PatientStorage
from search.storage.sqlite import sqlite_url
from studies.study import Value

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> PatientStorage:
    """One for all tests of a kind: making the tables takes longer than a test."""
    if request.param == "sqlite":
        return open_storage(sqlite_url(tmp_path_factory.mktemp("conformance") / "studies.db"))
    server = request.getfixturevalue("server")
    server.do("CREATE DATABASE conformance")
    return open_storage(server.url("conformance"))


@pytest.mark.parametrize("as_studies_use_it", [False, True], ids=["plain", "cached"])
class TestStorage(StorageTestCase):
    @pytest.fixture
    def storage(self, opened: PatientStorage, as_studies_use_it: bool) -> Iterator[BaseStorage]:
        """Without a study; as `open_storage` gives it, and behind the cache that Optuna lays over it."""
        yield cached(opened) if as_studies_use_it else opened
        for study in opened.get_all_studies():
            opened.delete_study(study._study_id)


ONCE = "it asks for more points than there are; this sampler proposes none twice"
KINDS = "it suggests evenly spaced numbers as categories or in logarithms; this sampler proposes them on a linear grid"
MOVED = "its ranges move while it runs; this sampler's space is what it was made with"
PARTS = (
    "it takes a parameter away from the sampler; this one proposes whole points, as the cap is a matter of the whole"
)

# The suite's tests that a sampler of a finite space cannot pass, each with the reason. Those of KINDS are found below.
EXCEPTIONS = {
    "test_dynamic_range_objective": MOVED,
    "test_partial_fixed_sampling": PARTS,
    "test_sample_single_distribution": ONCE,
}

# What a test asks for that says it in its code alone.
ASKED: dict[str, dict[str, BaseDistribution]] = {
    "test_sample_relative_categorical": {
        "x": CategoricalDistribution([1, 10, 100]),
        "y": CategoricalDistribution([-1, -10, -100]),
    },
    "test_sample_relative_mixed": {"y": CategoricalDistribution([-1, -10, -100])},
    "test_conditional_sample_independent": {
        "category": CategoricalDistribution(["x", "y"]),
        "x": CategoricalDistribution(["a", "b"]),
        "y": CategoricalDistribution(["a", "b"]),
    },
    "test_conditional_parameter_objective": {
        "x": CategoricalDistribution([True, False]),
        "y": FloatDistribution(0, 1),
        "z": FloatDistribution(0, 1),
    },
    "test_nan_objective_value": {"x": FloatDistribution(0.1, 0.2)},
    "test_trial_relative_params": {"x": FloatDistribution(-10, 10), "y": FloatDistribution(-10, 10)},
}


class Overheard:
    """A trial that notes what is suggested of it."""

    def __init__(self) -> None:
        self.asked: dict[str, BaseDistribution] = {}

    def suggest_int(self, name: str, low: int, high: int, **options: Any) -> None:
        self.asked[name] = IntDistribution(low, high, **options)

    def suggest_float(self, name: str, low: float, high: float, **options: Any) -> None:
        self.asked[name] = FloatDistribution(low, high, **options)

    def suggest_categorical(self, name: str, choices: list[Any]) -> None:
        self.asked[name] = CategoricalDistribution(choices)


def asked_for(test: str, parameters: dict[str, Any]) -> dict[str, BaseDistribution]:
    """The parameters that a test of the suite asks a sampler for."""
    overheard = Overheard()
    for name, value in parameters.items():
        if name.startswith("suggest_method_"):
            value(overheard)
        elif name == "choices":
            overheard.asked["x"] = CategoricalDistribution(value)
        elif name == "distribution" or name.endswith("_distribution"):
            overheard.asked[name[0] if name[1] == "_" else "x"] = value
    return overheard.asked | ASKED.get(test, {})


def grid(asked: BaseDistribution) -> tuple[Value, ...]:
    match asked:
        case CategoricalDistribution():
            return tuple(asked.choices)  # type: ignore[arg-type] # text and numbers
        case IntDistribution():
            return tuple(range(asked.low, asked.high + 1, asked.step))
        case FloatDistribution():
            step = asked.step or (asked.high - asked.low) / 20  # a grid within a continuous interval
            values = (round(asked.low + n * step, 4) for n in range(round((asked.high - asked.low) / step) + 1))
            return tuple(value for value in values if asked.low <= value <= asked.high)
    raise AssertionError(asked)


def alike(one: BaseDistribution, other: BaseDistribution) -> bool:
    """Whether Optuna takes a value of the one for one of the other."""
    try:
        check_distribution_compatibility(one, other)
    except ValueError:
        return False
    return True


class TestSampler(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self, request: pytest.FixtureRequest) -> Callable[[], FeasibleSampler]:
        """Of the grid that the test asks for, every point of which fits."""
        test = request.function.__name__
        if test in EXCEPTIONS:
            pytest.skip(EXCEPTIONS[test])
        callspec = getattr(request.node, "callspec", None)
        asked = asked_for(test, callspec.params if callspec else {})
        space = {name: grid(distribution) for name, distribution in asked.items()}
        feasible = [dict(zip(space, values, strict=True)) for values in product(*space.values())]
        made = FeasibleSampler(space, feasible, seed=0, objectives=2 if "multi_objective" in test else 1)
        if re.search("relative|objective$", test) and not all(map(alike, asked.values(), made.distributions.values())):
            pytest.skip(KINDS)
        return lambda: made


def test_every_exception_is_of_a_test_that_the_suite_has() -> None:
    assert all(callable(getattr(TestSampler, name)) for name in [*EXCEPTIONS, *ASKED])
