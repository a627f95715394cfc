"""Seeds that are compared with none, and seeds that are replicates: the race replaces the ones, and no trial of the others is ended early."""

from collections.abc import Sequence
from dataclasses import replace

import optuna
import pytest
from conftest import tiny_preset

from search.leader.sampler import FeasibleSampler
from search.leader.schedule import Schedule
from studies import ablation, depth, width
from studies.preset import Preset
from studies.study import Decision, Given, Trial, feasible_points, pool

HERE, ELSEWHERE = "CPU", "GPU"


def trained(variant: str, conditions: Sequence[str], mae: float) -> list[Trial]:
    """A trial for each seed, which differ by a little."""
    return [
        Trial(seed, {"variant": variant}, "complete", mae + 0.3 * (seed % 3), 1, (mae,), seed=seed, conditions=where)
        for seed, where in enumerate(conditions)
    ]


def raced(elsewhere: int, resolve: int = 12) -> dict[str, int]:
    """How many seeds each is to have after its first look, some of which the first variant was given by another machine."""
    preset = replace(tiny_preset(), resolve=resolve, seeds=3)
    given = Given(preset, {}, 30.0)
    names = [str(point["variant"]) for point in feasible_points(ablation, given)]
    own = [ELSEWHERE] * elsewhere + [HERE] * (3 - elsewhere)
    most = preset.reference_seeds(3, len(names) - 1)
    trials = [
        trial
        for place, name in enumerate(names)
        for trial in trained(
            name, [HERE] * most if name == ablation.BASELINE else own if place == 1 else [HERE] * 3, 20.0
        )
    ]
    return dict(zip(names, ablation.seeds_wanted(given, pool(trials, 3), names), strict=True))


@pytest.mark.parametrize("elsewhere", [1, 2])
def test_a_race_goes_on_with_other_seeds_where_some_were_trained_otherwise(elsewhere: int) -> None:
    wanted = raced(elsewhere)
    first = list(wanted)[1]

    assert wanted[first] == 3 + elsewhere


def test_a_race_whose_every_further_seed_is_trained_otherwise_ends_at_its_most() -> None:
    preset = replace(tiny_preset(), resolve=6, seeds=3)
    given = Given(preset, {}, 30.0)
    names = [str(point["variant"]) for point in feasible_points(ablation, given)]
    have = dict.fromkeys(names, 3) | {ablation.BASELINE: preset.reference_seeds(3, len(names) - 1)}
    for _ in range(20):
        trials = [one for name in names for one in trained(name, [HERE] * 2 + [ELSEWHERE] * (have[name] - 2), 20.0)]
        wanted = dict(zip(names, ablation.seeds_wanted(given, pool(trials, 3), names), strict=True))
        if wanted == have:
            break
        have = {name: max(have[name], wanted[name]) for name in names}

    assert wanted == have
    assert max(count for name, count in have.items() if name != ablation.BASELINE) <= 6
    assert have[ablation.BASELINE] <= preset.reference_seeds(6, len(names) - 1)


@pytest.mark.parametrize("seed", [0, 7])
def test_only_the_first_seed_of_a_network_is_ended_early(seed: int) -> None:
    preset: Preset = replace(tiny_preset(), prune=True, seed=seed)
    first = Decision("", preset.reference, ablation.AblationFindings(key_groups=("mixed9",), warmup_epochs=1))
    second = Decision("", preset.reference, width.WidthFindings(best_beta=preset.reference.beta))
    given = Given(preset, {"ablation": first, "width": second}, 30.0)
    points = feasible_points(depth, given)
    sampler = FeasibleSampler(depth.space(given), points, preset.seed, 1)
    schedule = Schedule(optuna.create_study(sampler=sampler), depth, given, sampler)

    assert schedule.prunable(points[0], seed)
    assert not schedule.prunable(points[0], seed + 1)
