"""A budget: how it is written, and what can be had for it."""

import json
from argparse import ArgumentTypeError
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from search.cli import main
from search.commands.values import AMOUNT_OR_0, BUDGET
from search.planning.amount import Budget, parse, words
from search.planning.budget import FEW, SEEDS, TRIALS, Design, changes, design, presets
from search.planning.images import NAMED, Images
from search.planning.plan import TIMED, Plan, Rate, StudyPlan, plan
from search.run import derive
from studies.preset import MIN_SEEDS, Preset, StudyError
from studies.presets import PRESETS

IMAGES = Images(100, 20, 10, NAMED, 1)
RATE = Rate(lambda macs: macs / 1e8, "assumed")
budgets = st.builds(Budget, st.integers(100, 5_000).map(float), st.sampled_from(["epochs", "seconds"]))
names = st.just("miniature")  # whose plan takes a tenth of the others' time


def planned(preset: Preset) -> Plan:
    return plan(preset, IMAGES, RATE)


@given(st.integers(1, 10**6), st.sampled_from(["h", "m", "s", "epochs", " epochs"]))
def test_a_budget_is_read_as_it_is_written(amount: int, unit: str) -> None:
    per = {"h": 3600, "m": 60, "s": 1}.get(unit, 1)
    assume(amount * per <= 10**9)

    assert parse(f"{amount}{unit}") == Budget(amount * per, "epochs" if "epochs" in unit else "seconds")
    assert parse(f"{amount:,}{unit}") == parse(f"{amount}{unit}")


@pytest.mark.parametrize(
    "text",
    [
        *("", "24", "h", "epochs", "0h", "-1h", "nanh", "infs", "1e99h", "2d", "600 epoch", "24h!", "2,5h", "1,5,h"),
        *("1,,000h", "10,00h", "1,000,5h", "0.4epochs", "600.5epochs", ",5h", "2 5h", "e3h", "1_000h"),
    ],
)
def test_what_is_no_budget_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="expected 24h, 90m, 3600s or 600epochs, above 0"):
        BUDGET(text)


@pytest.mark.slow
@settings(max_examples=8)
@given(names, budgets)
def test_a_design_fits_its_budget_or_there_is_none(name: str, budget: Budget) -> None:
    preset = PRESETS[name]()
    leanest = list(presets(preset, False))[-1]
    least = budget.of(planned(leanest)) + budget.full(planned(leanest))
    if least > budget.amount:
        with pytest.raises(StudyError, match=f"--budget {budget} is too small"):
            design(preset, budget, planned)
        return
    found = design(preset, budget, planned)
    assert found.needed <= budget.amount
    assert found.preset == derive(preset, changes(preset, found.preset) | {"max_params": preset.max_params})
    assert found.preset.seeds == 1 or found.verdicts
    assert found.verdicts == (found.preset.seeds >= MIN_SEEDS and found.plan.trials >= FEW)
    assert any("no verdicts" in sentence for sentence in found.sentences) == (not found.verdicts)


@pytest.mark.slow
@settings(max_examples=5)
@given(names, budgets, st.floats(1, 3))
def test_a_larger_budget_buys_no_fewer_epochs(name: str, budget: Budget, times: float) -> None:
    preset = PRESETS[name]()
    larger = replace(budget, amount=budget.amount * times)
    try:
        less, more = (design(preset, one, planned) for one in (budget, larger))
    except StudyError:
        return
    assert rank(preset, more) <= rank(preset, less)


def test_a_cap_that_rounds_to_nothing_is_refused_and_not_taken_for_none() -> None:
    with pytest.raises(ArgumentTypeError, match="or 0; got"):
        AMOUNT_OR_0("0.4")
    assert [AMOUNT_OR_0(text) for text in ("0", "0.0", "0.4k", "70,000,000")] == [0, 0, 400, 70_000_000]


def rank(preset: Preset, found: Design) -> int:
    """Its place among the designs, of which the richest come first."""
    return list(presets(preset, False)).index(found.preset)


def test_plenty_buys_the_seeds_of_a_verdict_and_more_trials_and_just_enough_the_preset_itself() -> None:
    preset = PRESETS["miniature"]()
    own = planned(preset)
    plenty = design(preset, Budget(10**6, "epochs"), planned)
    enough = design(preset, Budget(own.epochs + own.full_epochs, "epochs"), planned)

    assert plenty.preset.seeds == SEEDS
    assert all(getattr(plenty.preset, name) > getattr(preset, name) for name in TRIALS)
    assert enough.preset == preset


def fake_plan(preset: Preset) -> Plan:
    """What a plan costs, about: a count of its seeds and trials; 30 epochs each."""
    counts = {"ablation": 4 * preset.seeds, "width": preset.width_trials * preset.seeds, "depth": preset.depth_trials}
    counts["refinement"] = preset.refine_trials * preset.seeds
    counts |= {"confirmation": preset.confirm * preset.confirm_seeds, "winner": 9 * preset.ablate_winner * preset.seeds}
    studies = tuple(
        StudyPlan(name, count, 30 * count, 30.0 * count, 1, 1, 30.0 * count) for name, count in counts.items()
    )
    return Plan(studies, 30, 30.0, 30.0, 1, IMAGES, RATE, 1, 1, 0)


def test_no_budget_buys_two_seeds_and_what_does_not_pay_for_three_is_spent_on_trials() -> None:
    preset = PRESETS["cpu"]()
    found = [design(preset, Budget(float(epochs), "epochs"), fake_plan) for epochs in range(500, 4000, 20)]

    assert {one.preset.seeds for one in found} == {1, 3, 4, 5, 6}
    assert all(one.verdicts == (one.preset.seeds >= MIN_SEEDS) for one in found if one.plan.trials >= FEW)
    # Just below three seeds one has more trials than the preset says.
    last = max((one for one in found if one.preset.seeds == 1), key=lambda one: one.budget.amount)
    assert all(getattr(last.preset, name) > getattr(preset, name) for name in TRIALS)
    for one in found:
        if one.preset.seeds == 1:
            assert not one.to_dict()["verdicts"]
            assert any("can give no verdicts" in sentence for sentence in one.sentences)


wishes = st.fixed_dictionaries(
    {},
    optional={
        "seeds": st.integers(1, 40),
        "baseline_seeds": st.integers(0, 60),
        "resolve": st.integers(0, 60),
        "confirm": st.integers(0, 3),
        "ablate_winner": st.booleans(),
        **{name: st.sampled_from([1, 7, 400_000, 1_000_000]) for name in TRIALS},
    },
)


@settings(max_examples=30)
@given(wishes, st.booleans())
def test_whatever_is_set_every_design_of_it_can_be(wish: dict[str, Any], begun: bool) -> None:
    try:
        preset = replace(PRESETS["demo"](), **wish)
    except StudyError:
        return

    for tried in presets(preset, begun):
        assert begun or tried.seeds != 2
        assert derive(preset, changes(preset, tried) | {"max_params": preset.max_params}) == tried


def test_one_epoch_is_no_epochs_and_where_nothing_is_left_no_list_of_trials_is_said() -> None:
    preset = PRESETS["cpu"]()
    done = Design(preset, replace(fake_plan(preset), studies=()), 1.0, Budget(100, "epochs"), 30)

    [said, *_] = done.sentences
    assert "(1 epoch of it spent; at most 31 epochs in all)" in said
    assert "; no trial is left to run; " in said
    assert [words(count, "epochs") for count in (0, 1, 2, 1_000)] == ["0 epochs", "1 epoch", "2 epochs", "1,000 epochs"]


def test_a_confirmation_and_an_ablation_of_the_winner_that_are_left_out_are_said() -> None:
    preset = replace(PRESETS["cpu"](), ablate_winner=True)
    short, long = (design(preset, Budget(epochs, "epochs"), fake_plan) for epochs in (500.0, 10.0**6))

    assert not short.preset.confirm
    assert "the winner will not be confirmed with fresh seeds" in short.sentences
    assert any("winner's ablation is left out" in sentence for sentence in short.sentences)
    assert long.preset.confirm
    assert not any("winner will not" in sentence or "left out" in sentence for sentence in long.sentences)


@pytest.mark.parametrize("trained", [0, 3, 30])
def test_a_search_with_three_seeds_can_give_verdicts_however_few_trainings_are_left(trained: int) -> None:
    preset = replace(PRESETS["miniature"](), seeds=3)
    found = design(preset, Budget(100, "epochs"), planned, spent=90, begun=True, trained=trained)

    assert found.verdicts
    assert not any("no verdicts" in said for said in found.sentences)


def test_a_search_that_has_begun_keeps_its_seeds_and_goes_on_with_the_least_where_nothing_fits() -> None:
    preset = replace(PRESETS["miniature"](), seeds=3)
    found = design(preset, Budget(100, "epochs"), planned, spent=90, begun=True)

    assert found.preset.seeds == 3
    assert not found.fits
    assert any("exceeds the budget by" in sentence for sentence in found.sentences)


@pytest.mark.slow
def test_a_budget_that_is_too_small_is_refused_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["plan", "--preset", "cpu", "--budget", "30epochs", "--run-dir", str(tmp_path / "run")]

    assert main(command) == 2
    assert "--budget 30 epochs is too small" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_budget_of_time_is_planned_by_steps_that_are_timed_here_as_run_plans_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody asks for the timing: by assumed hours `plan` would refuse what `run` can do."""
    small = "--data phantom:60 --image-px 40 --fit squash --beta 0.0625 --blocks mixed5=1,mixed9=1 --stem-pools none --epochs 2 --batch 8"
    command = [
        "plan",
        "--preset",
        "demo",
        *small.split(),
        "--run-dir",
        str(tmp_path),
        "--workers",
        "1",
    ]

    assert main([*command, "--budget", "9h", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["hours_from"] == TIMED
    for hours, amount in (("likely_hours", "needed"), ("hours", "at_most")):
        assert (found[hours] + found["final_training"][hours]) * 3600 == pytest.approx(found["budget"][amount])
    assert found["budget"]["needed"] <= min(9 * 3600, found["budget"]["at_most"])
