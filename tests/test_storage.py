"""The SQLite storage as it is opened for a run, and what is refused."""

import multiprocessing
import sqlite3
from pathlib import Path

import optuna
import pytest
import sqlalchemy

from search.storage import StorageError, open_storage, sqlite_url


def test_a_run_writes_ahead_so_that_the_dashboard_reads_while_it_writes(tmp_path: Path) -> None:
    storage = open_storage(sqlite_url(tmp_path / "studies.db"))
    study = optuna.create_study(storage=storage, study_name="1 ablation")
    study.tell(study.ask(), 1.0)
    with storage.engine.connect() as writing, writing.begin():
        writing.execute(sqlalchemy.text("UPDATE studies SET study_name = 'changed'"))
        reading = sqlite3.connect(tmp_path / "studies.db", timeout=0.1)
        seen = reading.execute("SELECT study_name FROM studies").fetchall()
        mode = reading.execute("PRAGMA journal_mode").fetchone()
        reading.close()

    assert seen == [("1 ablation",)]
    assert mode == ("wal",)


def test_a_storage_opens_again_with_what_was_in_it(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "studies.db")
    optuna.create_study(storage=open_storage(url), study_name="kept")

    assert [study.study_name for study in open_storage(url).get_all_studies()] == ["kept"]


def claim(url: str, count: int, claimed: "multiprocessing.Queue[int]") -> None:
    study = optuna.load_study(study_name="shared", storage=open_storage(url))
    for _ in range(count):
        claimed.put(study.ask().number)


def test_two_processes_never_claim_the_same_waiting_trial(tmp_path: Path) -> None:
    url, context = sqlite_url(tmp_path / "studies.db"), multiprocessing.get_context("spawn")
    study = optuna.create_study(storage=open_storage(url), study_name="shared")
    for number in range(30):
        study.enqueue_trial({"x": number})
    claimed: multiprocessing.Queue[int] = context.Queue()
    processes = [context.Process(target=claim, args=(url, 15, claimed)) for _ in range(2)]
    for process in processes:
        process.start()
    numbers = [claimed.get(timeout=60) for _ in range(30)]
    for process in processes:
        process.join(60)

    assert sorted(numbers) == list(range(30))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("runs/studies.db", "takes an SQLAlchemy URL"),
        ("postgresql+psycopg://ada:secret@127.0.0.1:1/none", r"postgresql\+psycopg://ada:\*\*\*@127.0.0.1:1/none"),
        ("nosuch://ada:secret@127.0.0.1/none", r"nosuch://ada:\*\*\*@127.0.0.1/none"),
        ("sqlite:////no/such/folder/studies.db", "cannot be opened"),
    ],
)
def test_a_url_that_cannot_be_opened_is_refused_without_its_password(url: str, says: str) -> None:
    with pytest.raises(StorageError, match=says) as raised:
        open_storage(url)

    assert "secret" not in str(raised.value)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "thesis.txt"
    path.write_text("years of work " * 100)

    with pytest.raises(StorageError, match="is no SQLite database"):
        open_storage(sqlite_url(path))

    assert path.read_text().startswith("years of work")
