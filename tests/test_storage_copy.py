"""A storage copied into another, here between SQLite files; PostgreSQL is in test_postgres.py."""

import multiprocessing
import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest
from conftest import tiny_preset
from copied import contents, odd_study, search, some_fail, unheard
from formula import FormulaExecutor
from golden_runs import laid_out

from data.store.disk import Store
from search.cli import main
from search.run import Run, identify
from search.storage import copy as storage_copy
from search.storage.copy import copy_storage, run_copy
from search.storage.opening import open_storage
from search.storage.records import decisions
from search.storage.sqlite import StorageError, sqlite_url


def a_search_and_an_odd_study(folder: Path, store: Store) -> Run:
    folder.mkdir()
    run = Run(folder, tiny_preset(), {}, str(store.path), sqlite_url(folder / "studies.db"))
    search(run, store, FormulaExecutor(some_fail))
    odd_study(open_storage(run.storage))
    return run


@pytest.mark.slow
def test_a_copy_holds_every_trial_as_it_was(tmp_path: Path, tiny_store: Store) -> None:
    run = a_search_and_an_odd_study(tmp_path / "run", tiny_store)
    source, target = open_storage(run.storage), open_storage(sqlite_url(tmp_path / "copy.db"))
    before = contents(source)

    summary = copy_storage(run.storage, target.url, unheard)

    assert contents(target) == contents(source) == before
    assert len(before) == 6
    assert summary.trials == {study[0]: len(study[4]) for study in before}


@pytest.mark.slow
def test_a_stopped_search_goes_on_from_the_copy_to_the_same_decisions(tmp_path: Path, tiny_store: Store) -> None:
    """Its running trial is taken up under its number."""
    whole, stopped, copied = (
        Run(tmp_path / folder, tiny_preset(), {}, str(tiny_store.path), sqlite_url(tmp_path / f"{name}.db"))
        for folder, name in (("whole", "whole"), ("run", "stopped"), ("run", "copied"))
    )
    search(whole, tiny_store, FormulaExecutor())
    with pytest.raises(KeyboardInterrupt):
        search(stopped, tiny_store, FormulaExecutor(stop_after=9))
    copy_storage(stopped.storage, copied.storage, unheard)
    search(copied, tiny_store, FormulaExecutor())

    ended, expected = open_storage(copied.storage), open_storage(whole.storage)
    assert decisions(ended) == decisions(expected)
    assert [study.study_name.partition(" [")[0] for study in ended.get_all_studies()] == [
        study.study_name.partition(" [")[0] for study in expected.get_all_studies()
    ]
    for study in ended.get_all_studies():
        numbers = [trial.number for trial in ended.get_all_trials(study._study_id)]
        assert numbers == list(range(len(numbers)))


def test_a_copy_beside_other_studies_leaves_them_alone_and_numbers_go_on(tmp_path: Path) -> None:
    source, target = (open_storage(sqlite_url(tmp_path / name)) for name in ("a.db", "b.db"))
    for storage, name in ((source, "a"), (target, "b")):
        study = optuna.create_study(storage=storage, study_name=name)
        study.add_trials([optuna.create_trial(value=float(n), user_attrs={"of": name}) for n in range(3)])
    copy_storage(source.url, target.url, unheard)

    for name in ("a", "b"):
        study = optuna.load_study(storage=target, study_name=name)
        study.add_trial(optuna.create_trial(value=3.0, user_attrs={"of": name}))
        assert [(t.number, t.value, t.user_attrs["of"]) for t in study.trials] == [(n, n, name) for n in range(4)]


def test_a_target_that_has_such_a_study_is_refused_and_left_alone(tmp_path: Path) -> None:
    source, target = (open_storage(sqlite_url(tmp_path / name)) for name in ("a.db", "b.db"))
    for storage in (source, target):
        optuna.create_study(storage=storage, study_name="1 ablation")
    optuna.create_study(storage=source, study_name="2 width")
    before = contents(target)

    with pytest.raises(StorageError, match=r"b\.db already holds '1 ablation'; name another with --to"):
        copy_storage(source.url, target.url, unheard)

    assert contents(target) == before


def test_a_source_that_is_not_there_or_holds_nothing_is_named_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"a\.db does not exist"):
        copy_storage(sqlite_url(tmp_path / "a.db"), sqlite_url(tmp_path / "b.db"), unheard)
    assert list(tmp_path.iterdir()) == []

    open_storage(sqlite_url(tmp_path / "a.db"))
    with pytest.raises(StorageError, match=r"a\.db holds no studies"):
        copy_storage(sqlite_url(tmp_path / "a.db"), sqlite_url(tmp_path / "b.db"), unheard)


def copy_until_killed(source: str, target: str, at: str) -> None:
    def progress(table: str, rows: int) -> None:
        if table == at:
            os.kill(os.getpid(), signal.SIGKILL)

    copy_storage(source, target, progress)


@pytest.mark.slow
@pytest.mark.parametrize("at", ["studies", "trials", "trial_values"])
def test_a_copy_that_is_killed_leaves_nothing_and_can_be_repeated(tmp_path: Path, at: str) -> None:
    source, target = sqlite_url(tmp_path / "a.db"), sqlite_url(tmp_path / "b.db")
    odd_study(open_storage(source))
    process = multiprocessing.get_context("spawn").Process(target=copy_until_killed, args=(source, target, at))
    process.start()
    process.join(200)

    assert process.exitcode == -signal.SIGKILL
    assert contents(open_storage(target)) == []
    copy_storage(source, target, unheard)
    assert contents(open_storage(target)) == contents(open_storage(source))


def test_artifact_files_are_copied_with_the_studies(tmp_path: Path) -> None:
    source, target = sqlite_url(tmp_path / "a.db"), sqlite_url(tmp_path / "b.db")
    odd_study(open_storage(source))
    here, there = tmp_path / "here", tmp_path / "there"
    (here / "artifacts").mkdir(parents=True)
    (here / "artifacts" / "5").write_bytes(b"five")
    (there / "artifacts.part").mkdir(parents=True)  # of a copy that was killed
    (there / "artifacts.part" / "old").touch()

    summary = copy_storage(source, target, unheard, here, there)

    assert summary.artifacts == 1
    assert {path.name: path.read_bytes() for path in (there / "artifacts").iterdir()} == {"5": b"five"}
    assert not (there / "artifacts.part").exists()


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def and_die(step: Callable[..., Any]) -> Callable[..., None]:
    def call(*arguments: Any) -> None:
        step(*arguments)
        die()

    return call


def half_a_tree(here: Path, there: Path, **how: object) -> None:
    there.mkdir()
    (there / "5").write_bytes(b"fi")
    die()


KILLED = {
    "amid the files": lambda: setattr(storage_copy.shutil, "copytree", half_a_tree),
    "before the note": lambda: setattr(storage_copy.json, "dumps", die),
    "before the commit": lambda: setattr(storage_copy, "lay_ready", and_die(storage_copy.lay_ready)),
    "after the commit": lambda: setattr(storage_copy, "take_place", die),
    "after the files were moved": lambda: setattr(Path, "rename", and_die(Path.rename)),
    "amid a trial's folder": lambda: setattr(storage_copy, "copied_if_there", and_die(storage_copy.copied_if_there)),
    "after the trials": lambda: setattr(storage_copy, "copy_trials", and_die(storage_copy.copy_trials)),
}


def copy_until_killed_with_artifacts(folder: Path, step: str) -> None:
    KILLED[step]()
    copy_storage(sqlite_url(folder / "a.db"), sqlite_url(folder / "b.db"), unheard, folder / "here", folder / "there")


def killed_copy(folder: Path, step: str) -> None:
    """From a.db and `here`, made for it, to b.db and `there`, by a process that is killed at this step."""
    odd_study(open_storage(sqlite_url(folder / "a.db")))
    (folder / "here" / "artifacts" / "more").mkdir(parents=True)
    (folder / "here" / "artifacts" / "5").write_bytes(b"five")
    (folder / "here" / "artifacts" / "more" / "6").write_bytes(b"six")
    for number in ("0000", "0001"):
        trial = folder / "here" / "trials" / "1-ablation" / number
        trial.mkdir(parents=True)
        for name in ("predictions.npy", "epoch-0001.npz"):
            (trial / name).write_bytes(f"{name} of {number}".encode())
    process = multiprocessing.get_context("spawn").Process(target=copy_until_killed_with_artifacts, args=(folder, step))
    process.start()
    process.join(200)
    assert process.exitcode == -signal.SIGKILL


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("step", KILLED)
def test_a_copy_with_artifacts_that_is_killed_at_any_step_and_repeated_equals_an_undisturbed_one(
    tmp_path: Path, step: str
) -> None:
    killed_copy(tmp_path, step)
    source, target, other = (sqlite_url(tmp_path / f"{name}.db") for name in "abc")

    repeated = copy_storage(source, target, unheard, tmp_path / "here", tmp_path / "there")

    undisturbed = copy_storage(source, other, unheard, tmp_path / "here", tmp_path / "elsewhere")
    assert repeated == undisturbed
    assert contents(open_storage(target)) == contents(open_storage(other)) == contents(open_storage(source))
    assert files(tmp_path / "there") == files(tmp_path / "elsewhere") == files(tmp_path / "here")
    with pytest.raises(StorageError, match="already holds"):
        copy_storage(source, target, unheard, tmp_path / "here", tmp_path / "there")
    assert files(tmp_path / "there") == files(tmp_path / "here")


@pytest.mark.slow
@pytest.mark.parametrize("again", ["killed again", "and gone on"])
def test_a_copy_is_repeated_after_it_was_killed_again_and_after_a_search_went_on_from_it(
    tmp_path: Path, again: str
) -> None:
    killed_copy(tmp_path, "after the commit")
    source, target = sqlite_url(tmp_path / "a.db"), sqlite_url(tmp_path / "b.db")
    if again == "and gone on":
        optuna.load_study(storage=open_storage(target), study_name="empty").enqueue_trial({"x": 1})
        optuna.load_study(storage=open_storage(target), study_name="odd ünïcode 'study'").ask()
    else:
        process = multiprocessing.get_context("spawn").Process(
            target=copy_until_killed_with_artifacts, args=(tmp_path, "after the files were moved")
        )
        process.start()
        process.join(200)
        assert process.exitcode == -signal.SIGKILL
    before = contents(open_storage(target))

    assert copy_storage(source, target, unheard, tmp_path / "here", tmp_path / "there").artifacts == 2
    assert contents(open_storage(target)) == before
    assert files(tmp_path / "there") == files(tmp_path / "here")


@pytest.mark.slow
def test_studies_begun_in_the_target_after_a_copy_was_killed_are_not_taken_for_the_copy(tmp_path: Path) -> None:
    """They have its names, and its keys: SQLite gives out again what was never committed."""
    killed_copy(tmp_path, "before the commit")
    odd_study(open_storage(sqlite_url(tmp_path / "b.db")))

    with pytest.raises(StorageError, match=r"b\.db already holds"):
        copy_storage(
            sqlite_url(tmp_path / "a.db"), sqlite_url(tmp_path / "b.db"), unheard, tmp_path / "here", tmp_path / "there"
        )

    assert not (tmp_path / "there" / "artifacts").exists()


@pytest.mark.slow
@pytest.mark.parametrize("target", ["b.db", "c.db"])
def test_artifacts_of_another_copy_that_lie_ready_are_left_to_it(tmp_path: Path, target: str) -> None:
    killed_copy(tmp_path, "after the commit")
    odd_study(open_storage(sqlite_url(tmp_path / "other.db")))
    (tmp_path / "other" / "artifacts").mkdir(parents=True)
    (tmp_path / "other" / "artifacts" / "5").write_bytes(b"another five")

    with pytest.raises(StorageError, match=r"holds the artifacts of another copy, to .*b\.db, which"):
        copy_storage(
            sqlite_url(tmp_path / "other.db"),
            sqlite_url(tmp_path / target),
            unheard,
            tmp_path / "other",
            tmp_path / "there",
        )

    copy_storage(
        sqlite_url(tmp_path / "a.db"), sqlite_url(tmp_path / "b.db"), unheard, tmp_path / "here", tmp_path / "there"
    )
    assert files(tmp_path / "there") == files(tmp_path / "here")


@pytest.mark.slow
def test_artifacts_that_came_to_the_place_meanwhile_are_not_overwritten(tmp_path: Path) -> None:
    killed_copy(tmp_path, "after the commit")
    source, target = sqlite_url(tmp_path / "a.db"), sqlite_url(tmp_path / "b.db")
    (tmp_path / "there" / "artifacts").mkdir()
    (tmp_path / "there" / "artifacts" / "5").write_bytes(b"another five")

    with pytest.raises(StorageError, match=r"cannot be moved to .*artifacts .*; move away what is there and repeat"):
        copy_storage(source, target, unheard, tmp_path / "here", tmp_path / "there")
    assert (tmp_path / "there" / "artifacts" / "5").read_bytes() == b"another five"

    (tmp_path / "there" / "artifacts").rename(tmp_path / "moved away")
    assert copy_storage(source, target, unheard, tmp_path / "here", tmp_path / "there").artifacts == 2
    assert files(tmp_path / "there") == files(tmp_path / "here")


def test_a_note_that_is_not_a_copys_is_left_alone(tmp_path: Path) -> None:
    odd_study(open_storage(sqlite_url(tmp_path / "a.db")))
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    (tmp_path / "there" / "artifacts.json").write_text("[]")

    with pytest.raises(StorageError, match=r"artifacts\.json is not a note of a copy"):
        copy_storage(
            sqlite_url(tmp_path / "a.db"), sqlite_url(tmp_path / "b.db"), unheard, tmp_path / "here", tmp_path / "there"
        )

    assert (tmp_path / "there" / "artifacts.json").read_text() == "[]"


def test_a_run_without_artifacts_is_copied_too(tmp_path: Path) -> None:
    source, target = sqlite_url(tmp_path / "a.db"), sqlite_url(tmp_path / "b.db")
    odd_study(open_storage(source))

    (tmp_path / "here").mkdir()
    (tmp_path / "there" / "artifacts").mkdir(parents=True)
    (tmp_path / "there" / "artifacts" / "5").touch()

    assert copy_storage(source, target, unheard, tmp_path / "here", tmp_path / "there").artifacts == 0
    assert files(tmp_path / "there") == {"artifacts/5": b""}


def test_a_copy_makes_the_folder_of_the_run_that_its_database_lies_in(tmp_path: Path) -> None:
    source, there = sqlite_url(tmp_path / "a.db"), tmp_path / "runs" / "there"
    odd_study(open_storage(source))
    (tmp_path / "here").mkdir()

    copy_storage(source, sqlite_url(there / "studies.db"), unheard, tmp_path / "here", there)

    assert contents(open_storage(sqlite_url(there / "studies.db"))) == contents(open_storage(source))


def test_a_folder_that_is_not_there_or_another_runs_is_refused_before_anything_is_copied(
    tmp_path: Path, tiny_store: Store
) -> None:
    """Its owner would delete the source, and lose the files of its trials."""
    run, other = (
        Run(tmp_path / name, tiny_preset(), {}, str(tiny_store.path), sqlite_url(tmp_path / name / "studies.db"))
        for name in ("run", "other")
    )
    for each in (run, other):
        each.folder.mkdir()
        identify(each)
    with pytest.raises(KeyboardInterrupt):
        search(run, tiny_store, FormulaExecutor(stop_after=2))
    there = tmp_path / "there"

    for wrong, said in ((tmp_path / "typo", "typo is no folder"), (other.folder, "holds no study of the run in")):
        with pytest.raises(StorageError, match=said):
            copy_storage(run.storage, sqlite_url(there / "studies.db"), unheard, wrong, there)
    assert not list(there.glob("*"))
    assert copy_storage(run.storage, sqlite_url(there / "studies.db"), unheard, run.folder, there).folders > 0


def test_a_database_is_copied_back_into_the_folder_that_it_was_lost_from(tmp_path: Path) -> None:
    """The folder has the trials; a search would refuse to begin anew beside them."""
    run = tmp_path / "run"
    laid_out(run)
    saved = sqlite_url(tmp_path / "saved.db")
    copy_storage(sqlite_url(run / "studies.db"), saved, unheard)
    (run / "studies.db").unlink()

    copy_storage(saved, sqlite_url(run / "studies.db"), unheard)

    assert contents(open_storage(sqlite_url(run / "studies.db"))) == contents(open_storage(saved))


def test_artifacts_that_cannot_be_copied_leave_no_studies(tmp_path: Path) -> None:
    source, target = sqlite_url(tmp_path / "a.db"), sqlite_url(tmp_path / "b.db")
    odd_study(open_storage(source))
    (tmp_path / "here" / "artifacts").mkdir(parents=True)
    (tmp_path / "there").write_text("a file where the folder should be")

    with pytest.raises(StorageError, match="artifacts cannot be copied"):
        copy_storage(source, target, unheard, tmp_path / "here", tmp_path / "there")

    assert contents(open_storage(target)) == []


def test_artifacts_that_are_there_already_are_not_overwritten(tmp_path: Path) -> None:
    source, target = sqlite_url(tmp_path / "a.db"), sqlite_url(tmp_path / "b.db")
    odd_study(open_storage(source))
    for folder in ("here", "there"):
        (tmp_path / folder / "artifacts").mkdir(parents=True)

    with pytest.raises(StorageError, match="there/artifacts exists already; move it away"):
        copy_storage(source, target, unheard, tmp_path / "here", tmp_path / "there")
    with pytest.raises(StorageError, match="give both, or neither"):
        copy_storage(source, target, unheard, tmp_path / "here")

    assert contents(open_storage(target)) == []


def test_a_database_that_is_damaged_is_refused_in_one_sentence(tmp_path: Path) -> None:
    odd_study(open_storage(sqlite_url(tmp_path / "a.db")))
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute("ALTER TABLE trial_values DROP COLUMN value_type")
    connection.close()
    target = sqlite_url(tmp_path / "b.db")

    with pytest.raises(StorageError, match="the copy failed"):
        copy_storage(sqlite_url(tmp_path / "a.db"), target, unheard)

    assert contents(open_storage(target)) == []


def test_the_command_says_what_it_copied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd_study(open_storage(sqlite_url(tmp_path / "a.db")))

    assert run_copy(sqlite_url(tmp_path / "a.db"), sqlite_url(tmp_path / "b.db")) == 0

    said = capsys.readouterr()
    assert said.out.splitlines() == ["empty: 0 trials", "odd ünïcode 'study': 5 trials"]
    assert "trial values: 2" in said.err


DAMAGES = {
    "UPDATE trials SET state = 'FOO' WHERE trial_id = 3": "table trials cannot be read: 'FOO'",
    "UPDATE trial_values SET value_type = 'BLAH' WHERE trial_id = 3": "table trial_values cannot be read: 'BLAH'",
    "UPDATE trials SET datetime_complete = 'garbage' WHERE trial_id = 3": "table trials cannot be read",
    "UPDATE trials SET datetime_complete = 5 WHERE trial_id = 3": "table trials cannot be read",
    "UPDATE trials SET study_id = 77 WHERE trial_id = 3": "row 3 of its table trials has study_id 77, which is none of studies",
    "UPDATE trials SET study_id = NULL WHERE trial_id = 3": "row 3 of its table trials has study_id None",
    "UPDATE trial_params SET trial_id = 99 WHERE param_id = 3": "table trial_params has trial_id 99, which is none of trials",
    "UPDATE study_system_attributes SET key = NULL WHERE study_system_attribute_id = 6": "an attribute is no text",
}


@pytest.mark.parametrize("statement", DAMAGES)
def test_a_damaged_source_is_one_sentence_and_nothing_is_copied(
    statement: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    golden, target = laid_out(tmp_path / "golden"), sqlite_url(tmp_path / "copy.db")
    with closing(sqlite3.connect(golden / "studies.db")) as database:
        assert database.execute(statement).rowcount > 0
        database.commit()

    assert main(["storage", "copy", "--from", sqlite_url(golden / "studies.db"), "--to", target]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "studies.db is damaged" in said
    assert DAMAGES[statement] in said
    assert open_storage(target).get_all_studies() == []


@pytest.mark.parametrize("note", ['{"target":5,"keys":5,"began":5}', '{"target":"x","keys":{"a":"b"},"began":{}}'])
def test_a_note_of_other_types_is_one_sentence(note: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    golden, to = laid_out(tmp_path / "golden"), tmp_path / "to"
    to.mkdir()
    (to / "artifacts.json").write_text(note)
    folders = ["--run-dir", str(golden), "--to-run-dir", str(to)]
    source, target = sqlite_url(golden / "studies.db"), sqlite_url(tmp_path / "copy.db")

    assert main(["storage", "copy", "--from", source, "--to", target, *folders]) == 2
    assert "artifacts.json is not a note of a copy" in capsys.readouterr().err
