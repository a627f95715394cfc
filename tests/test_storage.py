"""The storage on real SQLite files, with other connections and other processes at it."""

import multiprocessing
import sqlite3
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import optuna
import pytest
import sqlalchemy
from optuna.trial import TrialState

from search.storage import StorageError, open_storage, sqlite_url

ASKS = 25  # of each of two processes


def a_study(path: Path) -> optuna.Study:
    return optuna.create_study(storage=open_storage(sqlite_url(path)), study_name="a")


def test_the_log_is_written_ahead(tmp_path: Path) -> None:
    storage = open_storage(sqlite_url(tmp_path / "studies.db"))

    with storage.engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(sqlalchemy.text("PRAGMA busy_timeout")).scalar() == 60_000


def test_another_connection_reads_while_a_write_is_open(tmp_path: Path) -> None:
    """As the dashboard does during a search: at once, what was there before the write."""
    path = tmp_path / "studies.db"
    study = a_study(path)
    study.add_trial(optuna.create_trial(value=1.0))
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    writer.execute("UPDATE studies SET study_name = 'b'")

    reader = sqlite3.connect(path, timeout=0)
    seen = reader.execute("SELECT study_name FROM studies").fetchall()
    reader.close()
    writer.execute("ROLLBACK")
    writer.close()

    assert seen == [("a",)]


def test_every_transaction_takes_the_write_lock_at_its_beginning(tmp_path: Path) -> None:
    """So that nobody writes between what a transaction reads and what it then changes."""
    path = tmp_path / "studies.db"
    storage = open_storage(sqlite_url(path))
    other = sqlite3.connect(path, timeout=0, isolation_level=None)

    with storage.engine.begin(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")

    other.close()


def test_an_optuna_database_opens_again(tmp_path: Path) -> None:
    path = tmp_path / "studies.db"
    a_study(path).add_trial(optuna.create_trial(value=2.5, user_attrs={"beta": 0.25}))

    study = optuna.load_study(study_name="a", storage=open_storage(sqlite_url(path)))

    assert [(trial.value, trial.user_attrs) for trial in study.trials] == [(2.5, {"beta": 0.25})]


def test_an_empty_file_is_a_new_database(tmp_path: Path) -> None:
    (tmp_path / "studies.db").touch()

    assert a_study(tmp_path / "studies.db").trials == []


@pytest.mark.parametrize("folder", ["a b", "ä", "50%", "a#b", "a%20b", "a?b"])
def test_a_run_folder_may_have_any_name(tmp_path: Path, folder: str) -> None:
    path = tmp_path / folder / "studies.db"
    path.parent.mkdir()
    a_study(path)

    assert [study.study_name for study in open_storage(sqlite_url(path)).get_all_studies()] == ["a"]
    assert path.exists()
    assert list(tmp_path.iterdir()) == [path.parent]


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "photos.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE photos (id INTEGER)")
    connection.commit()
    connection.close()
    before = path.read_bytes()

    with pytest.raises(StorageError, match=r"photos\.db is the database of another program"):
        open_storage(sqlite_url(path))

    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Buy X-ray film.\n" * 100)

    with pytest.raises(StorageError, match=r"notes\.txt is no SQLite database"):
        open_storage(sqlite_url(path))

    assert path.read_text() == "Buy X-ray film.\n" * 100


def test_half_a_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "studies.db"
    a_study(path).set_user_attr("padding", "x" * 100)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    cut = tmp_path / "cut.db"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with pytest.raises(StorageError, match=r"cut\.db .*malformed"):
        open_storage(sqlite_url(cut))


def test_a_database_of_another_optuna_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "studies.db"
    a_study(path)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = 'v2.6.0.a'")
    connection.commit()
    connection.close()

    with pytest.raises(StorageError, match=r"studies\.db was made by another version of Optuna"):
        open_storage(sqlite_url(path))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"no/such/studies\.db cannot be opened"):
        open_storage(sqlite_url(tmp_path / "no" / "such" / "studies.db"))


@pytest.mark.parametrize("url", ["studies.db", "not a url", "", "postgresql://reader@host:fivethousand/bones"])
def test_what_is_no_url_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(StorageError, match=r"sqlite:///runs/x/studies\.db"):
        open_storage(url)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url: str) -> None:
    """A run could never be continued, and no other connection would see it."""
    with pytest.raises(StorageError, match="memory"):
        open_storage(url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql+nodriver://reader:s3cret@host/bones", r"postgresql\+nodriver://reader:\*\*\*@host/bones"),
        ("mysql+nodriver://reader:s3cret@host/bones", r"mysql\+nodriver://reader:\*\*\*@host/bones"),
        ("nodialect://reader:s3cret@host/bones", r"nodialect://reader:\*\*\*@host/bones"),
        ("postgresql+nodriver://host/bones?user=reader&password=s3cret", r"postgresql\+nodriver://host/bones"),
        ("postgresql:/reader:s3cret@host/bones", "SQLAlchemy URL"),
        ("postgresql://reader:s3cret@host:fivethousand/bones", "SQLAlchemy URL"),
    ],
)
def test_a_storage_that_cannot_be_opened_is_named_without_its_password(url: str, says: str) -> None:
    with pytest.raises(StorageError, match=says) as refused:
        open_storage(url)

    assert "s3cret" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def ask_repeatedly(url: str, start: Barrier, claimed: Queue) -> None:  # type: ignore[type-arg]
    """A process of its own: enqueue and ask in turn, and say which trials it was given."""
    study = optuna.load_study(study_name="a", storage=open_storage(url), sampler=optuna.samplers.RandomSampler(seed=0))
    start.wait(60)
    numbers = []
    for count in range(ASKS):
        study.enqueue_trial({"x": count})
        trial = study.ask()
        trial.suggest_int("x", 0, ASKS)
        numbers.append(trial.number)
    claimed.put(numbers)


def test_two_processes_at_one_study_never_claim_the_same_waiting_trial(tmp_path: Path) -> None:
    path = tmp_path / "studies.db"
    study = a_study(path)
    for count in range(ASKS):
        study.enqueue_trial({"x": count})
    context = multiprocessing.get_context("spawn")
    start, claimed = context.Barrier(2), context.Queue()
    processes = [
        context.Process(target=ask_repeatedly, args=(sqlite_url(path), start, claimed), daemon=True) for _ in range(2)
    ]
    for process in processes:
        process.start()
    numbers = [number for _ in processes for number in claimed.get(timeout=60)]
    for process in processes:
        process.join(60)

    assert [process.exitcode for process in processes] == [0, 0]
    assert len(numbers) == 2 * ASKS
    assert len(set(numbers)) == len(numbers)
    running = study.get_trials(states=(TrialState.RUNNING,))
    assert {trial.number for trial in running} == set(numbers)
