"""The decision rules of the four studies, as pure functions of trials made by hand; and the presets they start from."""

import argparse
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import FrozenInstanceError, asdict, fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.preparation import DataError, Preparation
from models.architecture import GROUPS, Architecture, Blocks
from models.cost import Cost, cost
from models.training.settings import Training
from search.commands import options
from search.run import open_run, record
from search.storage.settings import PARTS, derive, field_names
from studies import ablation, depth, refinement, width
from studies.deciding import front
from studies.preset import Preset, StudyError
from studies.presets import PRESETS, default, demo, paper
from studies.statistics import pairs as comparison
from studies.statistics import pruning
from studies.statistics.racing import looks
from studies.study import Decision, Given, Point, Trial, points, pool

CONSTANT = 33.0  # months; what a network that learned nothing scores
MONTHS = st.floats(1, 40, allow_nan=False)
OUTCOMES = st.one_of(MONTHS, st.just(float("inf")))  # infinite: the trial failed
Mae = Callable[[Point], float]


def a_trial(number: int, point: Point, mae: float, train_mae: Sequence[float] | None = None) -> Trial:
    """A finished trial; one of infinite error has failed."""
    if mae == float("inf"):
        return Trial(number, point, "failed", exit_reason="not_finite")
    return Trial(number, point, "complete", mae, 1, (mae,) if train_mae is None else tuple(train_mae), 1.0, "completed")


def a_preset(**changes: Any) -> Preset:
    """100 px and a stock reference at β 0.25: whatever is counted is counted fast. The paper's procedure."""
    return replace(
        default(),
        preparation=Preparation(image_px=100),
        reference=Architecture(beta=0.25, stem_pools=(False, True)),
        margin_months=0.5,
        **({"strategy": "paper", "prune": True} | changes),
    )


def given_after(preset: Preset, best_beta: float | None = None, keys: Sequence[str] = ("mixed5",)) -> Given:
    """What a study is given when ablation, width and depth have decided; depth as the width study left it."""
    beta = preset.reference.beta if best_beta is None else best_beta
    wide = replace(preset.reference, beta=beta)
    decisions = {
        "ablation": Decision("", preset.reference, ablation.AblationFindings(key_groups=tuple(keys))),
        "width": Decision("", wide, width.WidthFindings(best_beta=beta)),
        "depth": Decision("", wide),
    }
    return Given(preset, decisions, CONSTANT)


def fits(study: ModuleType, started: Given, point: Point) -> bool:
    return bool(started.cost(study.architecture(started, point)).params <= study.max_params(started))


def swept(study: ModuleType, started: Given, mae: Mae, train_mae: Mae | None = None, at_most: int = 200) -> list[Trial]:
    """Run what the study proposes, one trial at a time and none over the cap, until it proposes nothing new."""
    trials: list[Trial] = []
    while len(trials) < at_most:
        taken = [trial.point for trial in trials]
        proposed = study.propose(started, trials).points
        fresh = [point for point in proposed if point not in taken and fits(study, started, point)]
        if not fresh:
            return trials
        reached = None if train_mae is None else (CONSTANT, train_mae(fresh[0]))
        trials.append(a_trial(len(trials), fresh[0], mae(fresh[0]), reached))
    raise AssertionError("the study does not end")


# ablation


def ablated(costs: dict[str, float]) -> Decision:
    """The decision where lowering a group costs so many months, per block taken away."""
    started = Given(a_preset(), {}, CONSTANT)
    return ablation.decide(started, ablation_trials(started, costs))


def ablation_trials(started: Given, costs: dict[str, float]) -> list[Trial]:
    stock = started.preset.reference.blocks._asdict()
    trials = [a_trial(0, {"variant": "baseline"}, 10.0)]
    for point in ablation.propose(started, []).points[1:]:
        group, _, count = str(point["variant"]).partition("=")
        lowered = stock[group] - int(count)
        trials.append(a_trial(len(trials), point, 10.0 + costs.get(group, 0.0) * lowered))
    return trials


@given(st.builds(Blocks, *[st.integers(0, 4)] * len(GROUPS)).filter(any))
def test_ablation_tries_every_lowered_count_of_every_group_once_and_no_network_twice(blocks: Blocks) -> None:
    preset = a_preset()
    preset = replace(preset, reference=replace(preset.reference, blocks=blocks))
    started = Given(preset, {}, CONSTANT)
    tried = [ablation.architecture(started, point) for point in ablation.propose(started, []).points]

    lowered = [blocks._replace(**{group: n}) for group in GROUPS for n in range(getattr(blocks, group))]
    assert tried[0] == preset.reference
    assert len(set(tried)) == len(tried)
    assert {network.blocks for network in tried[1:]} == set(lowered)
    assert {replace(network, blocks=blocks) for network in tried} == {preset.reference}


@given(st.dictionaries(st.sampled_from(GROUPS), st.floats(-3, 3), min_size=len(GROUPS), max_size=len(GROUPS)))
def test_a_group_is_key_iff_lowering_it_costs_more_than_the_margin_else_the_costliest_is(
    costs: dict[str, float],
) -> None:
    started = Given(a_preset(), {}, CONSTANT)
    trials = ablation_trials(started, costs)
    worst = {
        group: max(trial.error for trial in trials if str(trial.point["variant"]).startswith(f"{group}=")) - 10.0
        for group in GROUPS
    }
    keys = ablation.decide(started, trials).findings.key_groups

    over = [group for group in GROUPS if worst[group] > started.preset.margin_months]
    # The decision rounds its figures to 0.0001 months.
    dearest = pytest.approx(max(worst.values()), abs=1e-4)
    assert list(keys) == over if over else (len(keys) == 1 and worst[keys[0]] == dearest)


def test_a_group_that_costs_exactly_the_margin_is_not_key() -> None:
    assert ablated({"mixed0": 0.5, "mixed7": 0.75}).findings.key_groups == ("mixed7",)


def test_a_group_counts_by_its_costliest_count() -> None:
    """Two blocks of mixed9 at 0.3 months each: one is within the margin, both are not."""
    assert ablated({"mixed9": 0.3, "mixed0": 0.4}).findings.key_groups == ("mixed9",)


def test_a_group_without_which_nothing_trains_is_key() -> None:
    decision = ablated({"mixed4": float("inf")})

    assert decision.findings.key_groups == ("mixed4",)
    assert decision.findings.not_trainable_without == ("mixed4",)
    assert "mixed4" not in decision.findings.cost_months


def test_ablation_hands_on_the_reference() -> None:
    assert ablated({"mixed5": 2.0}).architecture == a_preset().reference


def test_any_network_can_be_the_reference_of_an_ablation() -> None:
    """A search's winner, with its head and its width: what is lowered is lowered in it."""
    winner = Architecture(0.3, Blocks(1, 1, 2, 3, 1, 0), fc_units=64, dropout=0.2, stem_pools=(False, True))
    preset = replace(a_preset(), reference=winner, width_factors=(0.5, 1.0))
    started = Given(preset, {}, CONSTANT)
    tried = [ablation.architecture(started, point) for point in ablation.propose(started, []).points]

    assert tried[0] == winner
    assert len(tried) == 1 + sum(winner.blocks)
    assert {replace(network, blocks=winner.blocks) for network in tried} == {winner}


@pytest.mark.parametrize(
    ("trials", "says"), [([], "not run"), ([a_trial(0, {"variant": "baseline"}, float("inf"))], "not_finite")]
)
def test_without_a_baseline_no_block_is_judged(trials: list[Trial], says: str) -> None:
    others = [a_trial(1, {"variant": "mixed0=0"}, 9.0)]

    with pytest.raises(StudyError, match=says):
        ablation.decide(Given(a_preset(), {}, CONSTANT), trials + others)


def test_a_reference_without_a_block_to_take_away_is_refused() -> None:
    """Before its baseline is trained."""
    with pytest.raises(StudyError, match="no block"):
        replace(a_preset(), reference=Architecture(blocks=Blocks(0, 0, 0, 0, 0, 0)))


def test_epochs_to_baseline_is_the_first_epoch_as_good_as_the_baselines_last() -> None:
    trials = [
        a_trial(0, {"variant": "baseline"}, 10.0, [30, 20, 12]),
        a_trial(1, {"variant": "mixed0=0"}, 10.0, [25, 12, 13]),
        a_trial(2, {"variant": "mixed4=0"}, 14.0, [29, 25, 12.1]),
        a_trial(3, {"variant": "mixed7=0"}, float("inf")),
    ]
    rows = ablation.table(Given(a_preset(), {}, CONSTANT), trials)

    assert [row["epochs_to_baseline"] for row in rows] == [3, 2, None, None]
    assert [row["change"] for row in rows] == [0, 0, 4, None]
    assert [(row["group"], row["count"]) for row in rows[:2]] == [("baseline", None), ("mixed0", 0)]


def seeded(point: Point, errors: Sequence[float], first_number: int = 0, **fields: Any) -> list[Trial]:
    return [
        replace(a_trial(first_number + seed, point, mae), seed=seed, conditions="CPU", **fields)
        for seed, mae in enumerate(errors)
    ]


@given(st.lists(MONTHS, min_size=1, max_size=5))
def test_the_trials_of_a_point_are_one_trial_of_their_mean_once_all_its_seeds_have_ended(errors: list[float]) -> None:
    runs = seeded({"beta": 0.25}, errors)
    [whole] = pool(runs, len(errors))
    [waiting] = pool(runs, len(errors) + 1)

    assert whole.error == pytest.approx(sum(errors) / len(errors))
    assert [run.error for run in whole.by_seed] == errors
    assert not waiting.finished


def test_a_seed_that_failed_is_left_out_of_the_mean_and_a_point_of_which_all_failed_has_failed() -> None:
    [some] = pool(seeded({"beta": 0.25}, [10.0, float("inf"), 12.0]), 3)
    [none] = pool(seeded({"beta": 0.25}, [float("inf")] * 3), 3)

    assert some.error == 11
    assert (none.state, none.error) == ("failed", float("inf"))


def test_compared_is_what_was_trained_as_most_seeds_of_the_reference_were() -> None:
    started = Given(a_preset(), {}, CONSTANT)
    reference = pool(seeded({"variant": "baseline"}, [10.0, 10.5, 11.0, 13.0]), 4)[0]
    reference = replace(reference, runs=(*reference.runs[:3], replace(reference.runs[3], conditions="GPU")))
    runs = seeded({"variant": "mixed5=0"}, [12.0, 12.0, float("inf"), 13.0])
    runs[1] = replace(runs[1], conditions="CPU, then GPU")
    found = comparison.beside(started, {"mixed5=0": pool(runs, 4)[0]}, reference)

    assert found.reference.months == (10.0, 10.5, 11.0)
    assert found.family["mixed5=0"].months == (12.0, float("inf"), 13.0)
    said = found.left_out["mixed5=0"].split("; ")
    assert [left.split(":")[0] for left in said] == ["seed 1", "the reference's seed 3"]


def test_with_enough_seeds_a_verdict_decides_about_a_group_and_not_the_margin() -> None:
    """mixed5 costs 0.4 months with every seed; mixed9 costs 0.6 on average, by chance."""
    preset = replace(a_preset(seeds=10), reference=Architecture(0.25, Blocks(0, 0, 0, 1, 0, 1)), margin_months=0.3)
    started = Given(replace(preset, equivalence_months=0.2), {}, CONSTANT)
    noise = [-0.02, 0.01, 0.02, -0.01, 0.0, 0.015, -0.015, 0.005, -0.005, 0.0]
    wild = [4.0, -3.0, 3.5, -2.5, 3.0, -2.0, 2.5, -1.5, 3.0, -1.0]
    trials = [
        *seeded({"variant": "baseline"}, [10.0 + each for each in noise]),
        *seeded({"variant": "mixed5=0"}, [10.4 + each for each in noise], 10),
        *seeded({"variant": "mixed9=0"}, [10.0 + each for each in wild], 20),
    ]
    findings = ablation.decide(started, pool(trials, 10)).findings

    assert (findings.key_groups, findings.key_by) == (("mixed5",), "verdict")
    verdicts = {row.variant: row.verdict for row in findings.verdicts}
    assert verdicts == {"mixed5=0": "matters", "mixed9=0": "not resolved"}


@pytest.mark.slow
@given(st.lists(st.floats(-20, 20), min_size=9, max_size=9), st.integers(1, 2), st.floats(0.5, 9))
def test_of_one_or_two_seeds_no_group_is_called_key_by_a_verdict(costs: list[float], seeds: int, apart: float) -> None:
    """However large the costs, and however sure the images are of these trained models."""
    preset = replace(a_preset(seeds=seeds), reference=Architecture(0.25, Blocks(1, 1, 1, 1, 1, 1)))
    images = [apart * (image % 7 - 3) for image in range(70)]
    variants = [str(point["variant"]) for point in ablation.propose(Given(preset, {}, CONSTANT), []).points]
    trials = []
    for place, (variant, months) in enumerate(zip(variants, [0.0, *costs], strict=False)):
        trials += seeded({"variant": variant}, [30.0 + months] * seeds, 10 * place)
    of_images = Given(preset, {}, CONSTANT, errors=lambda run: [run.error + each / 100 for each in images])
    decision = ablation.decide(of_images, pool(trials, seeds))

    assert decision.findings.key_by == "estimate"
    assert {row.verdict for row in decision.findings.verdicts} <= {"these trained models differ", "not resolved"}
    assert all(row.scope == "these trained models" for row in decision.findings.verdicts)
    assert decision.summary.startswith(f"no verdict from {seeds} seed")
    assert "key group" not in decision.summary
    assert decision.findings.key_groups


def test_forty_films_of_five_patients_do_not_show_that_two_trained_models_differ_and_of_forty_they_do() -> None:
    """Without mixed5 the films of four patients are read a month worse, those of the fifth half a month better."""
    preset = replace(a_preset(seeds=1), reference=Architecture(0.25, Blocks(0, 0, 0, 1, 0, 0)))
    whose = tuple(film // 8 for film in range(40))
    trials = [*seeded({"variant": "baseline"}, [20.0], 0), *seeded({"variant": "mixed5=0"}, [20.7], 10)]

    def errors(run: Trial) -> list[float]:
        return [20.0 if run.error == 20.0 else 19.5 if patient == 4 else 21.0 for patient in whose]

    verdicts = [
        ablation.decide(Given(preset, {}, CONSTANT, errors, patients), pool(trials, 1)).findings.verdicts[0].verdict
        for patients in (whose, ())
    ]

    assert verdicts == ["not resolved", "these trained models differ"]


def test_verdicts_that_call_nothing_key_are_not_said_to_be_missing() -> None:
    preset = replace(a_preset(seeds=3), reference=Architecture(0.25, Blocks(0, 0, 0, 1, 0, 1)))
    trials = seeded({"variant": "baseline"}, [20.0, 20.1, 20.2], 0)
    trials += seeded({"variant": "mixed5=0"}, [20.0, 20.1, 20.3], 10)
    trials += seeded({"variant": "mixed9=0"}, [20.1, 20.0, 20.2], 20)
    decision = ablation.decide(Given(preset, {}, CONSTANT), pool(trials, 3))

    assert {row.verdict for row in decision.findings.verdicts} == {"does not matter"}
    assert decision.summary.startswith("no verdict from 3 seeds that a group matters; by estimate")


def test_seeds_are_added_where_a_verdict_is_open_and_to_the_baseline() -> None:
    preset = a_preset(resolve=12)
    preset = replace(preset, reference=Architecture(0.25, Blocks(0, 0, 0, 1, 0, 1)), equivalence_months=0.2)
    started = Given(preset, {}, CONSTANT)
    begin = ablation.propose(started, []).seeds
    random = [1.0, -1.2, 0.8, -0.7, 1.1, -0.9, 0.6, -1.0, 0.9, -0.5, 0.7, -0.8]
    first, second = [look.seeds for look in looks(2, 12)][:2]
    trials = [
        *seeded({"variant": "baseline"}, [10.0 + each / 2 for each in random[: preset.reference_seeds(first, 2)]]),
        *seeded({"variant": "mixed5=0"}, [25.0 + each / 2 for each in random[:first]], 20),
        *seeded({"variant": "mixed9=0"}, [11.0 + each / 2 for each in random[:first]], 40),
    ]
    proposals = ablation.propose(started, pool(trials))

    assert list(begin) == [preset.reference_seeds(first, 2), first, first]
    wanted = dict(zip([str(point["variant"]) for point in proposals.points], proposals.seeds, strict=True))
    assert wanted == {"baseline": preset.reference_seeds(second, 2), "mixed5=0": first, "mixed9=0": second}


@given(st.integers(1, 40), st.integers(1, 60), st.integers(0, 200))
def test_the_reference_never_has_fewer_seeds_than_a_variant(seeds: int, variants: int, baseline: int) -> None:
    preset = replace(default(), seeds=seeds, baseline_seeds=max(seeds, baseline) if baseline else 0)

    assert preset.reference_seeds(seeds, variants) >= seeds
    assert default().reference_seeds(3, 9) == 9
    assert default().reference_seeds(1, 9) == 1


# pruning


def curve(*months: float, state: str = "complete") -> Trial:
    return Trial(0, {}, state, min(months) if state == "complete" else None, validation_mae_by_epoch=months)


def test_the_warm_up_ends_where_the_order_of_the_end_is_there_and_stays() -> None:
    """One of the pair leads after the first epoch, the other from the second on."""
    crossing = [curve(20, 18, 12, 10), curve(19, 18.5, 15, 14)]

    assert pruning.warmup(crossing, 1.0, 4) == 2
    assert pruning.warmup([curve(20, 18, 12, 10), curve(30, 20, 15, 14)], 1.0, 4) == 1


def test_where_the_ablation_cannot_tell_networks_apart_nothing_is_ever_pruned() -> None:
    tied = [curve(20, 12, 10.2), curve(19, 13, 10)]
    warmup = pruning.warmup(tied, 1.0, 3)

    assert warmup == 3
    assert not any(pruning.left_behind([40.0] * epoch, tied, warmup, 1.0) for epoch in (1, 2))


def test_a_trial_is_left_behind_at_a_rung_where_more_than_half_were_better_by_more_than_the_margin() -> None:
    others = [curve(10, 9, 8, 7), curve(12, 11, 10, 9), curve(20, 19, state="pruned"), curve(9, 9)]

    assert pruning.left_behind([15, 15], others, 2, 1.0)
    assert not pruning.left_behind([15], others, 2, 1.0)  # in the warm-up
    assert not pruning.left_behind([15, 15, 15], others, 2, 1.0)  # between rungs
    assert not pruning.left_behind([9.9, 9.9], others, 2, 1.0)  # a tie with the best
    assert not pruning.left_behind([15, 15], others[:1], 2, 1.0)  # one alone says little
    assert not pruning.left_behind([15, 10.5], [*others, curve(30, 30), curve(31, 31)], 2, 1.0)  # the better half


def test_what_is_exactly_at_a_border_goes_on() -> None:
    """Half of the others are better, or the best is better by exactly the margin: neither is more than that."""
    half, all_better = [curve(10, 10), curve(10, 10), curve(20, 20), curve(20, 20)], [curve(10, 10)] * 4

    assert not pruning.left_behind([15, 15], half, 2, 1.0)
    assert pruning.left_behind([15, 15], [*half, curve(10, 10)], 2, 1.0)
    assert not pruning.left_behind([11, 11], all_better, 2, 1.0)
    assert pruning.left_behind([11.5, 11.5], all_better, 2, 1.0)
    assert pruning.warmup([curve(20, 18, 12, 10), curve(30, 20, 15, 11)], 1.0, 4) == 4  # a tie in the end tells nothing
    assert pruning.warmup([curve(20, 18, 12, 10), curve(30, 20, 15, 11.5)], 1.0, 4) == 1


@pytest.mark.parametrize(("first_epoch", "warmup"), [((1, 2, 3, 4, 5), 1), ((2, 1, 3, 4, 5), 1), ((2, 1, 4, 3, 5), 2)])
def test_nine_of_ten_pairs_in_their_final_order_end_the_warm_up(first_epoch: tuple[int, ...], warmup: int) -> None:
    """Five networks are ten pairs; each neighbours' exchange puts one of them into the wrong order."""
    five = [curve(100 + 10 * place, 10 * end, 10 * end) for end, place in enumerate(first_epoch, 1)]

    assert pruning.warmup(five, 1.0, 3) == warmup


@given(st.integers(1, 20), st.integers(1, 200))
def test_rungs_are_the_warm_up_and_its_doublings(warmup: int, epoch: int) -> None:
    rungs = {warmup * 2**doubling for doubling in range(9)}

    assert pruning.is_rung(epoch, warmup) == (epoch in rungs)


# ablation that drops what is useless


def dropping_trials(started: Given, cost_of: Callable[[Blocks], float]) -> list[Trial]:
    """All that is proposed, one trial after the other, at 10 months and what a network's blocks cost."""

    def mae(point: Point) -> float:
        return 10.0 + cost_of(ablation.architecture(started, point).blocks)

    return swept(ablation, started, mae)


def missing(blocks: Blocks) -> dict[str, int]:
    stock = Blocks()._asdict()
    return {group: stock[group] - count for group, count in blocks._asdict().items() if count < stock[group]}


def test_groups_that_cost_nothing_are_dropped_together_and_the_next_studies_start_without_them() -> None:
    started = Given(a_preset(drop_useless=True), {}, CONSTANT)
    trials = dropping_trials(started, lambda blocks: sum(2.0 for group in missing(blocks) if group != "mixed4"))
    decision = ablation.decide(started, trials)

    assert decision.architecture.blocks == Blocks()._replace(mixed4=0)
    assert decision.findings.dropped == ("mixed4=0",)
    assert "frees 82k parameters" in decision.summary
    after = Given(started.preset, {"ablation": decision}, CONSTANT)
    assert width.architecture(after, {"beta": 0.25}).blocks == decision.architecture.blocks


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.sampled_from(GROUPS), st.floats(-2, 2), min_size=len(GROUPS)))
def test_what_is_dropped_costs_no_more_than_the_margin_one_by_one_and_is_never_a_key_group(
    costs: dict[str, float],
) -> None:
    started = Given(a_preset(drop_useless=True), {}, CONSTANT)
    trials = dropping_trials(
        started, lambda blocks: sum(costs[group] * count for group, count in missing(blocks).items())
    )
    decision = ablation.decide(started, trials)
    lost = missing(decision.architecture.blocks)

    keys = decision.findings.key_groups
    assert not set(lost) & set(keys)
    margin = started.preset.margin_months
    assert all(costs[group] * count <= margin for group, count in lost.items())
    stock = Blocks()._asdict()
    for group in set(GROUPS) - set(keys):  # nothing that could be dropped stays
        assert all(costs[group] * more > margin for more in range(lost.get(group, 0) + 1, stock[group] + 1))
    plain = Given(a_preset(), {}, CONSTANT)
    assert ablation.decide(plain, trials).findings.key_groups == keys
    assert ablation.decide(plain, trials).architecture == started.preset.reference


@pytest.mark.parametrize(("level", "restored"), [(9.9, False), (10.1, True)])
def test_what_was_dropped_is_restored_where_no_width_is_better_than_the_reference_was(
    level: float, restored: bool
) -> None:
    started = Given(a_preset(drop_useless=True), {}, CONSTANT)
    trials = dropping_trials(started, lambda blocks: sum(2.0 for group in missing(blocks) if group != "mixed4"))
    decisions = {"ablation": ablation.decide(started, trials)}
    after = replace(started, decisions=decisions)
    wide = swept(width, after, lambda point: level + abs(float(point["beta"]) - 0.3))
    decision = width.decide(after, wide)

    assert decision.architecture.blocks == (Blocks() if restored else Blocks()._replace(mixed4=0))
    assert ("restored" in decision.summary) is restored
    assert decision.architecture.beta == (0.25 if restored else 0.3)


def test_depth_repeats_from_what_the_ablation_has_left() -> None:
    started = given_after(a_preset(depth_extra=1), 0.3, ["mixed5"])
    left = replace(started.decisions["width"].architecture, blocks=Blocks()._replace(mixed0=0, mixed5=1))
    started = replace(
        started, decisions={**started.decisions, "width": Decision("", left, width.WidthFindings(best_beta=0.3))}
    )

    assert dict(depth.space(started))["mixed5"] == (1, 2)
    assert depth.architecture(started, {"beta": 0.3, "mixed5": 2}).blocks.mixed0 == 0


# width


def grid_points(betas: Sequence[float]) -> list[Point]:
    return [{"beta": beta} for beta in betas]


def test_width_goes_down_until_clearly_worse_and_up_until_no_better() -> None:
    """A V with its lowest point at twice the reference: 0.7 is a tie, 0.6 is not; 2.2 is worse than 2, 2.4 never asked for."""
    factors = (0.4, 0.5, 0.6, 0.7, 1.0, 1.5, 2.0, 2.2, 2.4)
    started = given_after(a_preset(width_factors=factors))
    trials = swept(width, started, lambda point: 10 + abs(float(point["beta"]) / 0.25 - 2) * 1.5)

    tried = sorted(round(float(trial.point["beta"]) / 0.25, 4) for trial in trials)
    assert tried == [0.6, 0.7, 1.0, 1.5, 2.0, 2.2]
    findings = width.decide(started, trials).findings
    assert (findings.smallest_beta, findings.best_beta, findings.best_mae) == (0.175, 0.5, 10)


@given(left=st.floats(0, 30), right=st.floats(0, 30), lowest=st.integers(0, 11), margin=st.floats(0, 2))
def test_width_of_a_v_finds_both_ends_and_asks_for_one_width_beyond_each(
    left: float, right: float, lowest: int, margin: float
) -> None:
    preset = replace(a_preset(), margin_months=margin)
    started = given_after(preset)
    grid = width.betas(started)
    start = grid.index(preset.reference.beta)

    def mae(point: Point) -> float:
        away = float(point["beta"]) - grid[lowest]
        return 10 + (right * away if away > 0 else -left * away)

    months = [mae(point) for point in grid_points(grid)]
    tried = [grid.index(float(trial.point["beta"])) for trial in swept(width, started, mae)]
    worse = [n for n in range(start) if months[n] > months[start] + margin]
    no_better = [n for n in range(start + 1, len(grid)) if months[n] >= months[n - 1]]

    assert sorted(tried) == list(range(max(worse, default=0), min(no_better, default=len(grid) - 1) + 1))
    decision = width.decide(started, swept(width, started, mae))
    assert decision.findings.smallest_beta == grid[max(worse, default=-1) + 1]
    assert decision.findings.best_mae == min(months[n] for n in tried)
    assert decision.architecture == replace(preset.reference, beta=decision.findings.best_beta)


@given(st.lists(OUTCOMES, min_size=12, max_size=12))
def test_width_ends_on_any_results_and_asks_only_for_widths_of_the_grid(months: list[float]) -> None:
    started = given_after(a_preset())
    grid = width.betas(started)
    outcome = dict(zip(grid, months, strict=True))
    trials = swept(width, started, lambda point: outcome[float(point["beta"])])

    tried = sorted(grid.index(float(trial.point["beta"])) for trial in trials)
    assert tried == list(range(tried[0], tried[-1] + 1))  # no gaps; swept() allows no width twice
    if all(trial.state == "failed" for trial in trials):
        with pytest.raises(StudyError, match="no width could be trained"):
            width.decide(started, trials)
    else:
        findings = width.decide(started, trials).findings
        assert outcome[findings.best_beta] == min(trial.error for trial in trials)
        assert outcome[findings.smallest_beta] <= outcome[started.preset.reference.beta] + 0.5


@given(st.lists(OUTCOMES, min_size=12, max_size=12), st.integers(1, 12))
def test_what_dropped_blocks_free_is_spent_from_the_widest_under_the_cap_down_until_one_is_no_better(
    months: list[float], under_the_cap: int
) -> None:
    started = after_dropping(["mixed4=0"])
    grid = width.betas(started)
    cap = started.cost(width.architecture(started, {"beta": grid[under_the_cap - 1]})).params
    started = replace(started, preset=replace(started.preset, max_params=cap))
    outcome = dict(zip(grid, months, strict=True))
    tried = [float(trial.point["beta"]) for trial in swept(width, started, lambda p: outcome[float(p["beta"])])]

    assert tried == list(reversed(grid[:under_the_cap]))[: len(tried)]
    reached = list(itertools.dropwhile(math.isinf, (outcome[beta] for beta in tried)))
    assert all(narrower < wider for wider, narrower in itertools.pairwise(reached[:-1]))
    if len(tried) < under_the_cap:
        assert reached[-1] >= reached[-2]


def test_depth_after_dropping_gives_back_one_step_of_the_width_that_the_blocks_paid_for() -> None:
    started = after_dropping(["mixed4=0"])
    low, *_, below, best = width.betas(started)
    decisions = started.decisions | {
        "width": Decision("", started.decisions["width"].architecture, width.WidthFindings(best_beta=best))
    }

    assert depth.beta_range(replace(started, decisions=decisions)) == [below, best]
    plain = given_after(started.preset, best)
    assert depth.beta_range(plain)[0] == started.preset.reference.beta > low


def after_dropping(variants: list[str]) -> Given:
    started = given_after(a_preset(drop_useless=True))
    left = ablation.lowered_to(started.preset.reference, variants)
    findings = ablation.AblationFindings(key_groups=("mixed5",), dropped=tuple(variants), baseline_mae=10.0)
    return replace(started, decisions=started.decisions | {"ablation": Decision("", left, findings)})


def test_a_width_that_fails_ends_its_direction() -> None:
    """Everything trains but 0.7 and 1.4: nothing beyond them is asked for, though the results still improve."""
    started = given_after(a_preset(width_factors=(0.5, 0.7, 1.0, 1.2, 1.4, 1.6)))
    failing = (0.175, 0.35)
    trials = swept(width, started, lambda p: float("inf") if p["beta"] in failing else 20 - float(p["beta"]))

    assert {trial.point["beta"] for trial in trials} == {0.175, 0.25, 0.3, 0.35}
    findings = width.decide(started, trials).findings
    assert (findings.smallest_beta, findings.best_beta) == (0.25, 0.3)


def test_a_reference_width_that_fails_ends_both_directions() -> None:
    """Nothing is no worse than a network that could not be trained."""
    started = given_after(a_preset())
    trials = swept(width, started, lambda p: float("inf") if float(p["beta"]) <= 0.25 else 10.0)

    assert [trial.point["beta"] for trial in trials] == [0.25]
    with pytest.raises(StudyError, match="no width could be trained"):
        width.decide(started, trials)


def test_width_stops_below_the_cap() -> None:
    preset = a_preset()
    started = given_after(replace(preset, max_params=cost(replace(preset.reference, beta=0.3), 100).params))
    trials = swept(width, started, lambda point: 20 - float(point["beta"]))

    assert max(float(trial.point["beta"]) for trial in trials) == 0.3


# depth


@given(st.sets(st.sampled_from(GROUPS), min_size=1), st.sampled_from([0.5, 0.7, 1.0, 1.3, 1.6]))
def test_the_papers_six_rows_are_in_the_depth_space_whatever_the_key_groups(keys: set[str], best: float) -> None:
    started = given_after(paper(), best, sorted(keys))
    space = depth.space(started)
    start = depth.propose(started, []).points

    assert len(paper().depth_start) == 6
    assert all(point[name] in choices for point in start for name, choices in space.items())
    assert all(set(point) == set(space) for point in start)
    built = [depth.architecture(started, point) for point in start]
    assert [(network.beta, network.blocks) for network in built[1:]] == list(paper().depth_start)
    assert built[0] == started.decisions["width"].architecture


@given(st.sets(st.sampled_from(GROUPS), min_size=1), st.integers(0, 11))
def test_depth_repeats_the_key_groups_alone_at_widths_from_the_reference_to_the_best(
    keys: set[str], position: int
) -> None:
    preset = a_preset(depth_extra=2)
    grid = width.betas(given_after(preset))
    started = given_after(preset, grid[position], sorted(keys))
    space = dict(depth.space(started))

    betas = space.pop("beta")
    reference = grid.index(preset.reference.beta)
    assert set(space) == keys
    assert all(space[group] == tuple(range(getattr(Blocks(), group), getattr(Blocks(), group) + 3)) for group in space)
    assert {preset.reference.beta, grid[position]} <= set(betas)
    assert len(betas) == (3 if position == reference else abs(position - reference) + 1)


def test_depth_starts_with_the_widths_best_then_the_presets_points_in_order_and_then_samples() -> None:
    blocks = Blocks(mixed5=4)
    started = given_after(a_preset(depth_start=((0.25, blocks), (0.3, blocks))), 0.3, ["mixed5"])
    proposals = depth.propose(started, [])

    assert proposals.points == [
        {"beta": 0.3, "mixed5": 2},
        {"beta": 0.25, "mixed5": 4},
        {"beta": 0.3, "mixed5": 4},
    ]
    assert proposals.sample


def depth_trials(started: Given, months: Sequence[float]) -> list[Trial]:
    grid = list(points(depth.space(started)))
    return [a_trial(number, grid[number], mae) for number, mae in enumerate(months)]


@pytest.mark.parametrize(
    ("months", "goes_on"),
    [
        ([12, 11, 11.5, 11.5], True),  # two without a better one
        ([12, 11, 11.5, 11.5, 11], False),  # an equal one is no better one
        ([12, 11, 11.5, 11.5, 10.99], True),
        ([12, 11, float("inf"), float("inf"), float("inf")], False),
        ([float("inf")] * 3, False),
        ([12, 11, 10, 9, 8, 7], False),  # depth_trials
        ([12, 11, 10, 9, 8], True),
    ],
)
def test_depth_samples_until_its_trials_or_its_patience_end(months: list[float], goes_on: bool) -> None:
    started = given_after(a_preset(depth_trials=6, depth_patience=3), 0.3, ["mixed5", "mixed9"])

    assert depth.propose(started, depth_trials(started, months)).sample is goes_on


def test_a_running_depth_trial_uses_up_no_patience() -> None:
    started = given_after(a_preset(depth_trials=6, depth_patience=2), 0.3, ["mixed5", "mixed9"])
    trials = depth_trials(started, [12, 11, 13])
    running = Trial(3, list(points(depth.space(started)))[3], "running")

    assert depth.propose(started, [*trials, running]).sample


def test_no_more_depth_trials_than_asked_for_even_of_the_presets_points() -> None:
    """`--trials` is "at most this many trials", and the paper preset names six points."""
    started = given_after(replace(paper(), depth_trials=3), 1.0, ["mixed5", "mixed9"])

    assert len(swept(depth, started, lambda point: 10.0)) == 3


def test_a_preset_point_that_is_the_widths_best_is_trained_once() -> None:
    preset = a_preset(depth_start=((0.3, Blocks()), (0.25, Blocks()), (0.3, Blocks())), depth_trials=2)
    started = given_after(preset, 0.3, ["mixed5"])

    assert [point["beta"] for point in depth.propose(started, []).points] == [0.3, 0.25]
    assert len(swept(depth, started, lambda point: 10.0)) == 2


def test_depth_decides_for_the_best_trial_under_the_cap() -> None:
    started = given_after(a_preset(depth_extra=2), 0.3, ["mixed9"])
    small, large = {"beta": 0.25, "mixed9": 3}, {"beta": 0.3, "mixed9": 4}
    cap = started.cost(depth.architecture(started, small)).params
    under = replace(started, preset=replace(started.preset, max_params=cap))
    trials = [a_trial(0, large, 8.0), a_trial(1, small, 9.0), a_trial(2, {"beta": 0.25, "mixed9": 2}, 9.0)]

    assert depth.decide(started, trials).findings.point["mixed9"] == 4
    decision = depth.decide(under, trials)
    assert decision.architecture == depth.architecture(under, small)
    assert decision.findings.params == cap
    with pytest.raises(StudyError, match="no depth could be trained"):
        depth.decide(under, trials[:1])


def test_with_two_objectives_depth_decides_for_the_cheapest_within_the_margin_of_the_best() -> None:
    preset = a_preset(depth_extra=2, objective=("mae", "macs"))
    started = given_after(preset, 0.3, ["mixed9"])
    small, middle, large = ({"beta": 0.25, "mixed9": count} for count in (2, 3, 4))
    trials = [a_trial(0, large, 9.0), a_trial(1, middle, 9.5), a_trial(2, small, 9.51)]

    assert depth.decide(started, trials).findings.point["mixed9"] == 3
    alone = replace(started, preset=replace(preset, objective=("mae",)))
    assert depth.decide(alone, trials).findings.point["mixed9"] == 4
    assert not depth.prunable(started, small)
    assert depth.prunable(alone, small)


def test_with_two_objectives_patience_counts_from_the_last_trial_on_the_front() -> None:
    preset = a_preset(depth_extra=4, depth_patience=2, depth_trials=20, objective=("mae", "macs"))
    started = given_after(preset, 0.3, ["mixed9"])
    best = a_trial(0, {"beta": 0.25, "mixed9": 4}, 9.0)
    cheaper = a_trial(1, {"beta": 0.25, "mixed9": 2}, 11.0)  # worse, but on the front
    beaten = [a_trial(number, {"beta": 0.25, "mixed9": 3 + number}, 12.0) for number in (2, 3)]

    assert depth.propose(started, [best, cheaper, beaten[0]]).sample
    assert not depth.propose(started, [best, cheaper, *beaten]).sample


# refinement


def refining(**changes: Any) -> Given:
    return given_after(a_preset(**({"fc_choices": (64, 256), "dropouts": (0.2, 0.4, 0.6)} | changes)), best_beta=0.25)


def head_and_width_help(point: Point) -> float:
    """Wider and larger heads are better; dropout costs a little."""
    return 20 - float(point["beta"]) - float(point["fc_units"]) / 1000 + float(point["dropout"]) / 10


def test_refinement_settles_the_width_then_the_head_then_the_dropout() -> None:
    trials = swept(refinement, refining(), head_and_width_help)

    assert [tuple(trial.point.values()) for trial in trials] == [
        (0.25, 0, 0.0, 32),
        (0.275, 0, 0.0, 32),
        (0.3, 0, 0.0, 32),
        (0.3, 64, 0.0, 32),
        (0.3, 256, 0.0, 32),
        (0.3, 256, 0.2, 32),
        (0.3, 256, 0.4, 32),
        (0.3, 256, 0.6, 32),
    ]


def test_a_step_of_the_refinement_waits_for_the_whole_step_before_it() -> None:
    """With several workers the next step is proposed when the last trial of this one has ended, not before."""
    started = refining()
    trials = swept(refinement, started, head_and_width_help)
    running = Trial(2, trials[2].point, "running")

    assert len(refinement.propose(started, [*trials[:2], running]).points) == 3
    assert len(refinement.propose(started, trials[:3]).points) == 6  # the three heads, of which one has run


@settings(deadline=None)
@given(st.integers(0, 7), st.data())
def test_the_refinement_proposes_nothing_over_its_cap(position: int, data: st.DataObject) -> None:
    started = refining()
    with_sex = [point for point in points(refinement.space(started)) if point["sex_units"]]
    networks = [refinement.architecture(started, point) for point in with_sex]
    sizes = sorted({started.cost(network).params for network in networks})
    capped = refining(refine_max_params=sizes[position % len(sizes)])
    months = st.floats(1, 30)

    def anything(point: Point) -> float:
        return data.draw(months)

    trials = swept(refinement, capped, anything)
    proposed = refinement.propose(capped, trials).points
    assert all(fits(refinement, capped, point) for point in proposed)
    assert trials
    assert refinement.decide(capped, trials).findings.params <= sizes[position % len(sizes)]


def test_the_refinements_own_cap_holds_for_it_alone() -> None:
    started = refining(max_params=5_000_000, refine_max_params=9_000_000)

    assert refinement.max_params(started) == 9_000_000
    assert depth.max_params(started) == width.max_params(started) == 5_000_000
    assert refinement.max_params(refining(max_params=5_000_000)) == 5_000_000


@pytest.mark.parametrize(
    ("reached", "converges"), [(5.0, True), (10.59, True), (10.61, False), (33.0, False), (None, False)]
)
def test_a_rate_converges_that_comes_four_fifths_of_the_way_from_constant_to_without_dropout(
    reached: float | None, converges: bool
) -> None:
    """Without dropout 5 months, always answering the median 33: 5 + 0.2 · 28 = 10.6 are still reached."""
    without = a_trial(0, {"dropout": 0.0}, 6.0, [20.0, 5.0])
    failed = a_trial(1, {"dropout": 0.4}, float("inf"))
    trial = failed if reached is None else a_trial(1, {"dropout": 0.4}, 6.0, [4.0, reached])

    assert refinement.converges(refining(), trial, without) is converges


def test_dropout_rises_until_a_rate_does_not_converge() -> None:
    def train(point: Point) -> float:
        return 30.0 if float(point["dropout"]) >= 0.4 else 5.0

    started = refining(dropouts=(0.2, 0.4, 0.6, 0.8))
    trials = swept(refinement, started, head_and_width_help, train)

    assert [trial.point["dropout"] for trial in trials if trial.point["dropout"]] == [0.2, 0.4]
    findings = refinement.decide(started, trials).findings
    assert findings.point["dropout"] == findings.largest_converging_dropout == 0.2


def test_a_rate_that_fails_ends_the_rising() -> None:
    trials = swept(refinement, refining(), lambda p: float("inf") if p["dropout"] else head_and_width_help(p))

    assert [trial.point["dropout"] for trial in trials if trial.point["dropout"]] == [0.2]
    assert refinement.decide(refining(), trials).findings.point["dropout"] == 0


@given(st.lists(OUTCOMES, min_size=3, max_size=3), st.lists(st.floats(0, 40), min_size=3, max_size=3))
def test_the_decision_is_the_largest_converging_rate_within_the_margin_of_the_best(
    months: list[float], train: list[float]
) -> None:
    started = refining(fc_choices=(), width_factors=(1.0,))
    rates = (0.0, *started.preset.dropouts)
    errors, reached = dict(zip(rates, [12.0, *months], strict=True)), dict(zip(rates, [5.0, *train], strict=True))
    trials = swept(refinement, started, lambda p: errors[float(p["dropout"])], lambda p: reached[float(p["dropout"])])
    findings = refinement.decide(started, trials).findings

    converging = []
    for rate in rates:
        if errors[rate] == float("inf") or reached[rate] > 5 + 0.2 * (CONSTANT - 5):
            break
        converging.append(rate)
    best = min(errors[rate] for rate in converging)
    assert findings.point["dropout"] == max(rate for rate in converging if errors[rate] <= best + 0.5)
    assert findings.largest_converging_dropout == converging[-1]


def test_a_refinement_in_which_nothing_trains_is_an_error() -> None:
    trials = swept(refinement, refining(), lambda point: float("inf"))

    assert len(trials) == 3
    with pytest.raises(StudyError, match="no refined network could be trained"):
        refinement.decide(refining(), trials)


def test_under_a_cap_that_only_networks_without_the_sex_fit_the_refinement_says_so() -> None:
    started = refining()
    smallest = refinement.architecture(started, {"beta": 0.25, "fc_units": 0, "dropout": 0.0, "sex_units": 32})
    params = started.cost(smallest).params
    tight = refining(refine_max_params=params - 1)

    assert fits(refinement, tight, {"beta": 0.25, "fc_units": 0, "dropout": 0.0, "sex_units": 0})
    assert not refinement.propose(tight, []).points
    with pytest.raises(StudyError, match=f"no refinement fits {params - 1:,} .* has {params:,}; raise"):
        refinement.decide(tight, [])
    assert refinement.propose(refining(refine_max_params=params), []).points


def test_each_part_of_the_head_is_said_as_an_estimate_that_favours_what_it_was_added_to() -> None:
    trials = swept(refinement, refining(seeds=3, without_sex=True), head_and_width_help)
    compared = refinement.decide(refining(seeds=3, without_sex=True), trials).findings.comparisons

    tried = [trial.point for trial in trials]
    assert len(compared) == sum(len({point[name] for point in tried}) - 1 for name in ("beta", "fc_units", "dropout"))
    assert "FC 256 instead of none" in [row.variant for row in compared]
    assert {row.favoured for row in compared} == {"the reference"}
    assert not any(value for row in compared for value in (row.low, row.high, row.p_difference, row.p_equivalence))
    assert all(point["sex_units"] for point in tried)  # the network without the sex is compared after the search


def test_a_network_without_the_sex_that_an_earlier_version_trained_in_refinement_is_an_estimate_and_decides_nothing() -> (
    None
):
    started = refining(without_sex=True)
    trials = swept(refinement, started, head_and_width_help)
    decision = refinement.decide(started, trials)
    untold = a_trial(len(trials), decision.findings.point | {"sex_units": 0}, 3.0)

    again = refinement.decide(started, [*trials, untold])
    assert again.architecture == decision.architecture
    *others, sexless = again.findings.comparisons
    assert tuple(others) == decision.findings.comparisons
    assert (sexless.variant, sexless.favoured, sexless.low) == ("without the sex", "the reference", None)
    assert refinement.propose(started, [*trials, untold]) == refinement.propose(started, trials)


def test_a_replacement_is_better_or_worse_and_all_widths_are_one_family() -> None:
    started = replace(given_after(a_preset(seeds=8, equivalence_months=0.5)), errors=lambda trial: None)
    wobble = [0.1, -0.1, 0.05, -0.05, 0.08, -0.08, 0.02, -0.02]
    trials = [
        *seeded({"beta": 0.25}, [10.0] * 8),
        *seeded({"beta": 0.3}, [8.0 + each for each in wobble], 10),
        *seeded({"beta": 0.2}, [13.0 + each for each in wobble], 20),
        *seeded({"beta": 0.225}, [10.0 + each for each in wobble], 30),
    ]
    rows = {row.variant: row for row in width.comparisons(started, pool(trials, 8))}

    assert {name: row.verdict for name, row in rows.items()} == {
        "β 0.2 instead of 0.25": "worse",
        "β 0.225 instead of 0.25": "does not matter",
        "β 0.3 instead of 0.25": "better",
    }


def test_widths_are_compared_by_the_seeds_that_all_were_to_have_whatever_results_called_for() -> None:
    started = replace(given_after(a_preset(seeds=3)), errors=lambda trial: None)
    asked = {0.25: [10.0, 10.1, 10.2], 0.3: [8.0, 8.1, 8.2], 0.2: [13.0, 13.1, 13.2]}
    more = {0.25: [10.0, 10.1, 10.2, 11.0], 0.3: [8.0, 8.1, 8.2, 9.5, 9.7, 9.9], 0.2: [13.0, 13.1, 13.2]}

    def rows(maes: dict[float, list[float]]) -> object:
        every = [trial for n, (beta, own) in enumerate(maes.items()) for trial in seeded({"beta": beta}, own, 10 * n)]
        return width.comparisons(started, pool(every, 3))

    assert rows(more) == rows(asked)


def test_the_family_of_widths_is_all_of_the_grid_whatever_was_trained() -> None:
    """A width more or less that results called for makes no other's p smaller."""
    started = given_after(a_preset(seeds=4))
    wobble = [0.3, -0.3, 0.2, -0.2]
    two = [
        *seeded({"beta": 0.25}, [10.0 - each for each in wobble]),
        *seeded({"beta": 0.3}, [9.2 + each for each in wobble], 10),
    ]
    third = seeded({"beta": 0.2}, [10.1 + each for each in wobble], 20)
    [row] = width.comparisons(started, pool(two, 4))
    alone = comparison.compared(started, {"one": pool(two, 4)[1]}, pool(two, 4)[0])[0]
    rows = {each.variant: each for each in width.comparisons(started, pool([*two, *third], 4))}

    assert row.p_difference is not None
    assert alone.p_difference is not None
    assert row.p_difference > 2 * alone.p_difference
    assert rows[row.variant].verdict == "better"


def test_nothing_that_is_compared_is_pruned() -> None:
    started = refining(prune=True)
    plain: Point = {"beta": 0.25, "fc_units": 64, "dropout": 0.0, "sex_units": 32}

    assert refinement.prunable(started, plain)
    assert not refinement.prunable(started, plain | {"dropout": 0.2})
    assert not refinement.prunable(started, plain | {"sex_units": 0})
    assert not refinement.prunable(refining(prune=True, seeds=2), plain)
    assert not refinement.prunable(refining(prune=False), plain)
    assert not any(study.prunable(started, {}) for study in (ablation, width))


@given(st.lists(st.tuples(MONTHS, st.integers(1, 5), st.integers(1, 5)), max_size=12))
def test_the_front_holds_every_trial_that_none_beats_and_no_other(measured: list[tuple[float, int, int]]) -> None:
    costs = [
        (a_trial(number, {"n": number}, round(months, 2)), Cost(params, params, macs, 1, 1, {}))
        for number, (months, params, macs) in enumerate(measured)
    ]
    members = {found.trial for found in front([*costs, (a_trial(99, {}, float("inf")), Cost(1, 1, 1, 1, 1, {}))])}

    for trial, cost_ in costs:
        mine = (trial.error, cost_.params, cost_.macs)
        others = [(other.error, size.params, size.macs) for other, size in costs]
        better = [other for other in others if other != mine and all(o <= m for o, m in zip(other, mine, strict=True))]
        assert (trial.number in members) == (not better)


# presets


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_frozen_value_named_by_its_key(name: str) -> None:
    preset = PRESETS[name]()

    assert preset.name == name
    assert preset == PRESETS[name]()
    assert hash(preset) == hash(PRESETS[name]())
    assert preset.reference.beta in width.betas(given_after(preset))
    assert cost(preset.reference, preset.preparation.image_px).params <= preset.max_params
    with pytest.raises(FrozenInstanceError):
        preset.seed = 1  # type: ignore[misc]


def test_every_field_of_a_preset_has_an_option_and_every_option_a_field() -> None:
    names = field_names()

    assert len(set(names)) == len(names)
    assert set(names) == set(options.OPTIONS)


@pytest.mark.parametrize(
    ("field", "typed", "value"),
    [
        ("image_px", "128", 128),
        ("fit", "squash", "squash"),
        ("batch", "7", 7),
        ("precision", "float32", "float32"),
        ("beta", "0.5", 0.5),
        ("blocks", "4/3/3", Blocks(mixed5=4, mixed7=3, mixed9=3)),
        ("stem_pools", "second", (False, True)),
        ("dropout", "0.25", 0.25),
        ("max_params", "1.5M", 1_500_000),
        ("width_factors", "0.7,1,1.4", (0.7, 1.0, 1.4)),
        ("depth_start", "1.2:4/3/3", ((1.2, Blocks(mixed5=4, mixed7=3, mixed9=3)),)),
        ("fc_choices", "512,64", (512, 64)),
        ("dropouts", "0.2,0.4", (0.2, 0.4)),
    ],
)
def test_an_option_sets_its_field_wherever_it_is_and_the_run_remembers_it(
    tmp_path: Path, field: str, typed: str, value: object
) -> None:
    parser = argparse.ArgumentParser()
    options.add(parser)
    chosen = options.chosen(parser.parse_args([f"--{field.replace('_', '-')}", typed]))
    run = open_run(tmp_path, "demo", chosen, None, None)
    part = next((getattr(run.preset, name) for name in PARTS if field in flat(getattr(run.preset, name))), run.preset)

    assert getattr(part, field) == value
    changed = {name for name, now in flat_preset(run.preset).items() if now != flat_preset(demo())[name]}
    assert changed <= {field}

    record(run)
    assert open_run(tmp_path, None, {}, None, None).preset == run.preset


def flat(part: object) -> set[str]:
    return {field.name for field in fields(part)}  # type: ignore[arg-type]


def flat_preset(preset: Preset) -> dict[str, Any]:
    """Every field by its own name; they are distinct."""
    parts = {name: value for part in PARTS for name, value in asdict(getattr(preset, part)).items()}
    return parts | {name: getattr(preset, name) for name in flat(preset) - set(PARTS)}


def test_a_cap_that_is_set_holds_for_the_refinement_too_unless_it_has_its_own() -> None:
    assert derive(paper(), {}).refine_max_params == 80_000_000
    assert derive(paper(), {"epochs": 3}).refine_max_params == 80_000_000
    lowered = derive(paper(), {"max_params": 20_000_000})
    assert refinement.max_params(given_after(lowered)) == 20_000_000
    both = derive(paper(), {"max_params": 20_000_000, "refine_max_params": 25_000_000})
    assert refinement.max_params(given_after(both)) == 25_000_000


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"width_factors": (0.5, 0.7)}, "contain 1"),
        ({"seeds": 0}, "seeds must be a whole number from 1"),
        ({"resolve": 3}, "at least 6"),
        ({"seed": 2**31 - 1}, "further seeds count on from it"),
        ({"width_factors": (1.0, 0.7)}, "must rise"),
        ({"width_factors": (0.0, 1.0)}, "width_factors must be a number above 0"),
        ({"max_params": 0}, "max_params must be a whole number from 1"),
        ({"depth_trials": 0}, "depth_trials must be a whole number from 1"),
        ({"depth_patience": 0}, "depth_patience must be a whole number from 1"),
        ({"depth_extra": -1}, "depth_extra must be a whole number from 0"),
        ({"margin_months": -0.1}, "margin_months must be a number from 0"),
        ({"fc_choices": (0,)}, "fc_choices must be a whole number from 1"),
        ({"dropouts": (0.5, 0.2)}, "must rise"),
        ({"dropouts": (0.5, 1.0)}, "above 0 and below 1"),
    ],
)
def test_a_preset_that_makes_no_sense_is_refused_with_its_field(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(StudyError, match=says):
        replace(demo(), **changes)


@pytest.mark.parametrize(
    "overrides",
    [{"beta": 0.2533333}, {"dropouts": (0.333333,)}, {"depth_start": ((0.1234567, Blocks()),)}],
    ids=lambda overrides: next(iter(overrides)),
)
def test_values_finer_than_the_four_decimals_of_the_grids_are_refused(overrides: dict[str, Any]) -> None:
    """A stored trial's point is rounded to four decimals, and a finer grid would not know its own trials again."""
    with pytest.raises(StudyError, match="four decimals"):
        derive(demo(), overrides)


@pytest.mark.parametrize("overrides", [{"image_px": 8}, {"epochs": 0}, {"beta": 0.0}], ids=str)
def test_a_part_of_a_preset_that_makes_no_sense_is_refused_by_the_part(overrides: dict[str, Any]) -> None:
    with pytest.raises((DataError, ValueError), match=next(iter(overrides))):
        derive(demo(), overrides)


@settings(max_examples=30)
@given(st.data())
def test_a_field_set_alone_changes_nothing_else(data: st.DataObject) -> None:
    """Every part is replaced by its own fields, whatever their order."""
    values = {"epochs": 9, "image_px": 96, "sex_units": 5, "seed": 3, "zoom": 0.125, "fc_units": 11}
    names = data.draw(st.lists(st.sampled_from(sorted(values)), unique=True))
    made = flat_preset(derive(demo(), {name: values[name] for name in names}))

    assert made == flat_preset(demo()) | {name: values[name] for name in names}


def test_parts_of_a_preset_share_no_field_name() -> None:
    names = [field.name for part in (Preparation, Training, Architecture, Preset) for field in fields(part)]

    assert len(set(names)) == len(names)
