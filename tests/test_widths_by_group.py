"""Width by group in the refinement: key groups one step wider, the others one narrower, one group at a time."""

from dataclasses import replace
from math import log2

import numpy as np
import pytest
from conftest import tiny_preset
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from models.architecture import Architecture
from models.cost import cost, params
from models.families import FAMILIES
from search.compare.staged import Staged
from search.planning.asking import asked, key
from search.planning.feasible import fitting
from search.planning.unfit import why_unfit
from studies import refinement
from studies.ablation import AblationFindings
from studies.knowledge import belief, dimensions
from studies.preset import Preset
from studies.presets import PRESETS
from studies.refining import by_group
from studies.study import Decision, Given, Point, Training, Trial, feasible_points, points, pool


def after_depth(preset: Preset, network: Architecture | None = None, keys: tuple[str, ...] = ()) -> Given:
    decided = Decision("", network or preset.reference)
    first = Decision("", preset.reference, AblationFindings(key_groups=keys))
    return Given(preset, {"ablation": first, "width": decided, "depth": decided}, 30.0)


@drawn(
    family=st.sampled_from(list(FAMILIES)),
    place=st.integers(0, 20),
    step=st.integers(0, 11),
    factors=st.sampled_from([(1.0,), (0.5, 1.0, 1.5), (0.7, 0.9, 1.0, 1.2, 1.6), (1.0, 2.0)]),
)
@settings(max_examples=40)
def test_each_group_is_offered_once_in_its_direction_and_every_network_can_be_counted(
    family: str, place: int, step: int, factors: tuple[float, ...]
) -> None:
    groups = FAMILIES[family].groups
    key = groups[place % len(groups)]
    reference = Architecture(family=family, beta=0.5, blocks=FAMILIES[family].blocks)
    preset = replace(tiny_preset(), reference=reference, width_factors=factors, widths_by_group=True, max_params=10**9)
    decided = replace(reference, beta=round(0.5 * factors[step % len(factors)], 4))
    found = by_group.choices(after_depth(preset, decided, (key,)), decided)

    assert found[0] == by_group.NONE
    named = dict(choice.split("=") for choice in found[1:])
    assert len(named) == len(found) - 1
    if len(factors) == 1:
        assert not named
        return
    assert set(named) == {group for group, count in decided.blocks._asdict().items() if count}
    assert all((float(factor) > 1) == (group == key) for group, factor in named.items())
    for choice in found:
        changed = by_group.applied(decided, choice)
        assert (changed == decided) == (choice == by_group.NONE)
        cost(changed, 100)


def test_a_group_without_blocks_has_no_width_and_is_no_other_network() -> None:
    reference = tiny_preset().reference
    bare = replace(reference, blocks=reference.blocks._replace(mixed9=0))

    assert by_group.applied(bare, "mixed9=0.7") == bare
    assert by_group.applied(reference, "mixed9=0.7").group_betas == (("mixed9", 0.7),)


@pytest.mark.parametrize("strategy", ["surrogate", "paper"])
@pytest.mark.parametrize("name", PRESETS)
def test_the_space_stays_small_and_without_the_field_it_is_what_it_was(name: str, strategy: str) -> None:
    preset = replace(PRESETS[name](), strategy=strategy)  # type: ignore[arg-type]
    plain = refinement.space(after_depth(preset, keys=("mixed9",)))
    grouped = refinement.space(after_depth(replace(preset, widths_by_group=True), keys=("mixed9",)))

    assert by_group.NAME not in plain
    assert len(grouped[by_group.NAME]) == 1 + sum(count > 0 for count in preset.reference.blocks)
    assert len(list(points(grouped))) <= 2 * belief.MOST_POINTS
    networks = {refinement.architecture(after_depth(preset), point) for point in list(points(plain))[:50]}
    assert all(not network.group_betas for network in networks)


def test_the_surrogate_tells_groups_from_each_other() -> None:
    network = tiny_preset().reference
    one, other = (by_group.applied(network, choice) for choice in ("mixed9=0.5", "mixed5=0.5"))

    seen = [by_group.features(each) for each in (network, one, other)]
    assert sum(abs(a - b) for a, b in zip(seen[0], seen[1], strict=True)) == pytest.approx(1)
    assert seen[1] != seen[2]
    fewer = [log2(params(network) / params(each)) for each in (one, other)]
    for less, each in zip(fewer, (one, other), strict=True):
        apart = np.abs(np.subtract(dimensions.seen(network), dimensions.seen(each)))
        assert apart.sum() == pytest.approx(1 + less)


def test_a_refinement_has_one_point_for_each_network() -> None:
    given = after_depth(replace(tiny_preset(), widths_by_group=True), keys=("mixed9",))
    feasible = feasible_points(refinement, given)
    networks = [refinement.architecture(given, point) for point in feasible]
    cap = refinement.max_params(given)
    every = {refinement.architecture(given, point) for point in points(refinement.space(given))}

    assert len(set(networks)) == len(networks)
    assert set(networks) == {network for network in every if given.fits(network, cap)}
    # Where a group has no blocks, the point that names no group.
    for point, network in zip(feasible, networks, strict=True):
        assert dict(network.group_betas).get(str(point[by_group.NAME]).partition("=")[0]) or (
            point[by_group.NAME] == by_group.NONE
        )


def without_mixed9(preset: Preset) -> tuple[Given, list[Point]]:
    """That network, decided by depth, and the refinement's points that are it without dropout."""
    bare = replace(preset.reference, blocks=preset.reference.blocks._replace(mixed9=0))
    first = Trial(0, {}, "complete", 9.0, 1, (9.0,), validation_mae_by_epoch=(9.0,))
    trained = (Training(bare, first), Training(preset.reference, replace(first, validation_mae=20.0)))
    given = replace(after_depth(preset), trained=trained)
    return given, [point for point in points(refinement.space(given)) if refinement.architecture(given, point) == bare]


def test_the_decided_network_is_not_trained_again_for_the_width_of_a_group_that_it_lacks() -> None:
    preset = replace(tiny_preset(), widths_by_group=True)
    given, same = without_mixed9(preset)
    feasible = feasible_points(refinement, given)
    own = Trial(0, same[0], "complete", 9.0, 1, (9.0,), validation_mae_by_epoch=(9.0,))

    assert len(same) == 2  # as decided, and with mixed9 narrower
    assert same[0] in feasible
    for point in same:  # the second, where an earlier version has trained that
        assert not belief.following(refinement, given, pool([replace(own, point=point)]), feasible, 0)


def test_a_second_point_of_a_network_that_somebody_enqueues_is_refused_with_the_first() -> None:
    given, same = without_mixed9(replace(tiny_preset(), widths_by_group=True))
    feasible = fitting(refinement, given)
    first, second = (why_unfit(refinement, given, feasible, point | {"seed": 0}, []) for point in same)

    assert (first, second) == ("", "is the same network as with group_width as decided: enqueue that instead")


def narrow_is_better(network: Architecture) -> float:
    return 20 - sum(network.blocks) / 20 - 4 * bool(network.group_betas) + 9 * network.dropout


@pytest.mark.parametrize("strategy", ["paper", "surrogate"])
def test_refinement_decides_for_a_narrower_group_where_that_is_better(strategy: str) -> None:
    preset = replace(tiny_preset(), strategy=strategy, widths_by_group=True, refine_trials=12)  # type: ignore[arg-type]
    reference = preset.reference
    first = Trial(0, {}, "complete", narrow_is_better(reference), 1, (20.0,))
    given = replace(after_depth(preset), trained=(Training(reference, first),))
    feasible = {key(point): point for point in feasible_points(refinement, given)}
    trials: list[Trial] = []
    while new := asked(refinement, given, trials, feasible).new:
        for point, seed in new:
            mae = narrow_is_better(refinement.architecture(given, point))
            trials.append(
                Trial(len(trials), point, "complete", mae, 1, (mae,), validation_mae_by_epoch=(mae,), seed=seed)
            )

    decided = refinement.decide(given, pool(trials))
    [(group, factor)] = decided.architecture.group_betas
    if strategy == "paper":  # which trains each change beside the network without it
        assert f"{group} × {factor:g} instead of as decided" in [row.variant for row in decided.findings.compared]
        groups = sum(count > 0 for count in reference.blocks)
        assert sum("instead of as decided" in row.variant for row in decided.findings.compared) == groups


def test_compare_searches_the_joint_space_which_has_none() -> None:
    preset = replace(tiny_preset(), widths_by_group=True)

    assert not Staged(preset, 30.0, preset.seed).preset.widths_by_group
