"""A budget plans by what was asked for, however often the command is given again: what an earlier command planned is no wish."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, silent

from data.store.disk import Store
from search.leader.budget_kept import KeptBudget, said_without, without_budget
from search.leader.engine import run_study
from search.planning.amount import Budget
from search.planning.budget import STAYING, TRIALS, Design, changes
from search.run import Run, derive, open_run, record, set_by_a_budget
from search.storage.sqlite import sqlite_url
from studies.preset import StudyError

PRESET = replace(tiny_preset(), width_trials=2, depth_trials=3, refine_trials=2, confirm=0)
PLENTY = Budget(4_000, "epochs")


def again(folder: Path, data: str) -> Run:
    """As the next command opens it."""
    opened = open_run(folder, None, {}, None, None)
    preset = derive(PRESET, opened.overrides)
    return Run(folder, preset, opened.overrides, data, sqlite_url(folder / "studies.db"), opened.wanted)


def planned(run: Run, budget: Budget = PLENTY) -> tuple[Run, Design]:
    """Of a command of its own, which is remembered as it is when its first study begins."""
    run, found = KeptBudget(budget, run, 1).planned()
    record(run)
    return run, found


@pytest.fixture
def stopped(tmp_path: Path, tiny_store: Store) -> tuple[Run, Design]:
    """Ctrl-C after the first training of a search with a budget."""
    run = Run(tmp_path, PRESET, {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    run, found = KeptBudget(PLENTY, run, 1).planned()
    with pytest.raises(KeyboardInterrupt):
        run_study(run, tiny_store, "ablation", lambda: FormulaExecutor(stop_after=1), silent())
    return run, found


@pytest.mark.slow
def test_the_same_command_plans_the_same_after_every_stop(stopped: tuple[Run, Design]) -> None:
    run, first = stopped
    assert first.preset.width_trials > PRESET.width_trials

    for _ in range(3):
        _, found = planned(again(run.folder, run.data))
        assert found.preset == first.preset
        assert found.needed == first.needed


def test_a_budget_lowered_and_raised_again_plans_what_it_planned(stopped: tuple[Run, Design]) -> None:
    run, first = stopped
    lowered = planned(again(run.folder, run.data), Budget(60, "epochs"))[1]
    raised = planned(again(run.folder, run.data))[1]

    assert lowered.preset.width_trials < PRESET.width_trials
    assert all(getattr(lowered.preset, name) == getattr(first.preset, name) for name in STAYING)
    assert raised.preset == first.preset


def test_without_a_budget_the_search_is_what_was_asked_for_but_for_what_stays(stopped: tuple[Run, Design]) -> None:
    run, first = stopped
    opened = again(run.folder, run.data)
    assert opened.preset == first.preset  # which the run's folder shows: it has trained by that
    left_away = without_budget(opened)

    assert all(getattr(left_away.preset, name) == getattr(PRESET, name) for name in TRIALS)
    assert all(getattr(left_away.preset, name) == getattr(first.preset, name) for name in STAYING)
    [said] = said_without(opened, left_away)
    assert f"width_trials {PRESET.width_trials} (the budget had {first.preset.width_trials})" in said
    record(left_away)
    assert planned(again(run.folder, run.data))[1].preset == first.preset
    assert without_budget(again(run.folder, run.data)).preset == left_away.preset


def test_before_anything_is_trained_a_second_plan_is_as_free_as_the_first(tmp_path: Path, tiny_store: Store) -> None:
    """The leader was killed between its plan and its first trial."""
    run = Run(tmp_path, PRESET, {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    small = planned(run, Budget(60, "epochs"))[1]
    plenty = planned(again(tmp_path, run.data))[1]

    assert small.preset.seeds < plenty.preset.seeds
    assert without_budget(again(tmp_path, run.data)).preset == PRESET


def test_what_a_command_says_again_is_no_new_wish_and_what_it_says_anew_is(tmp_path: Path) -> None:
    asked = open_run(tmp_path, "demo", {"width_trials": 2, "seeds": 3}, "phantom:60", None)
    record(set_by_a_budget(asked, {"width_trials": 8, "seeds": 6}))

    same = open_run(tmp_path, "demo", {"width_trials": 2, "seeds": 3}, None, None, budgeted=True)
    assert (same.preset.width_trials, same.preset.seeds, same.wish) == (8, 6, asked.preset)
    other = open_run(tmp_path, None, {"width_trials": 5}, None, None, budgeted=True)
    assert (other.preset.width_trials, other.wish.width_trials, other.wish.seeds) == (5, 5, 3)
    unplanned = open_run(tmp_path, None, {"seeds": 3}, None, None)
    assert (unplanned.preset.seeds, unplanned.preset.width_trials) == (3, 8)


def test_the_folder_shows_the_settings_in_force_and_those_that_were_wanted(tmp_path: Path) -> None:
    asked = open_run(tmp_path, "demo", {"seeds": 3}, "phantom:60", None)
    record(set_by_a_budget(asked, {"depth_trials": 8}))
    settings = json.loads((tmp_path / "run.json").read_text())

    assert settings["overrides"] == {"seeds": 3, "depth_trials": 8}
    assert settings["wanted"] == {"depth_trials": asked.preset.depth_trials}
    assert json.loads((tmp_path / "settings.json").read_text())["depth_trials"] == 8
    back = set_by_a_budget(open_run(tmp_path, None, {}, None, None), {"depth_trials": asked.preset.depth_trials})
    assert (back.wanted, back.preset) == ({}, asked.preset)
    assert changes(asked.preset, open_run(tmp_path, None, {}, None, None).preset) == {"depth_trials": 8}


@pytest.mark.parametrize("wanted", [3, {"no_field": 1}, {"depth_trials": 0}, {"depth_trials": "many"}])
def test_a_wish_edited_by_hand_that_is_none_is_refused_with_the_file(tmp_path: Path, wanted: object) -> None:
    record(open_run(tmp_path, "demo", {}, "phantom:60", None))
    path = tmp_path / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"wanted": wanted}))

    with pytest.raises(StudyError, match=r"run\.json cannot be used"):
        open_run(tmp_path, None, {}, None, None)
