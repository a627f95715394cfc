"""A search that was given a budget keeps it, whatever earlier commands have spent, and `plan` says what it will plan."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, silent

from data.store.disk import Store
from search.cli import main
from search.commands.search import design_said
from search.leader.budget_kept import KeptBudget, seconds_of, so_far
from search.leader.engine import run_study
from search.planning.amount import Budget
from search.planning.budget import STAYING, Design
from search.planning.plan import Rate
from search.run import Run, derive, open_run
from search.storage.opening import open_storage
from search.storage.records import load, trials_of
from search.storage.sqlite import sqlite_url
from search.workers.job import EpochDone, Message
from studies.around import winner
from studies.order import STUDIES
from studies.preset import StudyError
from studies.presets import PRESETS

RATE_OF_TEN = Rate(lambda macs: 10.0, "assumed")


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
    # The ablation of the winner comes on top, unasked, while all else is paid.
    asked_for = [[study.study for study in found.plan.studies if study.study != winner.NAME] for found in designs]
    assert [len(studies) for studies in asked_for] == [5, 4, 3, 2]
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
    recorded = open_run(tmp_path, None, {}, None, None)
    overrides = recorded.overrides
    again = replace(run, preset=derive(run.preset, overrides), overrides=overrides, wanted=recorded.wanted)
    _, found = KeptBudget(Budget(100, "epochs"), again, 1).planned()

    assert found.spent == 3 * run.preset.training.epochs
    assert found.needed <= 100


@pytest.mark.slow
def test_a_study_that_has_decided_keeps_its_number_of_trials_and_the_race_goes_on(
    tmp_path: Path, tiny_store: Store
) -> None:
    """With others the same command would train on, or decide anew, and refuse its own earlier decision."""
    preset = replace(tiny_preset(), resolve=12)
    begun = Run(tmp_path, preset, {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    kept = KeptBudget(Budget(2_000, "epochs"), begun, 1)
    for name in list(STUDIES)[:3]:
        run, _ = kept.planned()
        run_study(run, tiny_store, name, FormulaExecutor, silent())
    opened = open_run(tmp_path, None, {}, None, None)
    overrides = opened.overrides
    recorded = replace(begun, preset=derive(preset, overrides), overrides=overrides, wanted=opened.wanted)

    for epochs in (20_000, 700):
        again, _ = KeptBudget(Budget(epochs, "epochs"), recorded, 1).planned()
        decided = ("width_trials", "depth_trials", "seeds", "resolve")
        assert [getattr(again.preset, name) for name in decided] == [getattr(recorded.preset, name) for name in decided]
        for name in list(STUDIES)[:3]:
            idle = FormulaExecutor()
            run_study(again, tiny_store, name, lambda idle=idle: idle, silent())
            assert not idle.seen


class Slow(FormulaExecutor):
    """Its epochs take ten seconds each, by what its workers say; it is stopped in the middle of a training."""

    def __init__(self, stop_after_epochs: int | None = None, workers: int = 1) -> None:
        super().__init__(workers=workers)
        self.left = stop_after_epochs

    def wait(self, seconds: float) -> list[Message]:
        if self.left is not None and self.left <= 0:
            raise KeyboardInterrupt
        messages = super().wait(seconds)
        slow = [replace(message, seconds=10.0) if isinstance(message, EpochDone) else message for message in messages]
        if self.left is None:
            return slow
        whole, self.left = slow, self.left - len(slow) + 1
        return whole if self.left >= 0 else whole[: self.left - 1]


def test_a_night_between_two_commands_is_no_part_of_a_budget(tmp_path: Path, tiny_store: Store) -> None:
    run = Run(tmp_path, tiny_preset(), {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    budget, epochs = Budget(3_600.0, "seconds"), run.preset.training.epochs
    with pytest.raises(KeyboardInterrupt):
        run_study(run, tiny_store, "ablation", lambda: Slow(stop_after_epochs=epochs + 1), silent())

    def a_night_ago() -> None:
        with closing(sqlite3.connect(tmp_path / "studies.db")) as database, database:
            database.execute("UPDATE trials SET datetime_start = datetime(datetime_start, '-10 hours')")

    def spent(workers: int = 1) -> float:
        return KeptBudget(budget, run, workers).spent(so_far(run).trained, RATE_OF_TEN)

    a_night_ago()
    stopped = load(open_storage(run.storage), "ablation", tmp_path)
    assert stopped is not None
    assert sum(len(trial.intermediate_values) for trial in stopped.trials) == epochs + 1
    assert spent() == pytest.approx(10 * (epochs + 1))

    run_study(run, tiny_store, "ablation", Slow, silent())
    trials = len(trials_of(stopped))
    assert trials == 4
    assert spent() == pytest.approx(10 * epochs * trials)
    assert spent(workers=8) == pytest.approx(10 * epochs * trials)  # by those that trained, not those of today


@pytest.mark.parametrize("workers", [2, pytest.param(1, marks=pytest.mark.slow)])
def test_trainings_side_by_side_share_the_time_that_they_took(tmp_path: Path, tiny_store: Store, workers: int) -> None:
    run = Run(tmp_path, tiny_preset(), {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    run_study(run, tiny_store, "ablation", lambda: Slow(workers=workers), silent())
    kept, trained = KeptBudget(Budget(3_600.0, "seconds"), run, 1), so_far(run).trained
    first, again = kept.spent(trained, RATE_OF_TEN), kept.spent(trained, RATE_OF_TEN)

    assert first == pytest.approx(10 * run.preset.training.epochs * 4 / workers)
    assert first < again < first + 60  # this command's own time, of which there was little
    other = replace(run, preset=derive(run.preset, {"epochs": 3}))
    with pytest.raises(StudyError, match="made under other settings: epochs was 2, now 3"):
        so_far(other)


def test_what_the_first_design_leaves_out_stays_out(tmp_path: Path, tiny_store: Store) -> None:
    run = Run(tmp_path, tiny_preset(), {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    kept = KeptBudget(Budget(30.0, "epochs"), run, 1)
    run, first = kept.planned()
    run_study(run, tiny_store, "ablation", FormulaExecutor, silent())
    later = replace(kept, budget=Budget(10**6, "epochs")).planned()[1]

    assert not first.preset.confirm
    assert all(getattr(later.preset, name) == getattr(first.preset, name) for name in STAYING)
    assert "the winner will not be confirmed with fresh seeds" in later.sentences


@pytest.mark.parametrize(
    ("epochs", "says"), [(30.0, "one seed for each variant gives estimates"), (200.0, "6 seeds of")]
)
def test_what_the_ablation_of_a_design_can_find_is_said_before_it_trains(
    tmp_path: Path, tiny_store: Store, epochs: float, says: str
) -> None:
    run = Run(tmp_path, tiny_preset(), {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    run, _ = KeptBudget(Budget(epochs, "epochs"), run, 1).planned()
    [said] = design_said(run, "ablation", anyway=False)

    assert says in said
    assert design_said(run, "width", anyway=False) == []


@pytest.mark.slow
def test_plan_says_of_a_run_that_has_begun_what_run_plans_and_what_is_done(
    tmp_path: Path, tiny_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(tmp_path, PRESETS["demo"](), {}, str(tiny_store.path), sqlite_url(tmp_path / "studies.db"))
    budget, command = Budget(400.0, "epochs"), ["plan", "--run-dir", str(tmp_path), "--workers", "1"]
    run, _ = KeptBudget(budget, run, 1).planned()
    run_study(run, tiny_store, "ablation", FormulaExecutor, silent())
    with pytest.raises(KeyboardInterrupt):
        run_study(run, tiny_store, "width", lambda: Slow(stop_after_epochs=5), silent())
    again = open_run(tmp_path, None, {}, None, None)
    _, of_run = KeptBudget(budget, again, 1).planned()

    assert main([*command, "--budget", "400epochs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["budget"] == of_run.to_dict()
    assert of_run.spent == 9 * 14 + 5

    assert main([*command, "--json"]) == 0
    left = json.loads(capsys.readouterr().out)
    assert left["done"] == {"ablation": {"trials": 9, "decided": True}, "width": {"trials": 0, "decided": False}}
    assert [study["study"] for study in left["studies"]] == ["width", "depth", "refinement", "confirmation"]
    width = left["studies"][0]
    assert (width["trials"], width["epochs"]) == (3, 3 * 14 - 5)

    assert main(command) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "what is left of the search" in shown
    assert "Done: ablation 9 trials, decided; width 0 trials. The figures are for the rest of the search." in shown


def test_what_a_trial_leaves_no_time_of_counts_by_its_epochs() -> None:
    """As one that was ended early, or failed."""
    trial = optuna.trial.create_trial(
        state=optuna.trial.TrialState.PRUNED, intermediate_values={1: 9.0, 2: 8.0}, user_attrs={"macs": 10**6}
    )

    assert seconds_of(trial, Rate(lambda macs: macs / 1e5, "assumed"), 4) == pytest.approx(2 * 10 / 4)
    trial.set_user_attr("seconds", 60.0)
    trial.set_user_attr("workers", 3)
    assert seconds_of(trial, RATE_OF_TEN, 4) == pytest.approx(20)
