"""A budget: what can be had for it, and that a search which was given one keeps it."""

import json
from argparse import ArgumentTypeError
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, silent
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from data.store.disk import Store
from search.cli import main
from search.commands.values import BUDGET
from search.leader.budget_kept import KeptBudget
from search.leader.engine import run_study
from search.planning.budget import FEW, SEEDS, TRIALS, Budget, Design, changes, design, parse, presets
from search.planning.images import NAMED, Images
from search.planning.plan import TIMED, Plan, Rate, plan
from search.run import Run, derive, open_run
from search.storage.opening import open_storage
from search.storage.records import load
from search.storage.sqlite import sqlite_url
from studies.order import STUDIES
from studies.preset import PRESETS, Preset, StudyError

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
    "text", ["", "24", "h", "epochs", "0h", "-1h", "nanh", "infs", "1e99h", "2d", "600 epoch", "24h!"]
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
    assert found.preset.seeds == 1 or found.plan.trials >= FEW
    assert any("no verdicts" in sentence for sentence in found.sentences) == (found.plan.trials < FEW)


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


def test_a_search_that_has_begun_keeps_its_seeds_and_goes_on_with_the_least_where_nothing_fits() -> None:
    preset = replace(PRESETS["miniature"](), seeds=3)
    found = design(preset, Budget(100, "epochs"), planned, spent=90, begun=True)

    assert found.preset.seeds == 3
    assert not found.fits
    assert any("over the budget by" in sentence for sentence in found.sentences)


def searched(run: Run, store: Store, budget: Budget, stop_after: int | None = None) -> tuple[int, list[Design]]:
    """Epochs that a whole search trains which keeps the budget, and what was planned before each study."""
    kept, designs, trained = KeptBudget(budget, run, 1), [], 0
    for name in STUDIES:
        run, found = kept.planned()
        designs.append(found)
        executor = FormulaExecutor(stop_after=stop_after)
        run_study(run, store, name, lambda executor=executor: executor, silent())
        trained += len(executor.seen) * run.preset.training.epochs
    return trained, designs


@pytest.mark.slow
@pytest.mark.parametrize(
    "epochs", [60, pytest.param(90, marks=pytest.mark.slow), pytest.param(200, marks=pytest.mark.slow)]
)
def test_a_search_keeps_its_budget_of_epochs(tmp_path: Path, tiny_store: Store, epochs: int) -> None:
    run = Run(tmp_path, tiny_preset(), {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    trained, designs = searched(run, tiny_store, Budget(epochs, "epochs"))

    assert trained <= epochs
    assert [len(found.plan.studies) for found in designs] == [5, 4, 3, 2]
    assert [found.spent for found in designs] == sorted(found.spent for found in designs)
    storage = open_storage(run.storage)
    stored = [trial for name in STUDIES if (study := load(storage, name, tmp_path)) for trial in study.trials]
    assert sum(len(trial.intermediate_values) for trial in stored if "copied_from" not in trial.user_attrs) == trained
    assert len({found.preset.seeds for found in designs}) == 1
    # What was planned is the run's from now on: status, report and the next command read it.
    assert open_run(tmp_path, None, {}, None, None).preset.seeds == designs[0].preset.seeds


def test_what_earlier_commands_have_spent_counts(tmp_path: Path, tiny_store: Store) -> None:
    run = Run(tmp_path, tiny_preset(), {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    with pytest.raises(KeyboardInterrupt):
        searched(run, tiny_store, Budget(100, "epochs"), stop_after=3)
    recorded = open_run(tmp_path, None, {}, None, None).overrides
    again = replace(run, preset=derive(run.preset, recorded), overrides=recorded)
    _, found = KeptBudget(Budget(100, "epochs"), again, 1).planned()

    assert found.spent == 3 * run.preset.training.epochs
    assert found.needed <= 100


@pytest.mark.slow
def test_a_budget_that_is_too_small_is_refused_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["plan", "--preset", "cpu", "--budget", "30epochs", "--run-dir", str(tmp_path / "run")]

    assert main(command) == 2
    assert "--budget 30 epochs is too small" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_budget_of_time_is_planned_by_steps_that_are_timed_here(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
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
        "--time-a-step",
    ]

    assert main([*command, "--budget", "9h", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["hours_from"] == TIMED
    assert found["hours"] * 3600 + found["final_training"]["hours"] * 3600 == pytest.approx(found["budget"]["needed"])
    assert found["budget"]["needed"] <= 9 * 3600
