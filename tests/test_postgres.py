"""A whole search on a real PostgreSQL server, which is stopped, restarted and cut off meanwhile."""

import json
import logging
import multiprocessing
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy
from conftest import tiny_preset
from copied import contents, odd_study, search, some_fail, unheard
from formula import FormulaExecutor
from leaders import RACES
from ports import free_port
from postgres import FAST, IMMEDIATE, PASSWORD, Server

from data.store.disk import Store
from search.cli import main
from search.run import Run
from search.storage import opening as storage_module
from search.storage import patience
from search.storage.copy import copy_storage, with_new_keys
from search.storage.opening import open_storage
from search.storage.patience import PatientStorage
from search.storage.records import decisions
from search.storage.sqlite import StorageError, sqlite_url
from search.storage.status import refuse_unusable, status
from search.workers.job import Message
from studies.order import STUDIES

pytestmark = pytest.mark.slow
OF_THE_DATABASE = (
    "two_folders_get_a_study_each",
    "takers_over_at_one_moment_leave_one",
)  # the other races are the lease's


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, tiny_store: Store) -> list[Any]:
    """What the search comes to on SQLite, undisturbed."""
    folder = tmp_path_factory.mktemp("expected")
    run = a_run(folder, tiny_store, sqlite_url(folder / "studies.db"))
    search(run, tiny_store, FormulaExecutor(some_fail))
    return outcome(run)


def a_run(folder: Path, store: Store, storage: str) -> Run:
    return Run(folder, tiny_preset(), {}, str(store.path), storage)


def outcome(run: Run) -> list[Any]:
    """Everything that is stored, but for what a clock said, where it was, and which run's it is."""
    storage = open_storage(run.storage)
    timed = ("seconds", "images_per_second")
    return [
        (
            study.study_name.partition(" [")[0],
            study.directions,
            {name: value for name, value in study.user_attrs.items() if name not in ("run", "run_folder")},
            without_keys(storage, study),
            [
                (
                    trial.number,
                    trial.state,
                    trial.values,
                    trial.params,
                    trial.distributions,
                    trial.intermediate_values,
                    {name: value for name, value in trial.user_attrs.items() if name not in timed},
                    sorted((any_id(name), any_id(value)) for name, value in trial.system_attrs.items()),
                )
                for trial in storage.get_all_trials(study._study_id)
            ],
        )
        for study in storage.get_all_studies()
    ]


def without_keys(storage: PatientStorage, study: Any) -> dict[str, Any]:
    """The study's attributes, where they name trials by the database's keys, by their numbers."""
    numbers = {trial._trial_id: trial.number for trial in storage.get_all_trials(study._study_id)}
    rows = [
        with_new_keys({"key": key, "value_json": value}, {study._study_id: 0}, numbers)
        for key, value in study.system_attrs.items()
    ]
    return {row["key"]: any_id(row["value_json"]) for row in rows}


def any_id(value: Any) -> Any:
    """With the same for every artifact's id, which is random."""
    return (
        re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "an artifact", value) if isinstance(value, str) else value
    )


@pytest.mark.parametrize(
    "happens", [one for one in RACES if one.__name__ in OF_THE_DATABASE], ids=lambda one: one.__name__
)
def test_one_leader_at_a_time_writes_to_a_study(
    tmp_path: Path, tiny_store: Store, database: str, happens: Callable[[Path, Store, str], None]
) -> None:
    happens(tmp_path, tiny_store, database)


def test_a_search_comes_to_the_same_as_on_sqlite(
    tmp_path: Path, tiny_store: Store, database: str, expected: list[Any]
) -> None:
    run = a_run(tmp_path, tiny_store, database)
    search(run, tiny_store, FormulaExecutor(some_fail))

    assert outcome(run) == expected
    assert [entry["state"] for entry in status(run)] == ["decided"] * 4
    again = FormulaExecutor(some_fail)
    search(run, tiny_store, again)
    assert again.seen == []


class Interrupting(FormulaExecutor):
    """Does something to the server while a trial trains."""

    def __init__(self, happens: Callable[[int], None]) -> None:
        super().__init__(some_fail)
        self.happens = happens

    def wait(self, seconds: float) -> list[Message]:
        self.happens(len(self.seen))
        return super().wait(seconds)


@pytest.mark.parametrize("how", [FAST, IMMEDIATE], ids=lambda how: how.name)
def test_a_server_that_restarts_while_trials_train_costs_nothing(
    tmp_path: Path, tiny_store: Store, server: Server, database: str, expected: list[Any], how: signal.Signals
) -> None:
    """At one moment it is back at once, at another it stays away for some seconds."""
    starting: list[threading.Thread] = []

    def restart(trial: int) -> None:
        if trial == 2:
            server.stop(how)
            server.start()
        if trial in (1, 9):
            server.stop(how)
            starting.append(threading.Timer(4, server.start))
            starting[-1].start()

    run = a_run(tmp_path, tiny_store, database)
    try:
        search(run, tiny_store, Interrupting(restart))
    finally:
        for thread in starting:
            thread.join(60)

    assert len(starting) == 2
    assert outcome(run) == expected


def test_a_server_that_restarts_again_and_again_costs_nothing(
    tmp_path: Path, tiny_store: Store, server: Server, database: str, expected: list[Any]
) -> None:
    """At any moment: in transactions, between studies, while the storage is being opened."""
    ended = threading.Event()
    restarts = []
    open_storage(database)

    def keep_restarting() -> None:
        while not ended.wait(0.3):
            server.stop((FAST, IMMEDIATE)[len(restarts) % 2])
            server.start()
            restarts.append(time.monotonic())

    run = a_run(tmp_path, tiny_store, database)
    restarting = threading.Thread(target=keep_restarting)
    restarting.start()
    try:
        search(run, tiny_store, FormulaExecutor(some_fail))
    finally:
        ended.set()
        restarting.join(100)

    assert len(restarts) > 2
    assert outcome(run) == expected


@contextmanager
def cutting(server: Server, every: int, committed: bool) -> Iterator[tuple[int, list[int]]]:
    """A way to the server that breaks at every so-and-so-many-th commit, before the server hears of it or after.

    Gives its port, and a list that grows with every break.
    """
    commits, breaks = [0], list[int]()

    def pass_on(source: socket.socket, sink: socket.socket, cuts: bool) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if cuts and b"COMMIT" in data:
                    commits[0] += 1
                    if commits[0] % every == 0:
                        breaks.append(commits[0])
                        if committed:
                            source.shutdown(socket.SHUT_WR)  # the answer goes nowhere
                            sink.sendall(data)
                            time.sleep(0.1)
                        break
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listening.accept()
                behind = ends.enter_context(socket.create_connection(("127.0.0.1", server.port)))
                ends.enter_context(client)
                threading.Thread(target=pass_on, args=(client, behind, True), daemon=True).start()
                threading.Thread(target=pass_on, args=(behind, client, False), daemon=True).start()

    with ExitStack() as ends, socket.create_server(("127.0.0.1", 0)) as listening:
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        yield listening.getsockname()[1], breaks
        listening.shutdown(socket.SHUT_RDWR)
        accepting.join(10)


@pytest.mark.parametrize(("every", "committed"), [(7, True), (11, False)])
def test_a_connection_that_breaks_in_a_commit_neither_loses_it_nor_makes_it_twice(
    tmp_path: Path,
    tiny_store: Store,
    server: Server,
    database: str,
    expected: list[Any],
    every: int,
    committed: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether or not the server made the commit, of which the search learns nothing."""
    open_storage(database)
    name = sqlalchemy.make_url(database).database
    assert name
    with cutting(server, every, committed) as (port, breaks):
        run = a_run(tmp_path, tiny_store, server.url(name, port=port))
        monkeypatch.setattr(storage_module, "ANSWERED", {run.storage})
        search(run, tiny_store, FormulaExecutor(some_fail))

    assert len(breaks) > 20
    assert outcome(replace(run, storage=database)) == expected


def test_a_waiting_trial_is_claimed_once_though_the_answer_is_lost(
    server: Server, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = optuna.create_study(storage=open_storage(database), study_name="a")
    for count in range(12):
        study.enqueue_trial({"x": count})
    name = sqlalchemy.make_url(database).database
    assert name
    with cutting(server, 4, committed=True) as (port, breaks):
        url = server.url(name, port=port)
        monkeypatch.setattr(storage_module, "ANSWERED", {url})
        through = optuna.load_study(storage=open_storage(url), study_name="a")
        claimed = [through.ask() for _ in range(12)]
        points = [trial.suggest_int("x", 0, 20) for trial in claimed]

    assert [trial.number for trial in claimed] == points == list(range(12))
    assert len(breaks) > 5
    assert len(study.get_trials()) == 12


def test_a_server_that_stays_away_ends_the_search_in_one_sentence_and_it_goes_on_later(
    tmp_path: Path,
    tiny_store: Store,
    server: Server,
    database: str,
    expected: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 6)
    run = a_run(tmp_path, tiny_store, database)

    def stop(trial: int) -> None:
        if trial == 3:
            server.stop(FAST)

    began = time.monotonic()
    try:
        with pytest.raises(
            StorageError, match=r"reader:\*\*\*@.* cannot be used: .*run the same command to continue"
        ) as gave_up:
            search(run, tiny_store, Interrupting(stop))
    finally:
        server.start()

    assert 6 < time.monotonic() - began < 60
    assert "does not answer" in caplog.text
    assert_no_password(str(gave_up.value) + caplog.text)
    assert gave_up.value.__suppress_context__
    search(run, tiny_store, FormulaExecutor(some_fail))
    assert outcome(run) == expected


def test_a_server_that_becomes_read_only_ends_the_search_in_one_sentence_and_it_goes_on_later(
    tmp_path: Path, tiny_store: Store, server: Server, database: str, expected: list[Any]
) -> None:
    """As a standby is after a failover."""
    run, name = a_run(tmp_path, tiny_store, database), sqlalchemy.make_url(database).database

    def stop(trial: int) -> None:
        if trial == 3:
            server.do(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            server.do(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    try:
        for executor in (Interrupting(stop), FormulaExecutor(some_fail)):
            with pytest.raises(StorageError, match=r"cannot be used: .*read-only.*run the same command to continue"):
                search(run, tiny_store, executor)
    finally:
        server.do(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    search(run, tiny_store, FormulaExecutor(some_fail))

    assert outcome(run) == expected


def test_a_user_without_the_right_to_write_is_refused_in_one_sentence_and_loses_nothing(
    tmp_path: Path, tiny_store: Store, server: Server, database: str, expected: list[Any]
) -> None:
    run, name = a_run(tmp_path, tiny_store, database), sqlalchemy.make_url(database).database
    assert name
    with pytest.raises(KeyboardInterrupt):
        search(run, tiny_store, FormulaExecutor(some_fail, stop_after=3))
    server.do("DROP ROLE IF EXISTS guest")
    server.do("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    server.do("GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest", name)
    as_guest = sqlalchemy.make_url(database).set(
        username="guest", password="guest"
    )  # of a server that ends with the test

    try:
        with pytest.raises(StorageError, match=r"guest:\*\*\*@.* cannot be used: .*permission denied"):
            search(
                replace(run, storage=as_guest.render_as_string(hide_password=False)),
                tiny_store,
                FormulaExecutor(some_fail),
            )
    finally:
        server.do("DROP OWNED BY guest", name)
        server.do("DROP ROLE guest")
    search(run, tiny_store, FormulaExecutor(some_fail))

    assert outcome(run) == expected


def assert_no_password(text: str) -> None:
    quoted = sqlalchemy.URL.create("x", "reader", PASSWORD, "h").render_as_string(hide_password=False)
    assert PASSWORD not in text
    assert quoted.removeprefix("x://reader:").removesuffix("@h") not in text


def test_the_password_is_in_no_file_of_the_run_and_in_nothing_said(
    tmp_path: Path,
    tiny_store: Store,
    server: Server,
    database: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Through a restart, with everything logged that Optuna, SQLAlchemy and the driver log."""
    caplog.set_level(logging.DEBUG)
    run = a_run(tmp_path, tiny_store, database)

    def restart(trial: int) -> None:
        if trial == 2:
            server.stop(IMMEDIATE)
            server.start()

    search(run, tiny_store, Interrupting(restart))
    assert main(["status", "--run-dir", str(tmp_path), "--preset", "default", "--storage", database, "--json"]) == 2
    (tmp_path / "run.json").unlink()
    assert main(["status", "--run-dir", str(tmp_path), "--storage", database, "--json"]) == 0

    said = capfd.readouterr()
    assert len(json.loads(said.out)) == 4
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert_no_password("\n".join([said.out, said.err, caplog.text, *written]))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("password", "password authentication failed"),
        ("port", "refused"),
        ("database", 'database "no_such" does not exist'),
        ("host", "no-such-host.invalid"),
        ("option", "bogus"),
    ],
)
def test_a_server_that_cannot_be_used_ends_the_command_at_once_in_one_sentence(
    tmp_path: Path, server: Server, wrong: str, says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        secret = PASSWORD + "x"
        url = {
            "password": server.url(password=secret),
            "port": server.url(port=nobody.getsockname()[1]),
            "database": server.url("no_such"),
            "host": server.url().replace("127.0.0.1", "no-such-host.invalid"),
            "option": server.url() + "?bogus=1",
        }[wrong]
        assert main(["status", "--run-dir", str(tmp_path / "run"), "--storage", url]) == 2

    said = capfd.readouterr()
    [sentence] = said.err.splitlines()
    assert sentence.startswith("boneage-search: postgresql+psycopg://reader:***@")
    assert says in sentence
    assert_no_password(said.err + said.out)


def test_a_password_that_the_driver_repeats_is_taken_out(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    """As libpq does with the value of an option that it cannot read."""
    url = server.url() + "?sslmode=" + sqlalchemy.make_url(server.url(password="verysecret")).password
    with pytest.raises(StorageError) as refused:
        open_storage(url.replace("?sslmode=", "?password=verysecret&sslmode="))

    assert "sslmode" in str(refused.value)
    assert "verysecret" not in str(refused.value)


def test_another_programs_database_is_refused_and_left_alone(server: Server, database: str) -> None:
    name = sqlalchemy.make_url(database).database
    assert name
    server.do("CREATE TABLE photos (id INTEGER)", name)

    with pytest.raises(StorageError, match=r"reader:\*\*\*@.*/test_\d+ is the database of another program"):
        open_storage(database)

    engine = sqlalchemy.create_engine(database)
    assert sqlalchemy.inspect(engine).get_table_names() == ["photos"]
    engine.dispose()


def test_a_server_that_has_lost_all_tables_of_a_run_with_trials_is_no_new_one(
    tmp_path: Path, tiny_store: Store, server: Server, database: str
) -> None:
    run = a_run(tmp_path, tiny_store, database)
    with pytest.raises(KeyboardInterrupt):
        search(run, tiny_store, FormulaExecutor(some_fail, stop_after=3))
    name = sqlalchemy.make_url(database).database
    assert name
    (run.folder / "trials").mkdir(exist_ok=True)  # which the formula does without
    refuse_unusable(run)
    server.do("DROP SCHEMA public CASCADE; CREATE SCHEMA public", name)

    for reads in (status, refuse_unusable):
        with pytest.raises(StorageError, match=r"has no study of the run in .*, although there were trials"):
            reads(run)
    engine = sqlalchemy.create_engine(database)
    assert sqlalchemy.inspect(engine).get_table_names() == []
    engine.dispose()


def test_a_schema_of_ones_own_beside_another_programs_is_used(server: Server, database: str) -> None:
    name = sqlalchemy.make_url(database).database
    assert name
    server.do("CREATE TABLE photos (id INTEGER)", name)
    server.do("CREATE SCHEMA bones", name)

    url = f"{database}?options=-csearch_path%3Dbones"
    optuna.create_study(storage=open_storage(url), study_name="a")

    assert [study.study_name for study in open_storage(url).get_all_studies()] == ["a"]


def open_at_once(url: str, start: Barrier) -> None:
    start.wait(200)
    open_storage(url)


def test_several_processes_may_open_an_empty_database_at_the_same_moment(database: str) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(4)
    processes = [context.Process(target=open_at_once, args=(database, start), daemon=True) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(250)

    assert [process.exitcode for process in processes] == [0] * 4
    assert open_storage(database).get_all_studies() == []


def test_a_search_copied_to_the_server_and_back_is_equal_trial_for_trial(
    tmp_path: Path, tiny_store: Store, database: str
) -> None:
    run = a_run(tmp_path, tiny_store, sqlite_url(tmp_path / "here.db"))
    search(run, tiny_store, FormulaExecutor(some_fail))
    odd_study(open_storage(run.storage))
    back = sqlite_url(tmp_path / "back.db")

    copy_storage(run.storage, database, unheard)
    copy_storage(database, back, unheard)

    assert contents(open_storage(database)) == contents(open_storage(run.storage))
    assert contents(open_storage(back)) == contents(open_storage(run.storage))


def test_a_search_begun_on_sqlite_ends_on_the_server(
    tmp_path: Path, tiny_store: Store, database: str, expected: list[Any]
) -> None:
    run = a_run(tmp_path, tiny_store, sqlite_url(tmp_path / "here.db"))
    stopped = FormulaExecutor(some_fail, stop_after=9)
    with pytest.raises(KeyboardInterrupt):
        search(run, tiny_store, stopped)
    copy_storage(run.storage, database, unheard)
    moved = replace(run, storage=database)
    search(moved, tiny_store, FormulaExecutor(some_fail))

    assert outcome(moved) == expected
    assert set(decisions(open_storage(database))) == set(STUDIES)


@pytest.mark.parametrize("at", ["trials", "trial_values"])
def test_a_copy_whose_server_dies_leaves_nothing_and_can_be_repeated(
    tmp_path: Path, server: Server, database: str, at: str
) -> None:
    source = sqlite_url(tmp_path / "here.db")
    odd_study(open_storage(source))

    def die(table: str, rows: int) -> None:
        if table == at:
            server.stop(IMMEDIATE)
            server.start()

    with pytest.raises(StorageError, match=r"the copy failed .* repeat the command") as broken:
        copy_storage(source, database, die)

    assert_no_password(str(broken.value))
    assert contents(open_storage(database)) == []
    copy_storage(source, database, unheard)
    assert contents(open_storage(database)) == contents(open_storage(source))


def test_a_copy_of_a_search_that_goes_on_is_of_one_moment(tmp_path: Path, database: str) -> None:
    study = optuna.create_study(storage=open_storage(database), study_name="a")
    study.add_trial(optuna.create_trial(value=1.0, user_attrs={"beta": 1.0}))
    target = sqlite_url(tmp_path / "copy.db")

    def add_one(table: str, rows: int) -> None:
        study.add_trial(optuna.create_trial(value=2.0, user_attrs={"beta": 2.0}))

    assert copy_storage(database, target, add_one).trials == {"a": 1}
    assert [trial.value for trial in optuna.load_study(storage=open_storage(target), study_name="a").trials] == [1.0]


def test_the_dashboard_shows_a_search_on_the_server(
    tmp_path: Path, tiny_store: Store, server: Server, database: str
) -> None:
    """Also after the server was restarted."""
    search(a_run(tmp_path, tiny_store, database), tiny_store, FormulaExecutor(some_fail))
    port = free_port()
    command = [str(Path(sys.executable).with_name("boneage-search")), "dashboard", "--run-dir", str(tmp_path)]
    shown = subprocess.Popen([*command, "--storage", database, "--port", str(port)], stderr=subprocess.PIPE, text=True)

    def studies() -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/studies", timeout=60) as answer:
            return [study["study_name"].partition(" [")[0] for study in json.load(answer)["study_summaries"]]

    try:
        for _ in range(600):
            with suppress(urllib.error.URLError):
                found = studies()
                break
            assert shown.poll() is None
            time.sleep(0.1)
        server.stop(FAST)
        server.start()
        assert studies() == found == [f"{number} {name}" for number, name in enumerate(STUDIES, 1)]
    finally:
        shown.terminate()
        _, said = shown.communicate(timeout=60)
    assert_no_password(said)
