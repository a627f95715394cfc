"""The engine's own logic, with trials by formula; real trainings are in test_search.py."""

from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import optuna
import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, deeper_is_better, silent
from optuna.trial import TrialState

from data.store.disk import Store
from models.architecture import Architecture
from models.cost import cost
from search.leader.engine import run_study
from search.leader.progress import Terms
from search.run import Run
from search.storage.opening import open_storage
from search.storage.records import decisions, load, trials_of
from search.storage.settings import read_settings
from search.storage.sqlite import sqlite_url
from search.storage.status import status
from search.workers.job import EpochDone, Failed, Job, Message
from studies.order import STUDIES
from studies.preset import Preset, StudyError
from studies.statistics.racing import looks
from studies.study import Decision


def a_run(folder: Path, store: Store, preset: Preset | None = None) -> Run:
    return Run(folder, preset or tiny_preset(), {}, str(store.path), sqlite_url(folder / "studies.db"))


def run_all(run: Run, store: Store, executor: FormulaExecutor) -> dict[str, Decision]:
    run.folder.mkdir(parents=True, exist_ok=True)
    return {name: run_study(run, store, name, lambda: executor, silent()) for name in STUDIES}


@pytest.mark.slow
def test_four_studies_run_in_order_and_each_reads_the_decision_before_it(tmp_path: Path, tiny_store: Store) -> None:
    executor = FormulaExecutor()
    made = run_all(a_run(tmp_path, tiny_store), tiny_store, executor)

    assert set(made["ablation"].findings.key_groups) == {"mixed5", "mixed9"}
    best = min(deeper_is_better(architecture) for architecture in executor.seen)
    assert made["refinement"].findings.best_mae == pytest.approx(best, abs=tiny_preset().margin_months)
    assert [entry["state"] for entry in status(a_run(tmp_path, tiny_store))] == ["decided"] * 4


@pytest.mark.slow
def test_no_network_is_trained_twice_with_one_seed_in_a_run(tmp_path: Path, tiny_store: Store) -> None:
    """The width study's reference is the ablation's baseline: its result is taken over, and says from where."""
    executor = FormulaExecutor()
    run = a_run(tmp_path, tiny_store)
    run_all(run, tiny_store, executor)

    trained = [(job.architecture, job.seed) for job in executor.every]
    assert len(trained) == len(set(trained))
    width = load(open_storage(run.storage), "width")
    assert width is not None
    copied = [trial.user_attrs["copied_from"] for trial in width.trials if "copied_from" in trial.user_attrs]
    assert "1 ablation #0" in copied


@pytest.mark.slow
def test_a_decided_search_trains_nothing_when_run_again(tmp_path: Path, tiny_store: Store) -> None:
    run = a_run(tmp_path, tiny_store)
    first = run_all(run, tiny_store, FormulaExecutor())
    again = FormulaExecutor()

    assert run_all(run, tiny_store, again) == first
    assert again.seen == []


def test_checkpoints_that_a_kill_left_in_the_folder_of_a_finished_trial_are_deleted_and_those_of_a_running_one_stay(
    tmp_path: Path, tiny_store: Store
) -> None:
    """A leader may be killed between a trial's end in the storage and the deletion: 0.9 GB of a large network, each time."""
    run = a_run(tmp_path, tiny_store)
    with pytest.raises(KeyboardInterrupt):
        run_all(run, tiny_store, FormulaExecutor(stop_after=2))
    [study] = open_storage(run.storage).get_all_studies()
    trials = open_storage(run.storage).get_all_trials(study._study_id)
    states = {trial.user_attrs["folder"]: trial.state.name for trial in trials if "folder" in trial.user_attrs}
    left = {folder: run.folder / "trials" / folder / "epoch-0001.npz" for folder in states}
    for path in left.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert set(states.values()) == {"COMPLETE", "RUNNING"}

    with pytest.raises(KeyboardInterrupt):
        run_all(run, tiny_store, FormulaExecutor(stop_after=0))

    assert {folder: path.exists() for folder, path in left.items()} == {
        folder: state == "RUNNING" for folder, state in states.items()
    }


@pytest.mark.slow
def test_a_search_killed_when_its_study_was_only_made_goes_on(tmp_path: Path, tiny_store: Store) -> None:
    run = a_run(tmp_path, tiny_store)
    optuna.create_study(study_name="1 ablation", storage=open_storage(run.storage))

    assert run_all(run, tiny_store, FormulaExecutor()).keys() == STUDIES.keys()


@pytest.mark.slow
@pytest.mark.parametrize("stop_after", [0, pytest.param(1, marks=pytest.mark.slow), 3])
def test_a_stopped_search_continues_without_repeating_a_finished_trial(
    tmp_path: Path, tiny_store: Store, stop_after: int
) -> None:
    """Stopped again and again, it ends with the trials and decisions of a search that was never stopped."""
    uninterrupted = run_all(a_run(tmp_path / "whole", tiny_store), tiny_store, FormulaExecutor())
    run = a_run(tmp_path / "stopped", tiny_store)
    run.folder.mkdir()
    finished: list[tuple[Architecture, int]] = []  # with their seeds: a network that looks best gets another
    for _ in range(60 if stop_after else 5):  # stopped in its first trial, it never gets on
        executor = FormulaExecutor(stop_after=stop_after)
        try:
            made = run_all(run, tiny_store, executor)
            break
        except KeyboardInterrupt:
            finished += [(job.architecture, job.seed) for job in executor.every[: -(len(executor.jobs) or 1)]]
    else:
        made = run_all(run, tiny_store, FormulaExecutor())

    assert made == uninterrupted
    assert len(finished) == len(set(finished))
    for name in STUDIES:
        studies = [
            load(open_storage(sqlite_url(tmp_path / kind / "studies.db")), name) for kind in ("whole", "stopped")
        ]
        whole, stopped = ([(t.number, t.point, t.validation_mae) for t in trials_of(s)] for s in studies if s)
        assert stopped == whole


@pytest.mark.slow
def test_every_point_but_depths_runs_with_every_seed_and_more_seeds_later_add_to_those(
    tmp_path: Path, tiny_store: Store
) -> None:
    first, more = FormulaExecutor(), FormulaExecutor()
    run_study(a_run(tmp_path, tiny_store), tiny_store, "ablation", lambda: first, silent())
    seeded = a_run(tmp_path, tiny_store, replace(tiny_preset(), seeds=3))
    run_all(seeded, tiny_store, more)

    jobs = [(job.architecture, job.seed) for job in first.every + more.every]
    assert len(jobs) == len(set(jobs))
    storage = open_storage(seeded.storage)
    for name in ("ablation", "width", "refinement"):
        study = load(storage, name)
        assert study
        found: dict[str, list[int]] = {}
        for trial in trials_of(study):
            found.setdefault(str(trial.point), []).append(trial.seed)
        # The surrogate may ask for further ones.
        assert all(sorted(seeds) == list(range(max(3, len(seeds)))) for seeds in found.values())
    depth = load(storage, "depth")
    assert depth
    assert {trial.seed for trial in trials_of(depth)} == {0}


@pytest.mark.slow
def test_a_search_that_resolves_gives_seeds_to_open_verdicts_and_ends(tmp_path: Path, tiny_store: Store) -> None:
    """Losing mixed5 costs a month with every seed; that of mixed9 is the luck of the seed."""
    preset = replace(tiny_preset(), resolve=12, margin_months=0.1, equivalence_months=0.1)
    executor = FormulaExecutor(by_seed=lambda job: lucky(job.architecture, job.seed))
    made = run_study(a_run(tmp_path, tiny_store, preset), tiny_store, "ablation", lambda: executor, silent())

    verdicts = {row.variant: (row.verdict, row.seeds) for row in made.findings.verdicts}
    assert verdicts["mixed5=0"] == ("matters", looks(3, 12)[0].seeds)
    word, seeds = verdicts["mixed9=0"]
    assert word == "not resolved"
    assert seeds < 12  # more of them would hardly resolve it
    assert made.findings.key_groups == ("mixed5",)


def lucky(architecture: Architecture, seed: int) -> float:
    luck = (-1) ** seed * (1 + seed / 10) if not architecture.blocks.mixed9 else 0.0
    return 20.0 + (not architecture.blocks.mixed5) + luck + seed / 100


@pytest.mark.slow
def test_a_depth_trial_that_others_left_behind_is_pruned_with_its_epoch_and_no_comparison_ever_is(
    tmp_path: Path, tiny_store: Store
) -> None:
    preset = tiny_preset()
    training = replace(preset.training, epochs=4)
    preset = replace(preset, training=training, prune=True, depth_trials=10, depth_patience=10, depth_extra=4)
    executor = FormulaExecutor()
    run = a_run(tmp_path, tiny_store, preset)
    run_all(run, tiny_store, executor)
    storage = open_storage(run.storage)
    trials = {name: study.get_trials() for name in STUDIES if (study := load(storage, name))}

    states = {name: {trial.state for trial in trials[name]} for name in trials}
    assert states["ablation"] == states["width"] == {TrialState.COMPLETE}
    pruned = [trial for trial in trials["depth"] if trial.state == TrialState.PRUNED]
    assert pruned
    for trial in pruned:
        assert trial.user_attrs["exit_reason"] == "pruned"
        assert max(trial.intermediate_values) == trial.user_attrs["pruned_after_epoch"] < 4
        assert trial.value == trial.intermediate_values[trial.user_attrs["pruned_after_epoch"]]
    refined = [trial for trial in trials["refinement"] if trial.state == TrialState.PRUNED]
    assert executor.killed == [trial.number for trial in (*pruned, *refined)]
    best = min(trial.value for trial in trials["depth"] if trial.state == TrialState.COMPLETE)
    assert all(trial.value > best for trial in pruned)


@pytest.mark.slow
def test_nothing_is_pruned_where_that_was_refused(tmp_path: Path, tiny_store: Store) -> None:
    preset = replace(tiny_preset(), training=replace(tiny_preset().training, epochs=4), prune=False, depth_trials=10)
    executor = FormulaExecutor()
    run_all(a_run(tmp_path, tiny_store, preset), tiny_store, executor)

    assert executor.killed == []


@pytest.mark.slow
def test_no_over_cap_network_reaches_an_executor(tmp_path: Path, tiny_store: Store) -> None:
    """Under a cap that turns most of the depth space away, every trial of every study keeps it."""
    preset = tiny_preset()
    stock = cost(preset.reference, 40).params
    preset = replace(preset, max_params=int(stock * 1.3), depth_extra=3, depth_trials=12, depth_patience=12)
    run = a_run(tmp_path, tiny_store, preset)
    executor = FormulaExecutor()
    run_all(run, tiny_store, executor)

    assert max(cost(architecture, 40).params for architecture in executor.seen) <= preset.max_params
    depth = next(entry for entry in status(run) if entry["name"] == "depth")
    fitting, _, every = depth["configurations"].split()[0:3]
    assert int(fitting) < int(every)


def test_a_cap_that_nothing_meets_is_an_error_before_anything_trains(tmp_path: Path, tiny_store: Store) -> None:
    executor = FormulaExecutor()
    run = a_run(tmp_path, tiny_store, replace(tiny_preset(), max_params=1000))

    with pytest.raises(StudyError, match=r"no point of ablation fits 1,000 parameters: the smallest of \d+ has [\d,]+"):
        run_all(run, tiny_store, executor)

    assert executor.seen == []


def test_a_stage_before_its_turn_names_the_command_it_needs(tmp_path: Path, tiny_store: Store) -> None:
    with pytest.raises(StudyError, match=r"run `boneage-search width --run-dir .*` first"):
        run_study(a_run(tmp_path, tiny_store), tiny_store, "depth", FormulaExecutor, silent())


@pytest.mark.slow
def test_trials_under_other_settings_are_refused_with_the_setting(tmp_path: Path, tiny_store: Store) -> None:
    run_all(a_run(tmp_path, tiny_store), tiny_store, FormulaExecutor())
    preset = tiny_preset()
    changed = replace(preset, training=replace(preset.training, epochs=3))

    with pytest.raises(StudyError, match="epochs was 2, now 3"):
        run_all(a_run(tmp_path, tiny_store, changed), tiny_store, FormulaExecutor())


@pytest.mark.slow
def test_more_depth_trials_extend_the_study(tmp_path: Path, tiny_store: Store) -> None:
    run = a_run(tmp_path, tiny_store, replace(tiny_preset(), depth_trials=2))
    for name in ("ablation", "width", "depth"):
        run_study(run, tiny_store, name, FormulaExecutor, silent())

    run_study(a_run(tmp_path, tiny_store), tiny_store, "depth", FormulaExecutor, silent())

    assert next(entry for entry in status(run) if entry["name"] == "depth")["trials"] == 3


@pytest.mark.slow
def test_a_trial_that_fails_is_recorded_with_its_reason_and_the_search_goes_on(
    tmp_path: Path, tiny_store: Store
) -> None:
    def without_mixed9_diverges(architecture: Architecture) -> float:
        return float("inf") if architecture.blocks.mixed9 == 0 else deeper_is_better(architecture)

    run = a_run(tmp_path, tiny_store)
    made = run_all(run, tiny_store, FormulaExecutor(without_mixed9_diverges))

    study = load(open_storage(run.storage), "ablation")
    assert study is not None
    [failed] = [trial for trial in study.trials if trial.state.name == "FAIL"]
    assert failed.user_attrs["exit_reason"] == "not_finite"
    assert "mixed9" in made["ablation"].findings.key_groups
    assert made["ablation"].findings.not_trainable_without == ("mixed9",)


def test_a_baseline_that_failed_is_tried_again_with_the_seeds_that_the_refusal_names(
    tmp_path: Path, tiny_store: Store
) -> None:
    reference = tiny_preset().reference

    def first_one_fails(job: Job) -> float:
        return float("inf") if (job.architecture, job.seed) == (reference, 0) else deeper_is_better(job.architecture)

    executor = FormulaExecutor(by_seed=first_one_fails)
    run = a_run(tmp_path, tiny_store)
    with pytest.raises(StudyError, match=r"no result .not_finite.* --baseline-seeds above 1 tries further seeds"):
        run_study(run, tiny_store, "ablation", lambda: executor, silent())
    before = len(executor.every)

    more = replace(run, preset=replace(run.preset, baseline_seeds=2))
    assert run_study(more, tiny_store, "ablation", lambda: executor, silent()).architecture == reference
    assert [(job.architecture, job.seed) for job in executor.every[before:]] == [(reference, 1)]


def test_workers_are_kept_busy_and_change_no_decision_of_an_enumerated_study(tmp_path: Path, tiny_store: Store) -> None:
    one = run_study(a_run(tmp_path / "1", tiny_store), tiny_store, "ablation", FormulaExecutor, silent())
    many = run_study(
        a_run(tmp_path / "3", tiny_store), tiny_store, "ablation", lambda: FormulaExecutor(workers=3), silent()
    )

    assert one == many


def test_a_second_leader_is_told_who_holds_the_study(tmp_path: Path, tiny_store: Store) -> None:
    run = a_run(tmp_path, tiny_store)

    def second() -> FormulaExecutor:
        run_study(run, tiny_store, "ablation", FormulaExecutor, silent())
        raise AssertionError("two leaders ran one study")

    with pytest.raises(StudyError, match=r"is being run by process \d+"):
        run_study(run, tiny_store, "ablation", second, silent())


@pytest.mark.slow
def test_user_attributes_are_flat_scalars_and_name_what_the_trial_was(tmp_path: Path, tiny_store: Store) -> None:
    run = a_run(tmp_path, tiny_store)
    run_all(run, tiny_store, FormulaExecutor())
    storage = open_storage(run.storage)
    trials = [trial for name in STUDIES if (study := load(storage, name)) for trial in study.trials]

    wanted = {"beta", "n5", "n7", "n9", "params_m", "gmacs", "seconds", "best_epoch", "exit_reason", "seed"}
    assert all(wanted <= set(trial.user_attrs) for trial in trials)
    assert all(isinstance(value, str | int | float) for trial in trials for value in trial.user_attrs.values())


@pytest.mark.slow
def test_studies_are_named_so_that_the_dashboard_lists_them_in_order(tmp_path: Path, tiny_store: Store) -> None:
    run = a_run(tmp_path, tiny_store)
    run_all(run, tiny_store, FormulaExecutor())

    names = [study.study_name for study in open_storage(run.storage).get_all_studies()]
    own = read_settings(run.folder)["id"]
    assert names == [f"{label} [{own}]" for label in ("1 ablation", "2 width", "3 depth", "4 refinement")]
    assert all(before < after for before, after in pairwise(names))


@pytest.mark.slow
def test_decisions_survive_the_storage(tmp_path: Path, tiny_store: Store) -> None:
    run = a_run(tmp_path, tiny_store)
    made = run_all(run, tiny_store, FormulaExecutor())

    assert decisions(open_storage(run.storage)) == made


class Dying(FormulaExecutor):
    """The network without mixed9 is killed again and again, after so many epochs of each life."""

    def __init__(self, lives: int, epochs_per_life: int) -> None:
        super().__init__()
        self.lives, self.epochs_per_life = lives, epochs_per_life

    def wait(self, seconds: float) -> list[Message]:
        job = self.jobs[0]
        if job.architecture.blocks.mixed9 or self.seen.count(job.architecture) > self.lives:
            return super().wait(seconds)
        self.jobs.pop(0)
        life = self.seen.count(job.architecture)
        epochs = [EpochDone(job.number, life, 20.0, 20.0, 0.0, 100.0)] * self.epochs_per_life
        return [*epochs, Failed(job.number, "killed", "by the test")]


def test_a_trial_that_is_killed_goes_on_under_its_number(tmp_path: Path, tiny_store: Store) -> None:
    run = a_run(tmp_path, tiny_store)
    executor = Dying(lives=2, epochs_per_life=0)
    made = run_study(run, tiny_store, "ablation", lambda: executor, silent())

    study = load(open_storage(run.storage), "ablation")
    assert study is not None
    assert {trial.state for trial in trials_of(study)} == {"complete"}
    assert made.findings.not_trainable_without == ()
    assert len(executor.seen) == len(set(executor.seen)) + 2


def test_a_trial_killed_three_times_in_one_epoch_has_failed_and_is_not_tried_again(
    tmp_path: Path, tiny_store: Store
) -> None:
    run = a_run(tmp_path, tiny_store)
    executor = Dying(lives=99, epochs_per_life=0)
    for _ in range(2):
        run_study(run, tiny_store, "ablation", lambda: executor, silent())

    study = load(open_storage(run.storage), "ablation")
    assert study is not None
    [failed] = [trial for trial in trials_of(study) if trial.state == "failed"]
    assert failed.exit_reason == "killed"
    assert executor.seen.count(run_architecture(study, failed.number)) == 3


def run_architecture(study: optuna.Study, number: int) -> Architecture:
    variant = study.trials[number].params["variant"]
    assert variant == "mixed9=0"
    preset = tiny_preset()
    return replace(preset.reference, blocks=preset.reference.blocks._replace(mixed9=0))


@pytest.mark.slow
def test_a_trial_that_finishes_an_epoch_between_its_deaths_is_never_given_up(tmp_path: Path, tiny_store: Store) -> None:
    run = a_run(tmp_path, tiny_store)
    run_study(run, tiny_store, "ablation", lambda: Dying(lives=7, epochs_per_life=1), silent())

    study = load(open_storage(run.storage), "ablation")
    assert study is not None
    assert {trial.state for trial in trials_of(study)} == {"complete"}


def test_an_epoch_reported_twice_counts_as_it_was_last(tmp_path: Path, tiny_store: Store) -> None:
    """A leader killed between a checkpoint and its report trains the epoch again; without determinism it differs."""
    run = a_run(tmp_path, tiny_store)
    run_study(run, tiny_store, "ablation", lambda: Dying(lives=2, epochs_per_life=1), silent())

    study = load(open_storage(run.storage), "ablation")
    assert study is not None
    for trial in study.trials:
        assert trial.intermediate_values[tiny_preset().training.epochs] == trial.user_attrs["final_validation_mae"]


@pytest.mark.slow
def test_deterministic_trials_have_the_numbers_of_one_worker_whatever_their_number(
    tmp_path: Path, tiny_store: Store
) -> None:
    tables = []
    for workers in (1, 2, 5):
        run = a_run(tmp_path / str(workers), tiny_store)
        run.folder.mkdir()
        for name in STUDIES:
            run_study(
                run, tiny_store, name, partial(FormulaExecutor, workers=workers), silent(), Terms(deterministic=True)
            )
        storage = open_storage(run.storage)
        tables.append(
            [(t.number, t.point, t.validation_mae) for n in STUDIES if (s := load(storage, n)) for t in trials_of(s)]
        )

    assert tables[0] == tables[1] == tables[2]


def test_a_runs_folder_that_was_moved_goes_on(tmp_path: Path, tiny_store: Store) -> None:
    run = a_run(tmp_path / "before", tiny_store)
    run.folder.mkdir()
    with pytest.raises(KeyboardInterrupt):
        run_study(run, tiny_store, "ablation", lambda: FormulaExecutor(stop_after=1), silent())
    (tmp_path / "before").rename(tmp_path / "after")

    run_study(a_run(tmp_path / "after", tiny_store), tiny_store, "ablation", FormulaExecutor, silent())


@pytest.mark.slow
def test_depth_with_two_objectives_tells_optuna_both_and_reports_the_trade_off(
    tmp_path: Path, tiny_store: Store
) -> None:
    preset = replace(tiny_preset(), objective=("mae", "macs"), depth_trials=6, depth_patience=6)
    run = a_run(tmp_path, tiny_store, preset)
    made = run_all(run, tiny_store, FormulaExecutor())

    study = load(open_storage(run.storage), "depth")
    assert study is not None
    assert len(study.directions) == 2
    complete = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
    for trial in complete:
        assert trial.values[1] == pytest.approx(trial.user_attrs["gmacs"] * 1e9, abs=6e4)  # four decimals
    on_front = {trial.number for trial in study.best_trials}
    assert {row.trial for row in made["depth"].findings.front} >= on_front
    best = min(trial.values[0] for trial in complete)
    within = [trial for trial in complete if trial.values[0] <= best + preset.margin_months]
    assert made["depth"].findings.macs == min(trial.values[1] for trial in within)
    assert [entry["best_value"] for entry in status(run) if entry["name"] == "depth"] == [best]
    assert run_all(run, tiny_store, FormulaExecutor()) == made  # nothing is run again


@pytest.mark.slow
def test_objectives_cannot_change_while_there_are_trials(tmp_path: Path, tiny_store: Store) -> None:
    run_all(a_run(tmp_path, tiny_store), tiny_store, FormulaExecutor())
    other = a_run(tmp_path, tiny_store, replace(tiny_preset(), objective=("mae", "params")))

    with pytest.raises(StudyError, match="objectives was"):
        run_all(other, tiny_store, FormulaExecutor())
