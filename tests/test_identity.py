"""Runs side by side in one database: each has its own id, and with it its own studies."""

import json
import multiprocessing
from dataclasses import replace
from multiprocessing.synchronize import Barrier
from pathlib import Path

import optuna
import pytest
from conftest import tiny_preset
from formula import FormulaExecutor, silent

from data.store.disk import Store
from models.architecture import Architecture
from search.leader.budget_kept import so_far
from search.leader.engine import checked_before, run_study
from search.leader.progress import Terms
from search.leader.timings import measured
from search.lease import Fenced, held
from search.run import Run, record
from search.storage.copy import copy_storage
from search.storage.fence import owning
from search.storage.identity import identity, kept
from search.storage.opening import open_storage
from search.storage.records import decisions, load, trials_of
from search.storage.settings import read_settings
from search.storage.sqlite import sqlite_url
from search.storage.status import status
from studies.order import STUDIES
from studies.preset import StudyError


def a_run(folder: Path, store: Store, storage: str = "") -> Run:
    folder.mkdir(exist_ok=True)
    return Run(folder, tiny_preset(), {}, str(store.path), storage or sqlite_url(folder / "studies.db"))


def test_replicates_live_side_by_side_in_one_database(tmp_path: Path, tiny_store: Store) -> None:
    """Also while the first has running trials, which the present version's second folder refused, or adopted."""
    shared = sqlite_url(tmp_path / "shared.db")
    first, second = (a_run(tmp_path / name, tiny_store, shared) for name in ("first", "second"))
    with pytest.raises(KeyboardInterrupt):
        run_study(first, tiny_store, "ablation", lambda: FormulaExecutor(stop_after=1), silent())
    other = FormulaExecutor(lambda architecture: 20.0 + architecture.blocks.mixed5)
    run_study(second, tiny_store, "ablation", lambda: other, silent())
    rest = FormulaExecutor()
    run_study(first, tiny_store, "ablation", lambda: rest, silent())

    storage = open_storage(shared)
    ids = [read_settings(run.folder)["id"] for run in (first, second)]
    assert len(set(ids)) == 2
    assert {study.study_name for study in storage.get_all_studies()} == {f"1 ablation [{own}]" for own in ids}
    one, two = ([t.validation_mae for t in trials_of(load(storage, "ablation", run.folder))] for run in (first, second))
    assert len(one) == len(two) == len(other.seen)
    assert one != two
    assert decisions(storage, first.folder) != decisions(storage, second.folder)
    assert [entry["best_value"] for entry in (status(first)[0], status(second)[0])] == [min(one), min(two)]


def test_a_new_runs_command_looks_at_no_other_run_of_its_database(tmp_path: Path, tiny_store: Store) -> None:
    """Neither is it refused for that one's settings, nor does it go on from that one's baseline, nor plan from what that one has done."""
    shared = sqlite_url(tmp_path / "shared.db")
    first, new = (a_run(tmp_path / name, tiny_store, shared) for name in ("first", "new"))
    wide = replace(first.preset, reference=replace(first.preset.reference, beta=0.125), max_params=10**6)
    compared = replace(first, preset=replace(wide, families=("inception_v3", "xception")))
    run_study(compared, tiny_store, "baseline", lambda: FormulaExecutor(xception_is_best), silent())
    other = replace(new, preset=replace(new.preset, seed=5))

    assert decisions(open_storage(shared), first.folder, ["baseline"])["baseline"].architecture.family == "xception"
    assert checked_before(other, tiny_store, list(STUDIES)) == other
    assert not so_far(other).begun
    assert measured(other, 1) is None
    run_study(other, tiny_store, "ablation", FormulaExecutor, silent())
    assert so_far(other).begun
    assert checked_before(other, tiny_store, list(STUDIES)).preset.reference == other.preset.reference


def xception_is_best(network: Architecture) -> float:
    return 20.0 - (network.family == "xception")


def test_the_id_is_made_once_by_however_many_commands_begin_at_once(tmp_path: Path, tiny_store: Store) -> None:
    context = multiprocessing.get_context("fork")
    for settings in ("", '{"preset": "demo", "overrides": {}, "data": ""}'):  # a new run, and one of an earlier version
        folder = tmp_path / str(len(settings))
        folder.mkdir()
        if settings:
            (folder / "run.json").write_text(settings)
        barrier, found = context.Barrier(6), context.Queue()

        def begin(
            barrier: Barrier = barrier, folder: Path = folder, found: "multiprocessing.Queue[str]" = found
        ) -> None:
            run = Run(folder, tiny_preset(), {}, "", sqlite_url(folder / "studies.db"))
            barrier.wait()
            record(run)
            found.put(read_settings(folder)["id"])

        commands = [context.Process(target=begin) for _ in range(6)]
        for command in commands:
            command.start()
        assert len({found.get(timeout=60) for _ in commands}) == 1
        for command in commands:
            command.join(60)


def test_an_id_stays_whatever_is_recorded_later(tmp_path: Path, tiny_store: Store) -> None:
    run = a_run(tmp_path / "run", tiny_store)
    record(run)
    own = read_settings(run.folder)["id"]
    record(replace(run, overrides={"epochs": 3}))

    assert read_settings(run.folder)["id"] == own
    assert read_settings(run.folder)["overrides"] == {"epochs": 3}


@pytest.mark.parametrize(
    ("settings", "names", "found"),
    [
        ({"id": "ab12"}, ["1 ablation [ab12]", "1 ablation [cd34]", "1 ablation"], ["1 ablation [ab12]"]),
        ({"id": "ab12", "plain_names": True}, ["1 ablation"], ["1 ablation [ab12]", "1 ablation"]),
        ({"preset": "demo"}, ["1 ablation", "1 ablation [cd34]"], ["1 ablation"]),  # an earlier version's
        ({}, ["1 ablation [cd34]", "2 width [cd34]"], ["1 ablation [cd34]", "1 ablation"]),  # run.json was lost
        ({}, ["1 ablation [cd34]", "2 width [ab12]"], ["1 ablation"]),
        ({}, ["compare: staged, repetition 0 [ab12]", "x [ab12]"], ["1 ablation"]),
    ],
)
def test_names_under_which_a_runs_study_is_looked_for(
    settings: dict[str, object], names: list[str], found: list[str]
) -> None:
    assert list(identity(settings, lambda: names).names("ablation")) == found


def test_a_folder_whose_run_json_was_lost_keeps_the_id_of_its_own_database() -> None:
    assert kept({}, ["1 ablation [ab12]"]) == {"id": "ab12"}
    assert kept({}, ["1 ablation"]).get("plain_names") is True
    assert kept({"preset": "demo"}, ["1 ablation [ab12]"])["id"] != "ab12"  # an earlier version's, that names its own


def test_a_run_goes_on_from_a_copy_in_another_folder(tmp_path: Path, tiny_store: Store) -> None:
    """By its own id, which the copy takes along."""
    run = a_run(tmp_path / "run", tiny_store)
    run_study(run, tiny_store, "ablation", FormulaExecutor, silent())
    target = sqlite_url(tmp_path / "shared.db")
    copy_storage(run.storage, target, lambda table, rows: None, run.folder, tmp_path / "copy")

    copy = a_run(tmp_path / "copy", tiny_store, target)
    assert status(copy)[0]["state"] == "decided"
    run_study(copy, tiny_store, "width", FormulaExecutor, silent())
    assert status(copy)[1]["state"] == "decided"
    own = read_settings(run.folder)["id"]
    assert {study.study_name for study in open_storage(target).get_all_studies()} == {
        f"1 ablation [{own}]",
        f"2 width [{own}]",
    }


def test_a_copied_folder_does_not_go_on_with_studies_that_the_first_holds(tmp_path: Path, tiny_store: Store) -> None:
    """Both have one id and one database; the lease is a file, and there are two of it."""
    shared = sqlite_url(tmp_path / "shared.db")
    first = a_run(tmp_path / "first", tiny_store, shared)
    with pytest.raises(KeyboardInterrupt):
        run_study(first, tiny_store, "ablation", lambda: FormulaExecutor(stop_after=0), silent())
    second = a_run(tmp_path / "second", tiny_store, shared)
    (second.folder / "run.json").write_text((first.folder / "run.json").read_text())
    storage = open_storage(shared)
    study = load(storage, "ablation", first.folder)
    assert study is not None
    with held(first.folder, "ablation") as lease, owning(storage, study._study_id, study.study_name, lease):
        with pytest.raises(StudyError, match=r"is being run by process \d+ .*--run-dir .*first.*--take-over"):
            run_study(second, tiny_store, "ablation", FormulaExecutor, silent())
        study.set_user_attr("mine", 1)
        run_study(second, tiny_store, "ablation", FormulaExecutor, silent(), Terms(take_over=True))
        with pytest.raises(Fenced, match=r"taken over|no longer held by this process"):
            study.set_user_attr("mine", 2)

    assert optuna.load_study(study_name=study.study_name, storage=open_storage(shared)).user_attrs["mine"] == 1


def of_a_process_that_is_gone(lease: str) -> str:
    return json.dumps(json.loads(lease) | {"born": 1})


def test_whoever_was_killed_is_no_obstacle_though_the_folder_was_moved(tmp_path: Path, tiny_store: Store) -> None:
    """Nothing was given back, neither in the lease nor in the database, and another leader died before it came so far."""
    run = a_run(tmp_path / "before", tiny_store, sqlite_url(tmp_path / "shared.db"))
    with pytest.raises(KeyboardInterrupt):
        run_study(run, tiny_store, "ablation", lambda: FormulaExecutor(stop_after=0), silent())
    storage = open_storage(run.storage)
    study = load(storage, "ablation", run.folder)
    assert study is not None
    lease_file = run.folder / "ablation.lease"
    with held(run.folder, "ablation") as lease, owning(storage, study._study_id, study.study_name, lease):
        killed, stored = lease_file.read_text(), storage.get_study_system_attrs(study._study_id)["boneage_search:owner"]
    lease_file.write_text(of_a_process_that_is_gone(killed))
    with held(run.folder, "ablation"):
        killed = lease_file.read_text()
    lease_file.write_text(of_a_process_that_is_gone(killed))  # it died before the database knew it
    storage.set_study_system_attr(study._study_id, "boneage_search:owner", stored)
    (tmp_path / "before").rename(tmp_path / "after")

    moved = a_run(tmp_path / "after", tiny_store, run.storage)
    run_study(moved, tiny_store, "ablation", FormulaExecutor, silent())
    assert status(moved)[0]["state"] == "decided"
    assert json.loads(json.dumps(storage.get_study_system_attrs(study._study_id)["boneage_search:owner"])) == {}


@pytest.mark.slow
def test_all_four_studies_of_a_run_carry_its_id(tmp_path: Path, tiny_store: Store) -> None:
    run = a_run(tmp_path / "run", tiny_store)
    for name in STUDIES:
        run_study(run, tiny_store, name, FormulaExecutor, silent())

    names = [study.study_name for study in open_storage(run.storage).get_all_studies()]
    own = read_settings(run.folder)["id"]
    assert names == [f"{number} {name} [{own}]" for number, name in enumerate(STUDIES, 1)]
