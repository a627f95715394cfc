"""What follows a search with a budget: the winner's ablation, unasked, if it fits; and what is left out where time runs short."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import optuna
import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, silent

from data.store.disk import Store
from search.leader.budget_kept import KeptBudget, refuses_ablation, seconds_together, without_budget
from search.leader.engine import run_study
from search.planning.amount import Budget
from search.planning.budget import AFTERWARDS, Design, afterwards, design
from search.planning.images import NAMED, Images
from search.planning.plan import Plan, Rate, StudyPlan
from search.run import Run, open_run, record, set_by_a_budget
from search.storage.sqlite import sqlite_url
from studies.order import STUDIES
from studies.preset import Preset
from studies.presets import PRESETS

RATE = Rate(lambda macs: 10.0, "assumed")
MINUTE = 60.0


def fake_plan(preset: Preset) -> Plan:
    """What a plan costs, about: 30 epochs for each training."""
    counts = {"ablation": 4 * preset.seeds, "width": preset.width_trials * preset.seeds, "depth": preset.depth_trials}
    counts["refinement"] = preset.refine_trials * preset.seeds
    counts |= fake_after(preset)
    return planned_as(counts)


def fake_after(preset: Preset) -> dict[str, int]:
    after = {
        "confirmation": preset.confirm * preset.confirm_seeds,
        "sex": preset.without_sex * preset.seeds,
        "winner": 9 * preset.ablate_winner * preset.seeds,
    }
    return {name: count for name, count in after.items() if count}


def planned_as(counts: dict[str, int]) -> Plan:
    studies = tuple(
        StudyPlan(name, count, 30 * count, 30.0 * count, 1, 1, 30.0 * count) for name, count in counts.items()
    )
    return Plan(studies, 30, 30.0, 30.0, 1, Images(100, 20, 10, NAMED, 1), RATE, 1, 1, 0)


def sentences_of(found: Design) -> str:
    return " ".join(found.sentences)


def test_a_large_budget_ablates_the_winner_unasked_and_a_small_one_does_not() -> None:
    preset = PRESETS["cpu"]()
    large, small = (design(preset, Budget(epochs, "epochs"), fake_plan, spare=True) for epochs in (10.0**6, 1_000.0))

    assert large.preset.ablate_winner
    assert "the winner's blocks are ablated too, as the budget pays for all else" in large.sentences
    assert not small.preset.ablate_winner
    assert "the winner's ablation is left out: the budget is too small for it" in small.sentences
    assert not design(preset, Budget(10.0**6, "epochs"), fake_plan).preset.ablate_winner


def test_what_is_added_unasked_takes_no_seed_and_no_trial_from_the_search() -> None:
    preset = PRESETS["cpu"]()
    for epochs in range(500, 12_000, 100):
        budget = Budget(float(epochs), "epochs")
        alone, added = (design(preset, budget, fake_plan, spare=spare) for spare in (False, True))
        assert replace(added.preset, ablate_winner=False) == alone.preset
        assert added.fits
        if added.preset.ablate_winner:
            assert all(
                getattr(added.preset, name) >= getattr(preset, name) for name in ("seeds", "confirm", "depth_trials")
            )


def test_after_the_search_the_ablation_goes_first_and_the_confirmation_last() -> None:
    preset = replace(PRESETS["cpu"](), without_sex=True, ablate_winner=True, seeds=3, confirm=1, confirm_seeds=3)

    def after(epochs: float, decided: tuple[str, ...] = ()) -> Design:
        budget = Budget(epochs, "epochs")
        return afterwards(preset, budget, lambda tried: planned_as(fake_after(tried)), 0.0, decided)

    def left(found: Design) -> list[str]:
        return [name for name in AFTERWARDS if getattr(found.preset, name)]

    confirming, full = 30.0 * 3, 30.0
    assert left(after(10_000.0)) == ["ablate_winner", "without_sex", "confirm"]
    assert left(after(confirming + 30 * 3 + full)) == ["without_sex", "confirm"]
    assert left(after(confirming + full)) == ["confirm"]
    assert left(after(confirming + full - 1)) == []
    said = sentences_of(after(confirming + full - 1))
    for what in ("ablation is left out", "training without the sex is left out", "will not be confirmed"):
        assert what in said
    assert left(after(1.0, decided=("confirm",))) == ["confirm"]  # it is done


def a_run(folder: Path, store: Store, preset: Preset) -> Run:
    return Run(folder, preset, {}, str(store.path), sqlite_url(folder / "studies.db"))


def test_a_run_is_told_by_its_folder_whether_somebody_refused_the_ablation_or_a_budget_took_it_back(
    tmp_path: Path,
) -> None:
    asked = open_run(tmp_path, "demo", {}, "phantom:60", None)
    added = set_by_a_budget(asked, {"ablate_winner": True})
    assert added.wish == asked.preset
    record(added)
    again = open_run(tmp_path, None, {}, None, None, budgeted=True)
    assert (again.preset.ablate_winner, refuses_ablation(again)) == (True, False)

    taken_back = set_by_a_budget(again, {"ablate_winner": False})
    assert (taken_back.preset.ablate_winner, refuses_ablation(taken_back)) == (False, False)
    refused = open_run(tmp_path, None, {"ablate_winner": False}, None, None, budgeted=True)
    assert (refused.preset.ablate_winner, refuses_ablation(refused)) == (False, True)
    record(refused)
    assert refuses_ablation(open_run(tmp_path, None, {}, None, None, budgeted=True))


@pytest.mark.slow
def test_a_kept_budget_adds_the_ablation_drops_it_and_respects_a_refusal(tmp_path: Path, tiny_store: Store) -> None:
    run = a_run(tmp_path, tiny_store, replace(tiny_preset(), width_trials=2, depth_trials=3, refine_trials=2))
    plenty, short = Budget(10.0**5, "epochs"), Budget(150.0, "epochs")
    planned, _ = KeptBudget(plenty, run, 1).planned()
    assert planned.preset.ablate_winner
    assert not without_budget(planned).preset.ablate_winner  # nobody has asked for it
    with pytest.raises(KeyboardInterrupt):
        run_study(planned, tiny_store, "ablation", lambda: FormulaExecutor(stop_after=1), silent())

    lowered, _ = KeptBudget(short, planned, 1).planned()
    assert not lowered.preset.ablate_winner
    assert lowered.preset.confirm
    assert KeptBudget(plenty, lowered, 1).planned()[0].preset.ablate_winner
    without, _ = KeptBudget(Budget(90.0, "epochs"), lowered, 1).planned()
    assert not without.preset.confirm
    assert not KeptBudget(plenty, without, 1).planned()[0].preset.ablate_winner  # the confirmation is the last to go
    refused = replace(run, overrides={"ablate_winner": False})
    found = KeptBudget(plenty, refused, 1).planned()[1]
    assert not found.preset.ablate_winner
    assert "left out" not in sentences_of(found)


@pytest.mark.parametrize("after_all", [False, True])
@pytest.mark.parametrize(
    ("cut", "ablated"),
    [
        ({}, True),
        ({"seeds": 1}, False),
        ({"confirm": 0}, False),
        pytest.param({"width_trials": 1}, False, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_where_something_stays_cut_of_what_was_asked_for_no_budget_adds_the_ablation(
    tmp_path: Path, tiny_store: Store, cut: dict[str, int], ablated: bool, after_all: bool
) -> None:
    """Whatever is left of it: it has not paid for all else."""
    preset = replace(tiny_preset(), seeds=3, width_trials=2, depth_trials=2, refine_trials=1)
    run = set_by_a_budget(a_run(tmp_path, tiny_store, preset), cut)
    if "width_trials" in cut:  # other numbers of trials are free until their study has decided
        for name in ("ablation", "width"):
            run_study(run, tiny_store, name, FormulaExecutor, silent())
    else:
        with pytest.raises(KeyboardInterrupt):
            run_study(run, tiny_store, "ablation", lambda: FormulaExecutor(stop_after=1), silent())
    planned, found = KeptBudget(Budget(10.0**5, "epochs"), run, 1).planned(after_all)

    assert planned.preset.ablate_winner == ablated
    assert ("as the budget pays for all else" in sentences_of(found)) == ablated


@pytest.mark.slow
def test_after_the_search_a_budget_that_is_spent_leaves_out_what_follows_and_says_so(
    tmp_path: Path, tiny_store: Store
) -> None:
    preset = replace(tiny_preset(), strategy="paper", depth_trials=2, refine_trials=1)  # whose proposals take no time
    run = a_run(tmp_path, tiny_store, preset)
    for name in STUDIES:
        run_study(run, tiny_store, name, FormulaExecutor, silent())

    spent, found = KeptBudget(Budget(10.0, "epochs"), run, 1).planned(after_all=True)
    assert not spent.preset.ablate_winner
    assert not spent.preset.confirm
    assert "will not be confirmed" in sentences_of(found)
    plenty, _ = KeptBudget(Budget(10.0**5, "epochs"), run, 1).planned(after_all=True)
    assert plenty.preset.ablate_winner
    assert plenty.preset.confirm


def a_trial(began: float, minutes: float, workers: int = 2) -> optuna.trial.FrozenTrial:
    """One that began so many minutes after ten."""
    trial = optuna.trial.create_trial(
        value=9.0, user_attrs={"macs": 1, "seconds": minutes * MINUTE, "workers": workers}
    )
    trial.datetime_start = datetime(2026, 1, 1, 10) + timedelta(minutes=began)
    trial.datetime_complete = trial.datetime_start + timedelta(minutes=minutes)
    return trial


@pytest.mark.parametrize(
    ("trials", "minutes"),
    [
        ([(0, 10), (10, 10)], 20),  # one after the other, with two workers
        ([(0, 10), (0, 10)], 10),
        ([(0, 100), (20, 10)], 100),
        ([(0, 10), (600, 10)], 20),  # a night between them
        ([(0, 10), (0, 10), (5, 10), (5, 10)], 20),  # more than two at once there cannot be
    ],
)
def test_trainings_take_the_time_in_which_any_of_them_ran(trials: list[tuple[float, float]], minutes: float) -> None:
    found = seconds_together([a_trial(*one) for one in trials], RATE, 2)
    assert found == pytest.approx(minutes * MINUTE)


def test_what_a_command_spends_before_its_first_plan_counts(tmp_path: Path, tiny_store: Store) -> None:
    run = a_run(tmp_path, tiny_store, tiny_preset())
    kept = KeptBudget(Budget(3_600.0, "seconds"), run, 1, preparing_seconds=600.0)

    assert kept.spent([], RATE) == 600
    assert kept.spent([], RATE) >= 600
