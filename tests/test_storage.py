"""The storage on real SQLite files, with other connections and other processes at it."""

import inspect
import multiprocessing
import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy
from optuna.storages import BaseStorage, RDBStorage, _CachedStorage
from optuna.trial import TrialState

from search.cli import main
from search.storage import patience, sqlite
from search.storage.keys import enqueue
from search.storage.opening import open_storage
from search.storage.patience import PatientStorage
from search.storage.sqlite import StorageError, reading_file, sqlite_url

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


@pytest.mark.parametrize("folder", ["a b", "ä", "50%", "a#b", "a%20b", "a?b", "a{b}"])
def test_a_run_folder_may_have_any_name(tmp_path: Path, folder: str) -> None:
    path = tmp_path / folder / "studies.db"
    path.parent.mkdir()
    a_study(path)

    assert [study.study_name for study in open_storage(sqlite_url(path)).get_all_studies()] == ["a"]
    assert path.exists()
    assert list(tmp_path.iterdir()) == [path.parent]


def test_a_url_may_hold_braces(tmp_path: Path) -> None:
    """Optuna would take them for places to put its schema's version in."""
    open_storage(f"sqlite:///{tmp_path}/{{0}}.db")

    assert [path.name for path in tmp_path.iterdir()] == ["{0}.db"]


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

    with pytest.raises(StorageError, match=r"notes\.txt is not an SQLite database"):
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
    with pytest.raises(StorageError, match=r"no/such/studies\.db cannot be opened: there is no folder .*no/such"):
        open_storage(sqlite_url(tmp_path / "no" / "such" / "studies.db"))


@pytest.mark.parametrize("url", ["sqlite:///no/such/studies.db", "sqlite:///noted.txt", "studies.db", "sqlite://"])
def test_a_database_that_cannot_be_used_is_said_before_anything_is_prepared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("noted.txt").write_text("no database")
    assert main(["ablate", "--data", "phantom:12", "--run-dir", "run", "--storage", url, "--anyway"]) == 2
    said = capsys.readouterr().err
    assert (said.startswith("boneage-search: "), said.count("\n")) == (True, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["noted.txt"]


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
        ("host=127.0.0.1 user=reader password=s3cret", "SQLAlchemy URL"),
    ],
)
def test_a_storage_that_cannot_be_opened_is_named_without_its_password(url: str, says: str) -> None:
    with pytest.raises(StorageError, match=says) as refused:
        open_storage(url)

    assert "s3cret" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_a_missing_driver_is_named_with_what_to_install() -> None:
    with pytest.raises(StorageError, match=r"driver that is not installed: pip install '\.\[postgres\]'"):
        open_storage("postgresql+pg8000://reader:s3cret@host/bones")


@contextmanager
def locked(path: Path, seconds: float) -> Iterator[None]:
    """Another connection that holds the lock for so long, and longer than one statement waits."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    ending = threading.Timer(seconds, other.rollback)
    ending.start()
    yield
    ending.cancel()
    ending.join()
    other.close()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement waits for a tenth of a second, a call for five."""
    monkeypatch.setattr(patience, "BUSY_SECONDS", 0.1)
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 5)


@pytest.mark.usefixtures("hasty")
@pytest.mark.slow
def test_a_lock_held_longer_than_a_statement_waits_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "studies.db"
    study = a_study(path)
    study.enqueue_trial({"x": 1})
    with locked(path, 1):
        trial = study.ask()
    with locked(path, 1):
        study.tell(trial, 2.0)
    with locked(path, 1):
        study.add_trial(optuna.create_trial(value=3.0))
    with locked(path, 1):
        study.set_user_attr("decision", "{}")
    with locked(path, 1):
        again = optuna.load_study(study_name="a", storage=open_storage(sqlite_url(path)))

    assert [(trial.number, trial.value) for trial in again.trials] == [(0, 2.0), (1, 3.0)]
    assert again.user_attrs == {"decision": "{}"}


@pytest.mark.usefixtures("hasty")
@pytest.mark.slow
def test_a_lock_that_stays_ends_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "studies.db"
    study = a_study(path)
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 3)
    began = time.monotonic()
    with (
        locked(path, 60),
        pytest.raises(StorageError, match=r"studies\.db cannot be used: database is locked; when it works"),
    ):
        study.add_trial(optuna.create_trial(value=3.0))

    assert 3 < time.monotonic() - began < 50
    assert "does not answer: database is locked; trying for 3 s" in caplog.text


def test_who_only_reads_is_told_who_holds_the_lock_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "studies.db"
    a_study(path)
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    hold = (
        "import sqlite3, sys; held = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "held.execute('PRAGMA locking_mode = EXCLUSIVE'); held.execute('BEGIN EXCLUSIVE'); print(1, flush=True); input()"
    )
    other = subprocess.Popen([sys.executable, "-c", hold, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout is not None
    other.stdout.readline()

    with (
        pytest.raises(StorageError, match=rf"locked by process {other.pid} .*end the other program"),
        reading_file(path),
    ):
        pass
    other.communicate(b"\n")


def test_a_full_disk_is_said_in_one_sentence_at_once(tmp_path: Path) -> None:
    storage = open_storage(sqlite_url(tmp_path / "studies.db"))

    @sqlalchemy.event.listens_for(storage.engine, "connect")
    def fill(connection: sqlite3.Connection, record: object) -> None:
        [(pages,)] = connection.execute("PRAGMA page_count").fetchall()
        connection.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(StorageError, match=r"studies\.db cannot be used: database or disk is full"):
        optuna.create_study(storage=storage, study_name="a").set_user_attr("much", "x" * 1_000_000)


@pytest.mark.parametrize("trials", [0, 1, 4, 5])
def test_trials_that_are_read_by_pages_are_all_there_once_and_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trials: int
) -> None:
    monkeypatch.setattr(patience, "PAGE", 2)
    storage = open_storage(sqlite_url(tmp_path / "studies.db"))
    one, other = (optuna.create_study(storage=storage, study_name=name) for name in ("one", "other"))
    for number in range(trials):  # in turn, so that neither's keys are without gaps
        one.add_trial(optuna.create_trial(value=float(number), user_attrs={"of": "one"}))
        other.add_trial(optuna.create_trial(state=TrialState.FAIL))

    read = open_storage(sqlite_url(tmp_path / "studies.db"))

    assert [(trial.number, trial.value) for trial in read.get_all_trials(one._study_id)] == [
        (number, number) for number in range(trials)
    ]
    assert len(read.get_all_trials(other._study_id, states=(TrialState.FAIL,))) == trials
    assert read.get_all_trials(other._study_id, states=(TrialState.COMPLETE,)) == []
    with pytest.raises(KeyError):
        read.get_all_trials(99)


def test_a_study_that_was_read_by_pages_is_kept_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PAGE", 2)
    writing = a_study(tmp_path / "studies.db")
    asked = [writing.ask() for _ in range(5)]
    writing.tell(asked[3], 3.0)
    reading = optuna.load_study(study_name="a", storage=open_storage(sqlite_url(tmp_path / "studies.db")))
    assert [trial.value for trial in reading.trials] == [None, None, None, 3.0, None]

    writing.tell(asked[0], 0.0)
    writing.add_trial(optuna.create_trial(value=5.0))

    assert [trial.value for trial in reading.trials] == [0.0, None, None, 3.0, None, 5.0]


def test_every_call_of_optunas_storage_waits_for_the_database() -> None:
    """Those of its public interface, and those that its cache makes instead."""
    calls = set(BaseStorage.__abstractmethods__) | set(
        re.findall(r"self\._backend\.(\w+)\(", inspect.getsource(_CachedStorage))
    )
    unwaiting = {name for name in calls if getattr(PatientStorage, name) is getattr(RDBStorage, name)}

    # Heartbeats are asked about, not asked for. The others end in calls that wait; deleting is a person's matter.
    assert unwaiting == {
        "create_new_trial",
        "delete_study",
        "get_all_trials",
        "get_heartbeat_interval",
        "get_heartbeat_stale_trial_callback",
        "set_trial_param",
    }


def open_at_once(url: str, start: Barrier) -> None:
    start.wait(200)
    open_storage(url)


@pytest.mark.slow
def test_several_processes_may_open_a_new_database_at_the_same_moment(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    url, start = sqlite_url(tmp_path / "studies.db"), context.Barrier(4)
    processes = [context.Process(target=open_at_once, args=(url, start), daemon=True) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(250)

    assert [process.exitcode for process in processes] == [0] * 4
    assert not list(tmp_path.glob("*.part"))


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


@pytest.mark.slow
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


def test_text_that_is_no_unicode_is_damage_and_is_not_waited_for(tmp_path: Path) -> None:
    """Of a database whose pages are whole: a bit of a text has changed."""
    url = sqlite_url(tmp_path / "studies.db")
    study = optuna.create_study(storage=open_storage(url), study_name="a study")
    study.ask().suggest_int("beta", 0, 1)
    with closing(sqlite3.connect(tmp_path / "studies.db")) as database, database:
        database.execute("UPDATE trial_params SET distribution_json = CAST(x'7bff7d' AS TEXT)")

    began = time.monotonic()
    with pytest.raises(StorageError, match="cannot be used: Could not decode") as refused:
        optuna.load_study(study_name="a study", storage=open_storage(url)).get_trials()
    assert time.monotonic() - began < 10
    assert str(refused.value).isprintable()


def test_points_that_are_asked_for_together_are_enqueued_as_optuna_enqueues_them_and_all_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search that is killed meanwhile leaves no part of a round: the next would compare the rest with trials of that part."""
    together, one_by_one = a_study(tmp_path / "a.db"), a_study(tmp_path / "b.db")
    points = [{"x": 1, "seed": 0}, {"x": 2, "seed": 0}, {"x": 1, "seed": 1}]
    enqueue(together, points, {"compared": 4})
    for point in points:
        one_by_one.enqueue_trial(point, user_attrs={"compared": 4})

    def facts(study: optuna.Study) -> list[Any]:
        return [(trial.number, trial.state, trial.system_attrs, trial.user_attrs) for trial in study.get_trials()]

    assert facts(together) == facts(one_by_one)
    in_memory = optuna.create_study()
    enqueue(in_memory, points, {"compared": 4})
    assert facts(in_memory) == facts(one_by_one)
    made = RDBStorage._get_prepared_new_trial
    calls = iter(range(3))

    def killed(*arguments: Any) -> Any:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return made(*arguments)

    monkeypatch.setattr(RDBStorage, "_get_prepared_new_trial", killed)
    with pytest.raises(KeyboardInterrupt):
        enqueue(together, points, None)
    assert len(together.get_trials()) == 3
    assert together.ask().params == one_by_one.ask().params
