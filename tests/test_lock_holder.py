"""Who holds SQLite's lock is said, as one that is stopped holds it until a person wakes it."""

import logging
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from search.lock_holder import holder
from search.storage import patience
from search.storage.opening import open_storage
from search.storage.sqlite import StorageError, beside, sqlite_url

pytestmark = pytest.mark.skipif(not Path("/proc/locks").exists(), reason="this system does not tell who holds a lock")
WRITES = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("holds", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
print("gave it back", flush=True)
sys.stdin.readline()
"""


@contextmanager
def another_that_writes(path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", WRITES, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "holds\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_the_process_that_holds_the_lock_is_found_and_that_it_is_stopped(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a b?.db"
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA journal_mode={mode}")
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    assert holder(path, beside(path, "shm")) == ""
    with another_that_writes(path) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert holder(path, beside(path, "shm")).startswith(f"process {process.pid} (")
        assert "stopped" not in holder(path, beside(path, "shm"))
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        assert f"which is stopped: `kill -CONT {process.pid}` wakes it" in holder(path, beside(path, "shm"))
        process.send_signal(signal.SIGCONT)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "gave it back\n"
        assert holder(path, beside(path, "shm")) == ""


def test_ones_own_lock_is_nobody_elses(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "own.db", isolation_level=None) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert holder(tmp_path / "own.db", beside(tmp_path / "own.db", "shm")) == ""
        connection.execute("ROLLBACK")
    connection.close()


def test_nobody_is_found_where_the_system_tells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.lock_holder.LOCKS", tmp_path / "none")
    assert holder(tmp_path / "no.db", tmp_path / "no.db-shm") == ""


@pytest.mark.slow
def test_a_search_that_meets_a_stopped_process_lock_says_whose_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "studies.db"
    open_storage(sqlite_url(path)).engine.dispose()
    monkeypatch.setattr(patience, "BUSY_SECONDS", 0.1)
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 5)
    with another_that_writes(path) as process:
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        whose = rf"database is locked by process {process.pid} \(\S+\), which is stopped: `kill -CONT {process.pid}` wakes it"
        with caplog.at_level(logging.WARNING), pytest.raises(StorageError, match=f"{whose}; when it works again"):
            open_storage(sqlite_url(path)).create_new_study(directions=[])
    assert "which is stopped" in caplog.text


def test_of_a_write_ahead_log_only_the_writers_lock_is_meant_and_a_stopped_process_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.db"
    memory = beside(path, "shm")
    memory.touch()
    with ExitStack() as ends:
        reads, writes, waits = (
            ends.enter_context(subprocess.Popen(["sleep", "60"], stdin=ends.enter_context(memory.open())))
            for _ in range(3)
        )
        try:
            waits.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, waits.pid, os.WSTOPPED | os.WNOWAIT)
            inode = memory.stat().st_ino
            lines = [f"1: POSIX ADVISORY WRITE {reads.pid} 08:01:{inode} 121 121"]
            assert locks(tmp_path, lines, monkeypatch, path) == ""
            lines.append(f"2: POSIX ADVISORY WRITE {writes.pid} 08:01:{inode} 120 EOF")
            assert locks(tmp_path, lines, monkeypatch, path).startswith(f"process {writes.pid} (")
            lines.append(f"3: POSIX ADVISORY WRITE {waits.pid} 08:01:{inode} 0 1000")
            assert locks(tmp_path, lines, monkeypatch, path).startswith(f"process {waits.pid} (")
        finally:
            for process in (reads, writes, waits):
                process.kill()


def locks(folder: Path, lines: list[str], monkeypatch: pytest.MonkeyPatch, path: Path) -> str:
    told = folder / "locks"
    told.write_text("\n".join(lines), encoding="ascii")
    monkeypatch.setattr("search.lock_holder.LOCKS", told)
    return holder(path, beside(path, "shm"))
