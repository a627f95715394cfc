"""What the studies conclude from one surrogate: on made-up landscapes whose truth is known, and on trainings made by hand."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.architecture import Architecture
from models.cost import cost
from search.compare.compare import own_seeds, run_all
from search.compare.curves import Curve, Request
from search.compare.replay import play
from search.compare.staged import Staged
from studies import depth, joint, refinement, width
from studies.findings import Choice
from studies.knowledge import belief, dimensions
from studies.order import EVERY
from studies.preset import Preset
from studies.presets import PRESETS, miniature
from studies.study import Decision, Given, Training, Trial, feasible_points, points, pool

Truth = Callable[[Architecture], float]
CONSTANT = 34.0
EPOCHS = miniature().training.epochs
REFERENCE = miniature().reference


def landscape(seed: int) -> Truth:
    """Effects of either sign, drawn once: of a doubling of the width, of each block group's counts, of the layer, of dropout."""
    random = np.random.default_rng(seed)
    wide, layer, dropout = random.normal(1, 1.5), random.normal(-0.5, 0.8), random.normal(0, 0.4)
    counts = np.cumsum(random.normal(0, 0.8, (6, 3)), axis=1)

    def months(network: Architecture) -> float:
        blocks = sum(counts[group, count] for group, count in enumerate(network.blocks))
        head = layer * (network.fc_units > 0) + dropout * (network.dropout > 0)
        return float(20 - wide * np.log2(network.beta / 0.14) + blocks + head)

    return months


class Answered:
    """Curves by a truth and each seed's luck; every training that was asked for is remembered."""

    def __init__(self, preset: Preset, truth: Truth, luck: float, seed: int) -> None:
        self.preset, self.truth, self.luck, self.seed = preset, truth, luck, seed

    def known(self, request: Request) -> Curve:
        network = joint.architecture(self.preset, request.point)
        place = [round(1000 * value) for value in (network.beta, *network.blocks, network.fc_units, network.dropout)]
        drawn = np.random.default_rng((self.seed, request.seed, *place)).normal(0, self.luck)
        end = self.truth(network) + drawn
        months = tuple(end + 6 * (1 - epoch / EPOCHS) for epoch in range(1, request.until + 1))
        return Curve(months, months, (1.0,) * request.until, end if request.until == EPOCHS else None)

    def want(self, request: Request) -> None:
        raise AssertionError("it is known")

    def wait(self) -> None:
        raise AssertionError("it is known")


def searched(seed: int, luck: float, workers: int = 1, **changes: Any) -> tuple[Staged, Truth]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    preset = replace(miniature(), **changes)
    truth = landscape(seed)
    rival = Staged(preset, CONSTANT, preset.seed)
    search = play(rival, EPOCHS, own_seeds(preset)(0), workers=workers)
    run_all({("staged", 0): search}, Answered(preset, truth, luck, seed), lambda _: None)
    return rival, truth


def best_truth(truth: Truth) -> float:
    preset = miniature()
    return min(
        truth(joint.architecture(preset, point)) for point in points(joint.space(preset)) if joint.fits(preset, point)
    )


@settings(max_examples=3)
@given(st.integers(0, 10_000), st.sampled_from((0.0, 0.4, 1.0)), st.sampled_from((1, 4)))
def test_the_decided_network_is_never_expected_to_be_worse_than_the_reference(
    seed: int, luck: float, workers: int
) -> None:
    rival, _ = searched(seed, luck, workers, width_trials=2, depth_trials=2, refine_trials=2)
    decided = rival.decisions["refinement"]
    knows = belief.belief(belief.known(refinement, replace(rival.given, trained=rival.trained), ()))
    [expected, of_reference], _ = knows.expected([decided.architecture, REFERENCE])

    assert expected <= of_reference
    assert decided.architecture in knows.complete
    assert decided.findings.choice is not None
    assert decided.findings.choice.expected == pytest.approx(expected, abs=0.002)


@pytest.mark.slow
def test_on_landscapes_it_was_not_tuned_on_the_decision_is_near_the_best_network() -> None:
    regrets = []
    for seed in range(100, 110):
        rival, truth = searched(seed, 0.4)
        regrets.append(truth(rival.decisions["refinement"].architecture) - best_truth(truth))

    assert np.mean(regrets) < 0.7
    assert max(regrets) < 2.5


def test_without_luck_and_with_many_workers_the_same_network_is_found_as_good() -> None:
    (alone, truth), (many, _) = searched(7, 0.0), searched(7, 0.0, workers=4)
    one, other = (truth(rival.decisions["refinement"].architecture) for rival in (alone, many))

    assert abs(one - other) < 1.0


# on trainings made by hand


def run(number: int, state: str, curve: tuple[float, ...], seed: int = 0) -> Trial:
    value = min(curve) if state == "complete" else None
    return Trial(number, {}, state, value, validation_mae_by_epoch=curve, seed=seed)


def test_a_training_that_ended_early_counts_with_what_others_gained_after_that_and_less() -> None:
    runs = [run(0, "complete", (24, 22, 20)), run(1, "complete", (23, 22, 19)), run(2, "pruned", (25, 23))]
    values, noise = belief.measured(runs)

    assert values == [20, 19, pytest.approx(23 - 2.5)]
    assert noise[:2] == [0, 0]
    assert noise[2] == pytest.approx(0.5 + belief.UNSEEN_MONTHS)


def test_one_that_failed_counts_as_the_worst_and_one_far_off_is_drawn_nearer() -> None:
    runs = [run(n, "complete", (months,)) for n, months in enumerate((18, 19, 20, 34))] + [run(4, "failed", ())]
    values, noise = belief.measured(runs)

    assert values[:3] == [18, 19, 20]
    assert 20 < values[3] < 34
    assert values[4] == values[3]
    assert noise[4] > 0


def given_with(*trained: tuple[Architecture, float], **changes: Any) -> Given:
    preset = replace(miniature(), **changes)
    decided = Decision("", preset.reference)
    found = tuple(
        Training(network, replace(run(n, "complete", (months,)))) for n, (network, months) in enumerate(trained)
    )
    decisions = {"ablation": decided, "width": decided, "depth": decided}
    return Given(preset, decisions, CONSTANT, trained=found)


def test_the_lowest_seen_is_not_chosen_where_all_that_is_like_it_was_worse() -> None:
    lucky = replace(REFERENCE, blocks=REFERENCE.blocks._replace(mixed5=0))
    alike = [replace(lucky, blocks=lucky.blocks._replace(mixed7=2)), replace(lucky, dropout=0.3), REFERENCE]
    wide = replace(REFERENCE, beta=0.28, blocks=REFERENCE.blocks._replace(mixed5=0, mixed7=0, mixed9=0))
    widest = [replace(wide, fc_units=128), wide, replace(wide, dropout=0.3)]
    started = given_with(
        (lucky, 16.9), *((network, 20.5) for network in alike), *((network, 17.0) for network in widest)
    )
    decided, choice = belief.choose(refinement, started, ())

    assert decided in widest
    assert not choice.is_lowest
    assert choice.lowest == 16.9
    assert choice.lowest_expected > choice.expected
    assert "was not chosen" in choice.sentence
    assert Choice.from_dict(choice.to_dict()) == choice


def test_no_network_is_decided_for_most_of_whose_trainings_failed() -> None:
    lucky = replace(REFERENCE, beta=0.2)
    given = given_with((REFERENCE, 15.0), (lucky, 10.0))
    failed = [Training(lucky, replace(run(9, "failed", (), seed), validation_mae=None)) for seed in (1, 2)]

    assert belief.choose(width, given, [])[0] == lucky
    assert belief.choose(width, replace(given, trained=(*given.trained, failed[0])), [])[0] == lucky
    assert belief.choose(width, replace(given, trained=(*given.trained, *failed)), [])[0] == REFERENCE


@pytest.mark.parametrize("name", ["fc_units", "se_ratio"])
def test_a_layer_of_any_size_is_another_network_to_the_surrogate(name: str) -> None:
    sizes: dict[str, tuple[float, ...]] = {"fc_units": (1, 2, 8, 128, 4096), "se_ratio": (1 / 1024, 1 / 256, 1 / 16, 1)}
    seen = [refinement.features(replace(REFERENCE, **{name: size})) for size in sizes[name]]  # type: ignore[arg-type]
    without = refinement.features(REFERENCE)

    assert all(sum(found) - sum(without) >= 0.25 for found in seen)
    assert [sum(found) for found in seen] == sorted(sum(found) for found in seen)


def test_no_network_over_the_cap_nor_without_the_sex_is_decided_for() -> None:
    sexless, large = replace(REFERENCE, sex_units=0), replace(REFERENCE, beta=0.28)
    started = given_with((REFERENCE, 20), (sexless, 15), (large, 14))

    assert started.cost(large).params > started.preset.max_params
    assert belief.choose(refinement, started, ())[0] == REFERENCE


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("module", [width, depth, refinement], ids=lambda module: module.NAME)
def test_spaces_hold_what_was_decided_and_are_small_enough_to_be_counted(name: str, module: Any) -> None:
    preset = replace(PRESETS[name](), strategy="surrogate")
    decided = Decision("", preset.reference)
    started = Given(preset, {"ablation": decided, "width": decided, "depth": decided}, CONSTANT)
    every = list(points(module.space(started)))

    assert len(every) <= 2 * belief.MOST_POINTS  # twice: with and without the sex
    assert preset.reference in [module.architecture(started, point) for point in every]


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("own", [0, 24])  # units that the reference has
@pytest.mark.parametrize("choices", [(), (16,), (16, 4096), (256, 512, 1024, 3072)])
def test_width_begins_with_the_reference_and_the_widest_network_of_the_fewest_blocks(
    name: str, own: int, choices: tuple[int, ...]
) -> None:
    preset = replace(PRESETS[name](), strategy="surrogate", fc_choices=choices)
    preset = replace(preset, reference=replace(preset.reference, fc_units=own))
    started, fitting = width_of(preset)
    bare = [network for network in fitting if network.blocks == fewest(fitting).blocks]
    widest = max(network.beta for network in bare)
    layers = [network.fc_units for network in bare if network.beta == widest and network.fc_units]
    first, second = (width.architecture(started, point) for point in width.start(started))

    assert first == preset.reference
    assert second in fitting
    assert (second.blocks, second.beta) == (fewest(fitting).blocks, widest)
    assert second.fc_units == min(layers, default=0)


def test_width_begins_without_a_layer_where_that_would_cost_width_and_with_the_reference_alone_where_nothing_fits() -> (
    None
):
    bare = replace(REFERENCE, beta=0.28, blocks=REFERENCE.blocks._replace(mixed5=0, mixed7=0, mixed9=0))
    tight = replace(miniature(), max_params=cost(bare, 64).params)
    started, fitting = width_of(tight)
    first, second = (width.architecture(started, point) for point in width.start(started))

    assert any(network.fc_units for network in fitting)
    assert (first, second) == (REFERENCE, bare)
    assert len(width.start(width_of(replace(tight, max_params=1))[0])) == 1


def width_of(preset: Preset) -> tuple[Given, list[Architecture]]:
    """After an ablation that has changed nothing; the networks of the width's space that fit."""
    started = Given(preset, {"ablation": Decision("", preset.reference)}, CONSTANT)
    space = [width.architecture(started, point) for point in points(width.space(started))]
    return started, [network for network in space if started.fits(network, preset.max_params)]


def fewest(networks: list[Architecture]) -> Architecture:
    return min(networks, key=lambda network: sum(network.blocks))


def test_a_width_study_that_has_paid_for_its_trainings_trains_no_other_start() -> None:
    """One that an earlier version began with other networks than this one would."""
    preset = replace(miniature(), width_trials=2)
    started = Given(preset, {"ablation": Decision("", REFERENCE)}, CONSTANT)
    [_, second] = width.start(started)
    others = [point for point in points(width.space(started)) if point != second][:2]
    trials = [replace(run(n, "complete", (20.0,)), point=point) for n, point in enumerate(others)]
    half, all_paid = (width.propose(started, pool(trials[:count])).points for count in (1, 2))

    assert second in half
    assert list(all_paid) == others


def test_what_is_proposed_leans_to_larger_networks_and_what_is_decided_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    smaller = replace(REFERENCE, blocks=REFERENCE.blocks._replace(mixed9=0))
    started = given_with((REFERENCE, 20), (smaller, 20))
    feasible = feasible_points(width, started)

    def proposed() -> int:
        [(point, _)] = belief.following(width, started, [], feasible, 4)
        return started.cost(width.architecture(started, point)).params

    leaning = proposed()
    decided, choice = belief.choose(refinement, given_with((REFERENCE, 20), (smaller, 9)), ())
    monkeypatch.setattr(dimensions, "slopes", lambda network: [0.0] * len(dimensions.seen(network)))

    assert leaning > proposed()
    assert decided == smaller
    assert belief.choose(refinement, given_with((REFERENCE, 20), (smaller, 9)), ()) == (decided, choice)


def test_a_point_that_runs_is_not_asked_for_again_at_once() -> None:
    started = given_with((REFERENCE, 20), (replace(REFERENCE, beta=0.2), 19))
    feasible = feasible_points(refinement, started)
    [(first, _)] = belief.following(refinement, started, (), feasible, 6)
    running = pool([Trial(0, first, "running")])
    [(second, _)] = belief.following(refinement, started, running, feasible, 6)

    assert second != first


def test_at_the_end_the_decided_network_is_asked_for_once_so_that_its_trial_is_the_studys() -> None:
    started = given_with((REFERENCE, 20), (replace(REFERENCE, fc_units=128), 15))
    feasible = feasible_points(refinement, started)
    [(point, seeds)] = belief.following(refinement, started, (), feasible, 0)

    assert refinement.architecture(started, point).fc_units == 128
    assert seeds == 1
    own = pool([replace(run(0, "complete", (15.0,)), point=point)])
    assert not belief.following(refinement, started, own, feasible, 0)


def test_the_seeds_that_the_decided_network_lacks_are_trained_as_long_as_the_plan_has_counted_them() -> None:
    """Else each network that looks best after one seed would be trained with all, one after the other."""
    started = given_with((REFERENCE, 20), (replace(REFERENCE, fc_units=128), 15), seeds=3)
    feasible = feasible_points(refinement, started)
    [other, *_] = [point for point in feasible if refinement.architecture(started, point).beta > REFERENCE.beta]
    begun = pool([replace(run(seed, "complete", (20.0,), seed), point=other) for seed in range(3)], 3)
    for wanted, lacking in ((3, 2), (2, 0)):
        assert belief.left(refinement, started, begun, wanted, 0) == lacking
        assert len(belief.following(refinement, started, begun, feasible, wanted)) == bool(lacking)


def test_of_networks_with_resolutions_seeds_alone_the_refinement_may_have_to_train_all() -> None:
    for seeds, sides, lacking in ((1, (), 0), (3, (), 2), (1, (48,), 1), (3, (48,), 3)):
        assert refinement.lacking(given_with(seeds=seeds, px_choices=sides)) == lacking


def test_what_the_search_found_is_what_the_decided_networks_own_trial_shows() -> None:
    """Resolution trains the network with seeds of its own, which are in the surrogate and in no table of the refinement."""
    others = tuple(Training(REFERENCE, run(n, "complete", (10.0,), seed=3000 + n)) for n in range(3))
    started = replace(given_with(), trained=others)
    [point, *_] = [
        point for point in feasible_points(refinement, started) if refinement.architecture(started, point) == REFERENCE
    ]
    own = [replace(run(n, "complete", (12.0 + n,), seed=n), point=point) for n in range(3)]

    assert refinement.decide(started, pool(own)).findings.to_dict()["best_mae"] == 13.0


def test_where_nothing_is_left_to_train_the_decided_network_is_asked_for_too() -> None:
    feasible = feasible_points(depth, given_with((REFERENCE, 20)))
    networks = [depth.architecture(given_with(), point) for point in feasible]
    everything = given_with(*((network, 20.0 + place) for place, network in enumerate(networks)))
    [(point, _)] = belief.following(depth, everything, (), feasible, 6)

    assert depth.architecture(everything, point) == belief.choose(depth, everything, ())[0]


@pytest.mark.slow
def test_the_network_that_is_decided_for_is_a_trial_of_the_refinement_with_all_of_its_seeds() -> None:
    """Whichever study trained it first, and with however few: the report, and the comparison without the sex, are of that trial."""
    for seed in range(6):
        rival, _ = searched(seed, 1.0, seeds=3, baseline_seeds=3, width_trials=1, depth_trials=4, refine_trials=1)
        decided = rival.decisions["refinement"]
        again = Given(rival.given.preset, rival.given.decisions, CONSTANT, trained=rival.trained)

        assert decided.findings.point, seed
        assert refinement.architecture(again, decided.findings.point) == decided.architecture
        assert belief.trained_seeds(again, rival.trained, decided.architecture) >= 3


def test_every_number_that_the_surrogate_sees_is_said_by_a_study() -> None:
    said = [study.NAME for study in EVERY.values() if hasattr(study, "features")]

    assert said == ["width", "depth", "resolution", "refinement"]
    [size] = depth.size(REFERENCE)
    numbers = [value for study in EVERY.values() if hasattr(study, "features") for value in study.features(REFERENCE)]
    assert sorted(dimensions.seen(REFERENCE)) == sorted([*numbers, size])
    assert [
        (value, slope)
        for value, slope in zip(dimensions.seen(REFERENCE), dimensions.slopes(REFERENCE), strict=True)
        if slope
    ] == [(size, depth.LARGER)]


def test_of_two_networks_that_were_not_trained_the_larger_is_expected_to_be_better_until_larger_ones_were_worse() -> (
    None
):
    wider, widest = (replace(REFERENCE, beta=factor * REFERENCE.beta) for factor in (1.5, 2.0))

    def expected(*trained: tuple[Architecture, float]) -> float:
        """Of the widest beside the wider one."""
        trainings = [Training(network, run(n, "complete", (months,))) for n, (network, months) in enumerate(trained)]
        wide, wider_still = belief.belief(trainings, leaning=True).expected([wider, widest])[0]
        return float(wider_still - wide)

    assert expected((REFERENCE, 20.0)) < -0.5
    assert (
        expected((REFERENCE, 20.0), (wider, 22.0))
        > expected((REFERENCE, 20.0), (wider, 20.0))
        > expected((REFERENCE, 20.0), (wider, 18.0))
    )
    assert expected((REFERENCE, 20.0), (replace(REFERENCE, beta=1.7 * REFERENCE.beta), 24.0)) > 0


def test_the_surrogate_sees_twice_the_parameters_as_a_step_of_one() -> None:
    networks = list({joint.architecture(miniature(), point) for point in points(joint.space(miniature()))})
    counted = [cost(network, 64).params for network in networks]
    wide = replace(REFERENCE, beta=2 * REFERENCE.beta)
    steps = np.subtract(dimensions.seen(wide), dimensions.seen(REFERENCE))

    assert sum(steps) == pytest.approx(1 + np.log2(cost(wide, 64).params / cost(REFERENCE, 64).params))
    assert [depth.size(network)[0] for network in networks] == pytest.approx(np.log2(counted))


def test_it_learns_of_networks_of_few_trainings_that_a_block_of_a_wide_network_is_more_than_one_of_a_narrow_one() -> (
    None
):
    """On landscapes where a network is the better the more parameters it has, whatever they are spent on, which no sum of effects says."""
    networks = sorted({joint.architecture(miniature(), point) for point in points(joint.space(miniature()))}, key=str)
    networks = [network for network in networks if network.dropout == 0]
    chance = np.random.default_rng(0)
    trained = [networks[place] for place in chance.choice(len(networks), 12, replace=False)]
    months = {network: 20 - 2 * np.log2(cost(network, 64).params / 1e5) for network in networks}
    trainings = [
        Training(
            network,
            Trial(
                n, {}, "complete", months[network], 1, (months[network],), validation_mae_by_epoch=(months[network],)
            ),
        )
        for n, network in enumerate(trained)
    ]
    expected, _ = belief.belief(trainings).expected(networks)

    off = np.abs(expected - np.array([months[network] for network in networks]))
    assert off.mean() < 0.1 * np.std(list(months.values()))


@given(st.integers(1, 5_000))
def test_a_space_is_narrowed_around_what_is_known(most: int) -> None:
    space = {"beta": (0.1, 0.2, 0.3, 0.4), "mixed5": tuple(range(6)), "mixed9": tuple(range(4))}
    around = {"beta": 0.3, "mixed5": 1, "mixed9": 3}
    narrow = belief.narrowed(space, around, most)

    assert np.prod([len(values) for values in narrow.values()]) <= max(most, 1)
    assert all(around[name] in values for name, values in narrow.items())


@given(st.integers(1, 5_000), st.integers(0, 5), st.integers(0, 3))
def test_a_narrowed_range_goes_as_far_up_as_down_or_one_value_farther_up(most: int, five: int, nine: int) -> None:
    space = {"beta": (0.1, 0.2, 0.3, 0.4), "mixed5": tuple(range(6)), "mixed9": tuple(range(4))}
    around = {"beta": 0.3, "mixed5": five, "mixed9": nine}

    for name, values in belief.narrowed(space, around, most).items():
        below, above = values.index(around[name]), len(values) - 1 - values.index(around[name])
        whole = space[name].index(around[name]), len(space[name]) - 1 - space[name].index(around[name])
        assert below == whole[0] or below in (above, above - 1) or above == whole[1]
        assert above == whole[1] or above in (below, below + 1) or below == whole[0]


def test_the_default_search_can_repeat_each_block_group_more_often_than_the_stock_network_does() -> None:
    preset = PRESETS["default"]()
    decided = Decision("", preset.reference)
    started = Given(preset, {"ablation": decided, "width": decided, "depth": decided}, CONSTANT)

    for study in (depth, refinement):
        space = study.space(started)
        for group, count in preset.reference.blocks._asdict().items():
            assert max(space[group]) > count, (study.NAME, group)
